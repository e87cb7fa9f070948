"""JSON Schema (draft 2020-12) of every file under `callflows/`, made from the models: for editors.

It is a little more lenient than `holdfast check`: what depends on several fields, or on another file, only
the check knows. What the check takes, the schema takes.

Alternatives are told apart by type (`if`, lists of types) rather than by `anyOf`: an editor can then say what
is wrong instead of naming all that could have been. `errorMessage` and `patternErrorMessage` are words that
servers of editors for JSON and YAML know beyond the standard; others pass over them.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from ivr.callflows import Abroad, Route, Trunk, Vips
from ivr.flow.cases import Case
from ivr.flow.clock import Clock
from ivr.flow.opening import Hours
from ivr.flow.reading import FLOW_FIELDS
from ivr.flow.step import Step
from ivr.policy import DialPolicy
from ivr.steps import verbs
from ivr.transfers import Transfers
from queues.models import Agent, Device, Pauses, Queue

Schema = dict[str, Any]

PLAIN: Schema = {"type": ["string", "number", "boolean", "null"]}
"""Any value without a colon or a dash: `42` and `yes` are texts, too, where a text is meant."""
YES_NO: Schema = {
    "enum": ["yes", "no", True, False, "on", "off", "true", "false"],
    "errorMessage": "Write `yes` or `no`.",
}
NAME = "Use a-z, 0-9, - and _, at most 40 characters; a letter or digit first."
PATTERNS = {
    r"^[a-z0-9][a-z0-9_-]{0,39}$": NAME,
    r"^([a-z0-9][a-z0-9_-]{0,39})?$": NAME,
    r"^[a-z]{2,3}(-[a-z0-9]{2,8})?$": "Write a language as `en` or `pt-br`.",
    r"^[0-9*#]*$": "Write keys: 0-9, * and #.",
    r"^[0-9]{1,4}$": "Write one to four digits.",
    r"^[0-9*#]$": "Write one key: 0-9, * or #.",
    r"^[^\n]{1,200}$": "Write one line of at most 200 characters.",
}
"""Pattern of a text → what an editor says of one that is otherwise."""
ONE_VERB = "A step has one verb, such as `play`, `menu` or `queue`, and beside it `next`."

TABLES: Mapping[str, Mapping[str, type[BaseModel]]] = {
    "queues.yaml": {"queues": Queue},
    "agents.yaml": {"agents": Agent, "devices": Device},
    "numbers.yaml": {"numbers": Route},
    "hours.yaml": {"hours": Hours},
    "trunks.yaml": {"trunks": Trunk},
    "tests/*.yaml": {"tests": Case},
}
"""File → table → what each entry of it is."""
SINGLE: Mapping[str, Mapping[str, type[BaseModel]]] = {
    "numbers.yaml": {"default": Route},
    "policy.yaml": {"dial": DialPolicy, "transfers": Transfers},
}
"""File → field → what stands there."""
TOPS: Mapping[str, type[BaseModel]] = {
    "agents.yaml": Pauses,
    "hours.yaml": Clock,
    "numbers.yaml": Abroad,
    "queues.yaml": Vips,
}
"""File → what else is at its top."""


class _Generator(GenerateJsonSchema):
    """Schemas for YAML as people write it: plain values are not typed yet."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012  (pydantic's)

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        return super().str_schema(schema) | {"type": ["string", "number", "boolean"]}

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:  # noqa: ARG002
        return dict(YES_NO)

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        return {"anyOf": [super().function_before_schema(schema), {"type": [*PLAIN["type"], "array"]}]}

    def handle_invalid_for_json_schema(self, schema: CoreSchema, error_info: str) -> JsonSchemaValue:  # noqa: ARG002
        return {}


def schemas() -> dict[str, Schema]:
    """Name → schema: `flow.json` is for `flows/*.yaml`, `queues.json` for `queues.yaml`, and so on."""
    found = {_named(file): _settings(file) for file in {**TABLES, **SINGLE}}
    return {"flow.json": flow_schema(), **found}


def schema_of(file: str) -> str:
    """Name of the schema that is for a file, such as `flows/main.yaml`."""
    return "flow.json" if file.startswith("flows/") else _named(file)


def _named(file: str) -> str:
    return f"{file.removesuffix('.yaml').removesuffix('/*').partition('/')[0]}.json"


def fields_schema(model: type[BaseModel], without: str = "") -> Schema:
    """The fields of a model as they are written; `$defs` has the models within."""
    fields: dict[str, Any] = {
        name: (field.annotation, field) for name, field in model.model_fields.items() if name != without
    }
    bare = create_model(model.__name__, __config__=ConfigDict(extra="forbid"), **fields)
    schema = bare.model_json_schema(schema_generator=_Generator)
    for name, written in schema.get("properties", {}).items():
        written.pop("title", None)
        if fields[name][1].description:
            written["description"] = fields[name][1].description
    return schema | {"description": _sentence(model)}


