"""Recordings and surveys in a call's log: what is sound, what is not, and the words for people."""

from typing import Any

import pytest

from calllog.call_events import Recorded
from calllog.events import HIDDEN, redacted
from calllog.grammar import violations
from calllog.words import details
from tests.unit.calllog.held_call import Draft, events_of

ARRIVED: Draft = (0, {"kind": "arrived", "to": "100"})
JOINED: list[Draft] = [
    (100, {"kind": "joined", "queue": "sales", "position": 1, "score": 1.0}),
    (100, {"kind": "hold_started", "by": "queue"}),
]
SAID = {"kind": "recorded", "path": "main/v", "recording": "x-1", "length_ms": 2000}
MESSAGE: Draft = (300, {**SAID, "box": "office", "from": "4930"})
RECORDED: Draft = (300, SAID)


def offered(survey: str = "csat") -> Draft:
    return 300, {"kind": "survey_offered", "path": "main/rate", "survey": survey}


def answered(score: int = 4, **fields: Any) -> Draft:
    scale = {"score": score, "lowest": 1, "highest": 5}
    return 300, {"kind": "survey_answered", "path": "main/rate", "survey": "csat", **scale, **fields}


def found(*drafts: Draft) -> list[str]:
    return [f"{one.rule}: {one.what}" for one in violations(events_of([ARRIVED, *drafts]), live=True)]


@pytest.mark.parametrize(
    "drafts",
    [
        [MESSAGE],
        [RECORDED, RECORDED],
        [offered()],
        [offered(), answered()],
        [offered(), offered(), answered(1)],
        [offered(), answered(5), offered(), answered(2)],
    ],
)
def test_what_is_sound(drafts: list[Draft]) -> None:
    assert found(*drafts) == []


NOT_ASKED = "survey: csat is answered, but was not asked there"


@pytest.mark.parametrize(
    ("drafts", "expected"),
    [
        ([answered()], NOT_ASKED),
        ([offered("other"), answered()], NOT_ASKED),
        ([offered(), answered(path="main/other")], NOT_ASKED),
        ([offered(), answered(), answered()], NOT_ASKED),
        ([offered(), answered(0)], "survey: 0 is not on the scale from 1 to 5"),
        ([offered(), answered(6)], "survey: 6 is not on the scale from 1 to 5"),
        ([JOINED[0], MESSAGE], "order: `recorded` between `joined` and the queue's hold"),
    ],
)
def test_what_is_not(drafts: list[Draft], expected: str) -> None:
    assert found(*drafts) == [expected]


def test_in_words() -> None:
    events = events_of([ARRIVED, MESSAGE, RECORDED, offered(), answered()])
    assert [details(event) for event in events[1:]] == [
        *("main/v: 2.0 s, box office", "main/v: 2.0 s", "main/rate: csat", "main/rate: csat, 4 (1 to 5)")
    ]


def test_who_left_a_message_is_personal() -> None:
    (event,) = events_of([MESSAGE])
    hidden = redacted(event)
    assert isinstance(hidden, Recorded)
    assert hidden.from_ == HIDDEN
