"""As much of JSON Schema (draft 2020-12) as our schemas use; an unknown keyword is an error."""

import re
from collections.abc import Callable
from typing import Any

Schema = dict[str, Any]

_TYPES: dict[str, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
_SAID = {"$schema", "$defs", "title", "description", "default", "format", "examples"}
_SAID |= {"errorMessage", "patternErrorMessage"}
"""What says something to people; the last two are words of editors."""


def fits(value: object, schema: Schema | bool, root: Schema) -> bool:
    """Whether `value` is valid against `schema`, whose references lead into `root`."""
    if isinstance(schema, bool):
        return schema
    return all(_keyword(word, value, schema, root) for word in schema.keys() - _SAID)


def _keyword(word: str, value: object, schema: Schema, root: Schema) -> bool:
    said = schema[word]
    match word, value:
        case "$ref", _:
            return fits(value, root["$defs"][said.removeprefix("#/$defs/")], root)
        case "type", _:
            return any(_TYPES[each](value) for each in ([said] if isinstance(said, str) else said))
        case "enum", _:
            return value in said
        case "const", _:
            return bool(value == said)
        case "anyOf", _:
            return any(fits(value, each, root) for each in said)
        case "oneOf", _:
            return sum(fits(value, each, root) for each in said) == 1
        case "allOf", _:
            return all(fits(value, each, root) for each in said)
        case "not", _:
            return not fits(value, said, root)
        case "if", _:
            return fits(value, schema.get("then" if fits(value, said, root) else "else", True), root)
        case (("then" | "else"), _):
            return "if" in schema
        case (
            ("properties" | "additionalProperties" | "patternProperties" | "propertyNames" | "required"),
            dict(),
        ):
            return _of_object(word, value, schema, root)
        case ("minProperties" | "minItems" | "minLength", dict() | list() | str()):
            return bool(len(value) >= said)
        case ("maxProperties" | "maxItems" | "maxLength", dict() | list() | str()):
            return bool(len(value) <= said)
        case "items", list():
            return all(fits(each, said, root) for each in value)
        case "prefixItems", list():
            return all(fits(each, one, root) for each, one in zip(value, said, strict=False))
        case "pattern", str():
            return re.search(said, value) is not None
        case "minimum", int() | float():
            return bool(value >= said)
        case "maximum", int() | float():
            return bool(value <= said)
        case "exclusiveMinimum", int() | float():
            return bool(value > said)
    assert word in KNOWN, f"keyword {word} is not known here"
    return True


OF_OBJECTS = ("properties", "additionalProperties", "patternProperties", "propertyNames", "required")
KNOWN = {
    *OF_OBJECTS,
    "items",
    *("minProperties", "maxProperties", "minItems", "maxItems", "minLength", "maxLength", "pattern"),
    *("minimum", "maximum", "exclusiveMinimum", "prefixItems"),
}


def _of_object(word: str, value: dict[str, object], schema: Schema, root: Schema) -> bool:
    said = schema[word]
    if word == "required":
        return all(name in value for name in said)
    if word == "propertyNames":
        return all(fits(name, said, root) for name in value)
    if word == "properties":
        return all(fits(value[name], each, root) for name, each in said.items() if name in value)
    patterns = schema.get("patternProperties", {})
    if word == "patternProperties":
        return all(
            fits(each, one, root)
            for pattern, one in said.items()
            for name, each in value.items()
            if re.search(pattern, name)
        )
    others = [
        each
        for name, each in value.items()
        if name not in schema.get("properties", {})
        and not any(re.search(pattern, name) for pattern in patterns)
    ]
    return all(fits(each, said, root) for each in others)
