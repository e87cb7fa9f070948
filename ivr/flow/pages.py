"""The page of each step in `docs/steps/`, made from its model: its fields, its outcomes, an example."""

from collections.abc import Iterator
from typing import Any

from ivr.flow.schema import YES_NO, fields_schema
from ivr.flow.step import Step
from ivr.steps import verbs

HEAD = "<!-- Made by `make docs` from ivr/steps/{verb}.py: edit that file. -->\n"

_WHILE_WAITING = "\nIt may be in the menu of a queue ([queues.md](../queues.md#a-menu-in-the-queue)).\n"


def pages() -> dict[str, str]:
    """File name of each page → its text, in Markdown; `README.md` lists the steps."""
    return {"README.md": _index(), **{f"{verb}.md": page(verb) for verb in verbs()}}


def page(verb: str) -> str:
    """The page of one step."""
    kind = verbs()[verb]
    schema = fields_schema(kind, without="next")
    inner = [
        f"\n### Fields of {name.lower()}\n\n{each.get('description', '')}\n\n{_rows(each)}"
        for name, written in schema.get("$defs", {}).items()
        for each in written.get("anyOf", [written])
        if "properties" in each
    ]
    parts = [
        HEAD.format(verb=verb),
        f"# {verb}\n\n{_sentence(kind)}\n",
        _WHILE_WAITING if kind.while_waiting else "",
        f"\n```yaml\n{kind.example}```\n",
        f"\n## Fields\n\n{_table(kind, schema)}",
        *inner,
        f"\n## Outcomes\n\n{_outcomes(kind)}\n",
    ]
    return "".join(parts)


def facts(verb: str) -> dict[str, object]:
    """What the page says, for programs: JSON Schema of the fields, outcomes, example."""
    kind = verbs()[verb]
    return {
        "description": _sentence(kind),
        "fields": fields_schema(kind, without="next"),
        "main": kind.main,
        "outcomes": kind.outcomes,
        "example": kind.example,
    }


def _index() -> str:
    rows = [f"| [{verb}]({verb}.md) | {_first(kind)} |" for verb, kind in verbs().items()]
    head = "# Steps\n\nWhat a flow can do. Each step has one of these verbs.\n\n| verb | |\n|---|---|\n"
    return HEAD.format(verb="*") + head + "\n".join(rows) + "\n"


def _first(kind: type[Step]) -> str:
    return _sentence(kind).partition(". ")[0].rstrip(".") + "."


def _sentence(kind: type[Step]) -> str:
    return " ".join((kind.__doc__ or "").split())


def _table(kind: type[Step], schema: dict[str, Any]) -> str:
    if not schema.get("properties"):
        return "None.\n"
    lines = []
    if kind.main is not None:
        lines.append(f"`{kind.main}` is the one meant by a value right behind the verb.\n\n")
    return "".join(lines) + _rows(schema)


def _rows(schema: dict[str, Any]) -> str:
    needed = schema.get("required", [])
    rows = ["| field | takes | default | meaning |", "|---|---|---|---|"]
    for name, field in schema["properties"].items():
        default = "(needed)" if name in needed else _value(field.get("default"))
        meaning = " ".join(field.get("description", "").split()).replace("|", "\\|")
        rows.append(f"| `{name}` | {takes(field)} | {default} | {meaning} |")
    return "\n".join(rows) + "\n"


def _value(value: object) -> str:
    match value:
        case None | "" | [] | {}:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case list():
            return ", ".join(map(str, value))
    return str(value)


def takes(field: dict[str, Any]) -> str:
    """What may be written in a field, in words."""
    return ", or ".join(dict.fromkeys(_shapes(field)))


def _shapes(field: dict[str, Any]) -> Iterator[str]:
    if "anyOf" in field:
        for each in field["anyOf"]:
            yield from _shapes(each)
    elif "$ref" in field:
        yield f"[fields](#fields-of-{field['$ref'].rpartition('/')[2].lower()})"
    elif field.get("enum") == YES_NO["enum"]:
        yield "yes or no"
    elif "enum" in field:
        yield " ".join(f"`{each}`" for each in field["enum"])
    elif "const" in field:
        yield f"`{field['const']}`"
    else:
        yield from _simple(field)


def _simple(field: dict[str, Any]) -> Iterator[str]:
    match field.get("type"):
        case "integer":
            yield f"a whole number{_bounds(field)}"
        case "number":
            yield f"a number{_bounds(field)}"
        case "array":
            yield "a list"
        case "object":
            yield "names and values"
        case "null":
            return
        case list() as kinds if "array" not in kinds:
            yield "a text"


def _bounds(field: dict[str, Any]) -> str:
    low, above, high = field.get("minimum"), field.get("exclusiveMinimum"), field.get("maximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    if above is not None and high is not None:
        return f" above {above:g}, at most {high:g}"
    if low is not None:
        return f" from {low:g}"
    return f" up to {high:g}" if high is not None else ""


def _outcomes(kind: type[Step]) -> str:
    if not kind.outcomes and kind.possible is Step.possible:
        return "None: the call ends here."
    lines = [f"- `{outcome}`{_unwritten(kind, outcome)}" for outcome in kind.outcomes]
    if kind.possible is not Step.possible:
        lines.append("- which of them can happen, and which others, depends on the fields and on `next:`")
    return "\n".join(lines)


def _unwritten(kind: type[Step], outcome: str) -> str:
    if outcome not in kind.otherwise:
        return ""
    way = kind.otherwise[outcome]
    return (
        f": goes the way of `{way}` if it is not written" if way else ": the call ends if it is not written"
    )
