"""docs/call-log.md says what the types say: every kind, every field, every reason, and which are personal."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from calllog.event import Event
from calllog.events import AnyEvent, personal_fields
from calllog.vocabulary import LEFT_CLASS, Verdict
from tests.unit.calllog.test_table import SHOWN

PAGE = (Path(__file__).parents[3] / "docs" / "call-log.md").read_text()
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE))
KINDS: list[type[Event]] = list(get_args(AnyEvent))


def kind(event: type[Event]) -> str:
    return str(event.__struct_config__.tag)


def test_every_kind_is_described_and_no_other() -> None:
    assert list(ROWS) == [kind(event) for event in KINDS]


@pytest.mark.parametrize("event", KINDS, ids=kind)
def test_every_field_is_described(event: type[Event]) -> None:
    common = {field.name for field in msgspec.structs.fields(Event)} | {"call", "seq"}
    if kind(event) in ("agent_state", "disposition"):
        common.remove("call")
    fields = {
        field.encode_name: field.name for field in msgspec.structs.fields(event) if field.name not in common
    }
    assert set(re.findall(r"`(\w+)`", ROWS[kind(event)])) == set(fields)
    personal = {name for name, inner in fields.items() if inner in personal_fields(event)}
    assert set(re.findall(r"\*\*`(\w+)`\*\*", ROWS[kind(event)])) == personal


def test_every_reason_and_verdict_is_described() -> None:
    for word in (*LEFT_CLASS, *get_args(Verdict)):
        assert f"`{word}`" in PAGE


def test_the_example_is_what_is_printed() -> None:
    assert SHOWN in PAGE