def _sentence(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _settings(file: str) -> Schema:
    definitions: Schema = {}
    properties: Schema = {
        table: {
            "description": _sentence(model),
            "type": ["object", "null"],
            "additionalProperties": {
                "anyOf": [_hoisted(fields_schema(model), definitions), {"type": "null"}]
            },
        }
        for table, model in TABLES.get(file, {}).items()
    }
    for field, model in SINGLE.get(file, {}).items():
        properties[field] = _hoisted(fields_schema(model), definitions)
    if file in TOPS:
        properties |= _hoisted(fields_schema(TOPS[file]), definitions)["properties"]
    return _whole(file, properties, definitions)


def flow_schema() -> Schema:
    """Of one flow: its steps, each with one verb and where each outcome leads."""
    definitions: Schema = {}
    kinds = verbs()
    several: Schema = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"$ref": "#/$defs/step"},
    }
    known: Schema = {
        "title": {**PLAIN, "description": "What people call the flow."},
        "start": {**PLAIN, "description": "The first step; not written: the one written first."},
        "steps": {**several, "description": "The steps by name; the call begins with the first."},
        "after_agent": {**several, "description": "Steps that follow when an agent has left."},
    }
    properties = {name: known.get(name, {}) for name in FLOW_FIELDS}
    definitions["step"] = {
        "type": "object",
        "properties": {
            **{verb: _verb(kind, definitions) for verb, kind in kinds.items()},
            "next": {
                "description": "The step that follows: one for all outcomes, or one for each.",
                "type": ["string", "number", "boolean", "object"],
            },
        },
        "additionalProperties": False,
        "allOf": [
            {"if": {"not": _one_verb(list(kinds))}, "then": {"type": "null", "errorMessage": ONE_VERB}},
            *(
                {"if": {"required": [verb]}, "then": {"properties": {"next": _next(kind)}}}
                for verb, kind in kinds.items()
            ),
        ],
    }
    return _whole("flows/*.yaml", properties, definitions) | {"required": ["steps"]}


def _verb(kind: type[Step], definitions: Schema) -> Schema:
    """What may stand behind a verb: its fields, or the main one alone, or nothing if none is needed."""
    fields = _hoisted(fields_schema(kind, without="next"), definitions)
    whole: Schema = {"description": fields.pop("description"), "type": ["object"]}
    main: Schema = {}
    if kind.main is not None:
        main = {key: value for key, value in fields["properties"][kind.main].items() if key != "description"}
        words = main.get("enum")
        kinds = ["string"] if words else ["string", "number", "boolean", "array"]
        whole["type"] = [*kinds, "object"]  # an editor begins with the first
        whole |= {"examples": words} if words else {}
    if not fields.get("required"):
        main = _or_nothing(main)
        whole["type"].append("null")
    if kind.only_main:
        return whole | main
    return whole | {"if": {"type": "object"}, "then": fields, "else": main}


def _or_nothing(schema: Schema) -> Schema:
    """The same, or nothing at all."""
    if "anyOf" in schema:
        return schema | {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    kinds = schema.get("type")
    made = dict(schema)
    if kinds is not None:
        made["type"] = [*([kinds] if isinstance(kinds, str) else kinds), "null"]
    return made | ({"enum": [*schema["enum"], None]} if "enum" in schema else {})


def _one_verb(kinds: list[str]) -> Schema:
    alone = {"anyOf": [{"maxProperties": 1}, {"required": ["next"], "maxProperties": 2}]}
    return {"allOf": [{"anyOf": [{"required": [verb]} for verb in kinds]}, alone]}


def _next(kind: type[Step]) -> Schema:
    """One step for all outcomes, or one for each."""
    target = {"type": ["string", "number", "boolean"]}
    each = {outcome: target | {"description": _follows(kind, outcome)} for outcome in kind.outcomes}
    own = kind.possible is not Step.possible  # it has outcomes of its own, such as the keys of a menu
    return {
        "type": [*target["type"], "object"],
        "properties": each,
        "additionalProperties": target if own else False,
    }


def _follows(kind: type[Step], outcome: str) -> str:
    text = f"The step that follows outcome `{outcome}` of `{kind.__module__.rpartition('.')[2]}`."
    if outcome in kind.otherwise:
        way = kind.otherwise[outcome]
        text += f" Not written: that of `{way}`." if way else " Not written: the call ends, or `after_agent`."
    return text


def _hoisted(schema: Schema, definitions: Schema) -> Schema:
    definitions.update({name: _mended(each) for name, each in schema.pop("$defs", {}).items()})
    return _mended(schema)


def _mended(schema: Schema) -> Schema:
    """With what pydantic puts beside alternatives where it belongs: lengths nowhere, the rest inside."""
    for value in schema.values():
        for each in [value] if isinstance(value, dict) else value if isinstance(value, list) else []:
            if isinstance(each, dict):
                _mended(each)
    if "default" in schema and schema["default"] in (None, "", [], {}):
        del schema["default"]  # an editor would write `null` or `[]` there
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and pattern in PATTERNS:
        schema["patternErrorMessage"] = PATTERNS[pattern]
    if "anyOf" in schema:
        schema.pop("minLength", None)
        schema.pop("maxLength", None)
        if "additionalProperties" in schema and "properties" not in schema:
            schema["anyOf"][0]["additionalProperties"] = schema.pop("additionalProperties")
    return schema


def _whole(file: str, properties: Schema, definitions: Schema) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Holdfast: {file}",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "$defs": definitions,
    }
