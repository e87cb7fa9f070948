"""Each event of a call says in words whatever is worth knowing: another value, other words."""

from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest

from calllog.call_events import AnyCallEvent, CallEvent
from calllog.events import decode
from calllog.words import details

NOT_SAID = {
    "arrived": {"language": "steps show it", "asterisk": "the call's id shows it", "journey": "for figures"},
    "step": {"flow": "the path says it", "version": "trace says it", "changed": "trace says it"},
    "joined": {"score": "place and head start say it"},
    "overtaken": {"queue": "the one he waits in"},
    "moved": {"score": "the place says it"},
    "announced": {"estimator": "for figures"},
    "offered": {"lease_ms": "for operators"},
    "declined": {"attempt": "`offered` says it"},
    "recorded": {"recording": "a file's name", "from": "`arrived` says it"},
    "ended": dict.fromkeys(("lifetime_ms", "flow_ms", "wait_ms", "held_ms", "talk_ms"), "below the table"),
}
"""Fields that the words leave out, and why."""
HIDES = {"input": {"length": ("digits",)}, "moved": {"queue": ("position",)}} | {
    kind: {
        "to": ("agent", "queue"),
        "agent": ("to", "queue"),
        "queue": ("to", "agent"),
    }
    for kind in ("transferred", "transfer_failed", "consulted", "consult_ended")
}
"""Kind → field → others that are not there when it is."""
COMMON = {field.name for field in msgspec.structs.fields(CallEvent)}


def two_values(kind: Any) -> tuple[Any, Any]:
    """Of a field of that type, as JSON."""
    words = [word for one in (kind, *get_args(kind)) if get_origin(one) is Literal for word in get_args(one)]
    if words:
        return words[0], words[-1]
    text = str(kind)
    if "dict" in text or "Mapping" in text:
        return {"vip": 60, "weight": 1}, {"credit": 7}
    return (70_000, 9_000_000) if "int" in text or "float" in text else ("one", "another")


def cases() -> list[Any]:
    found = []
    for kind in get_args(AnyCallEvent):
        tag = str(kind.__struct_config__.tag)
        own = {one.encode_name: one.type for one in msgspec.structs.fields(kind) if one.name not in COMMON}
        for name in own.keys() - NOT_SAID.get(tag, {}).keys():
            others = own.keys() - {name, *HIDES.get(tag, {}).get(name, ())}
            same = {other: two_values(own[other])[0] for other in others}
            pair = [{"kind": tag, **same, name: value} for value in two_values(own[name])]
            found.append(pytest.param(*pair, id=f"{tag}-{name}"))
    return sorted(found, key=lambda case: str(case.id))


@pytest.mark.parametrize(("one", "another"), cases())
def test_another_value_other_words(one: dict[str, Any], another: dict[str, Any]) -> None:
    common = {"id": "c:1", "site": "s", "call": "c", "seq": 1, "source": "observed", "at": 1, "logged_at": 1}
    texts = [details(decode(msgspec.json.encode(common | fields))) for fields in (one, another)]
    assert texts[0] != texts[1]
    assert all(texts)
