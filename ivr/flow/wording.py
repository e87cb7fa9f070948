"""What is wrong, in an admin's words; the nearest valid name for one that was misspelt."""

from collections.abc import Iterable, Iterator
from re import findall
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ivr.flow.document import Fields, Node, Problem, place_of, plain
from ivr.flow.naming import Misnamed, closest, nearest

__all__ = ["Misnamed", "closest", "fit", "nearest", "only"]

Model = TypeVar("Model", bound=BaseModel)

_NAME_HINT = "use a-z, 0-9, - and _, at most 40 characters"
_HINTS = {
    r"^[0-9]{1,4}$": "write one to four digits",
    r"^[0-9*#]$": "write one key: 0-9, * or #",
    r"^[A-Za-z0-9._+~*=@-]{1,64}$": "use letters, digits and . _ + ~ * = @ -, at most 64 characters",
}
"""Pattern of a field that holds no name of ours → what it may hold."""


def fit(model: type[Model], node: Node, problems: list[Problem], what: str = "") -> Model | None:
    """The node as a `model`. If it does not fit: None, and each error, led by `what`, is in `problems`."""
    try:
        return model.model_validate(plain(node))
    except ValidationError as error:
        lead = f"{what}: " if what else ""
        problems.extend(_problems(model, node, error, lead))
        return None


def only(node: Fields, known: Iterable[str], problems: list[Problem], what: str) -> None:
    """Complain about every field of `node` that is not `known`."""
    for name, place in node.keys.items():
        if name not in known:
            problems.append(Problem(place, f"{what} has no field `{name}`", nearest(name, known)))


def _problems(model: type[BaseModel], node: Node, error: ValidationError, lead: str) -> Iterator[Problem]:
    details = error.errors(include_url=False)
    for detail in details:
        path = detail["loc"]
        if detail["type"] == "too_short" and any(other["loc"][:-1] == path for other in details):
            continue  # pydantic counts only the items that are right; the wrong ones speak for themselves
        unknown = detail["type"] == "extra_forbidden" or path[-1:] == ("[key]",)
        path = path[:-1] if path[-1:] == ("[key]",) else path
        text, hint = _words(model, detail)
        yield Problem(place_of(node, path, key=unknown), lead + text, hint)


def _words(model: type[BaseModel], detail: ErrorDetails) -> tuple[str, str]:
    loc = detail["loc"][:-2] if detail["loc"][-1:] == ("[key]",) else detail["loc"]
    field = next((str(part) for part in reversed(loc) if isinstance(part, str)), "")
    given = _shown(detail["input"])
    match detail["type"]:
        case "extra_forbidden":
            return f"unknown field `{field}`", nearest(field, model.model_fields)
        case "missing":
            return f"field `{field}` is missing", ""
        case "int_parsing" | "int_type" | "int_from_float":
            return f"`{field}` must be a whole number, not {given}", ""
        case "float_parsing" | "float_type":
            return f"`{field}` must be a number, not {given}", ""
        case "bool_parsing" | "bool_type":
            return f"`{field}` must be `yes` or `no`, not {given}", ""
        case "string_type":
            return f"`{field}` must be a text, not {given}", ""
        case "string_pattern_mismatch":
            wrong = "be" if loc is detail["loc"] else "have"
            return f"`{field}` cannot {wrong} {given}", _HINTS.get(detail["ctx"]["pattern"], _NAME_HINT)
        case "literal_error":
            choices = findall("'([^']*)'", detail["ctx"]["expected"])
            return f"`{field}` cannot be {given}", nearest(str(detail["input"]), choices)
        case "tuple_type" | "list_type":
            return f"`{field}` must be a list, not {given}", ""
        case "dict_type" | "model_type" | "model_attributes_type" | "mapping_type":
            return f"`{field}` must have fields of its own, not {given}", ""
        case "value_error":
            error = detail["ctx"]["error"]
            return str(error), getattr(error, "hint", "")
    reason = detail["msg"].replace("Input should be", "must be").replace("String should", "must")
    return f"`{field}`: {reason}, not {given}" if field else reason, ""


def _shown(value: object) -> str:
    match value:
        case None:
            return "empty"
        case str():
            return f"`{value}`" if len(value) <= 40 else f"`{value[:40]}…`"
        case dict():
            return "fields"
        case list() | tuple():
            return "a list"
    return f"`{value}`"
