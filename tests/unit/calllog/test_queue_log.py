"""The export as queue_log: a reader written from Asterisk's documentation finds the counts of the naive twin.

The reader shares nothing with calllog/queue_log.py; tests/alone/test_queue_log.py gives it
a real Asterisk's lines.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from calllog.call_events import AnyCallEvent, CallEvent
from calllog.events import AnyEvent, decode
from calllog.queue_log import QueueLog, clean
from tests.figures.days import day
from tests.figures.naive import Log, legs, offers, waits
from tests.rig.queue_log import FIELDS, LEAVES, TALKS_END, Read, read
from tests.unit.calllog.drafts import ANSWERED, ARRIVED, Drafts, ended, left
from tests.unit.calllog.held_call import CALL, HELD_CALL, events_of

PAGE = (Path(__file__).parents[3] / "docs" / "queue-log.md").read_text()


def exported(events: list[AnyEvent], **options: Any) -> list[Read]:
    log = QueueLog(**options)
    return [read(line.text) for event in events for line in log.add(event)]


def seconds(ms_from: int, ms_to: int) -> int:
    """As a clock of whole seconds measures it."""
    return ms_to // 1000 - ms_from // 1000


@pytest.mark.parametrize("block", range(10))
def test_counts_waits_and_abandons_are_those_of_the_naive_twin(block: int) -> None:
    for seed in range(block * 30, block * 30 + 30):
        lines = day(seed, now=1 << 60)
        told, log = exported([decode(line) for line in lines]), Log(lines)
        true = waits(log)
        entered = Counter((one.call, one.queue, one.at) for one in told if one.record == "ENTERQUEUE")
        assert entered == Counter((one["call"], one["queue"], one["joined_at"] // 1000) for one in true)
        connects = Counter(
            (one.call, one.queue, one.agent, one.data["holdtime"]) for one in told if one.record == "CONNECT"
        )
        assert connects == Counter(
            (one["call"], one["queue"], one["agent"], seconds(one["joined_at"], one["joined_at"] + one["ms"]))
            for one in true
            if one["class"] == "A"
        ), f"day {seed}"
        abandons = Counter(
            (one.call, one.queue, one.data["waittime"]) for one in told if one.record == "ABANDON"
        )
        assert abandons == Counter(
            (one["call"], one["queue"], seconds(one["joined_at"], one["joined_at"] + one["ms"]))
            for one in true
            if one["class"] == "B"
        ), f"day {seed}"
        flowed = Counter(one.call for one in told if one.record in LEAVES and one.record != "ABANDON")
        assert flowed == Counter(one["call"] for one in true if one["class"] in "FX"), f"day {seed}"
        assert sum(entered.values()) == sum(connects.values()) + sum(abandons.values()) + sum(flowed.values())


def test_talks_and_rings_are_those_of_the_naive_twin() -> None:
    """A talk that began with a hand-over has no record in Asterisk either."""
    seen: Counter[str] = Counter()
    for seed in range(100):
        lines = day(seed, now=1 << 60)
        told, log = exported([decode(line) for line in lines]), Log(lines)
        ends = [one for one in told if one.record in TALKS_END]
        connected = {(one.call, one.at): one for one in told if one.record == "CONNECT"}
        true = Counter(
            (leg["call"], leg["agent"], leg["over_at"] // 1000, seconds(leg["bridged_at"], leg["over_at"]))
            for leg in legs(log)
            if (leg["call"], leg["bridged_at"] // 1000) in connected
        )
        assert Counter((one.call, one.agent, one.at, one.data["calltime"]) for one in ends) <= true, (
            f"day {seed}"
        )
        assert len(ends) == len(connected), f"day {seed}"
        rung = Counter(one.agent for one in told if one.record in ("RINGNOANSWER", "RINGCANCELED"))
        in_vain = Counter(
            one["agent"] for one in offers(log) if one["result"] not in ("bridged", "consulted")
        )
        assert rung <= in_vain
        seen.update(one.record for one in told)
    assert {*LEAVES, *TALKS_END, "RINGNOANSWER", "RINGCANCELED", "CONFIGRELOAD", "QUEUESTART"} <= set(seen)


def test_one_call_by_hand() -> None:
    """The call of docs/call-log.md: joined at 2.843 s, bob took it at 14.021 s, they parted at 25.250 s."""
    log = QueueLog()
    lines = [line.text for event in events_of(HELD_CALL) for line in log.add(event)]
    assert lines == [
        f"1795309700|{CALL}|sales|NONE|DID|100",
        f"1795309700|{CALL}|sales|NONE|ENTERQUEUE||1001|2",
        f"1795309709|{CALL}|sales|alice|RINGNOANSWER|6080",
        f"1795309712|{CALL}|sales|bob|CONNECT|12|{CALL}-a2|2",
        f"1795309723|{CALL}|sales|bob|COMPLETECALLER|12|11|2",
    ]
    assert "\n".join(lines) in PAGE


def test_every_record_and_reason_is_in_the_documentation() -> None:
    assert [record for record in FIELDS if f"`{record}`" not in PAGE] == []


JOINED: Drafts = [
    ARRIVED,
    ANSWERED,
    (100, {"kind": "joined", "queue": "sales", "position": 3, "score": 1.0}),
    (100, {"kind": "hold_started", "by": "queue"}),
]


def of(drafts: Drafts, **options: Any) -> list[str]:
    """Records of a call and their data, without the ones that all have."""
    told = exported(list(events_of(drafts)), **options)
    return [
        "|".join([one.agent, one.record, *map(str, one.data.values())])
        for one in told
        if one.record not in ("ENTERQUEUE", "DID")
    ]


@pytest.mark.parametrize(
    ("reason", "record"),
    [
        ("timeout", "NONE|EXITWITHTIMEOUT|2|3|1"),
        ("closed", "NONE|EXITEMPTY|2|3|1"),
        ("no_agents", "NONE|EXITEMPTY|2|3|1"),
        ("exit_key", "NONE|EXITWITHKEY|7|2|3|1"),
        ("caller_hangup", "NONE|ABANDON|2|3|1"),
        ("caller_hangup_ringing", "NONE|ABANDON|2|3|1"),
        ("overflow", "NONE|WITHDRAW|2|3|1|overflow"),
        ("callback_accepted", "NONE|WITHDRAW|2|3|1|callback_accepted"),
        ("system_error", "NONE|WITHDRAW|2|3|1|system_error"),
    ],
)
def test_each_way_out_of_a_queue(reason: str, record: str) -> None:
    pressed: Drafts = [(500, {"kind": "input", "path": "queue/menu", "digits": "7"})]
    gone = left(1100, reason, 1000, position=2, original_position=3)
    assert of([*JOINED, *pressed, *gone, ended(1200, "overflowed", wait_ms=1000)]) == [record]


TALK: Drafts = [
    *JOINED,
    (200, {"kind": "offered", "agent": "bob", "attempt": 1}),
    *left(1100, "answered", 1000),
    (1100, {"kind": "bridged", "agent": "bob"}),
]
PARTED = {"kind": "unbridged", "agent": "bob", "talk_ms": 2000, "held_ms": 0}


@pytest.mark.parametrize(
    ("by", "then", "record"),
    [
        ("caller", {"kind": "answered"}, "bob|COMPLETECALLER|1|2|3"),
        ("agent", {"kind": "answered"}, "bob|COMPLETEAGENT|1|2|3"),
        (
            "agent",
            {"kind": "transferred", "how": "blind", "by": "agent", "to": "+44 20|7946"},
            "bob|BLINDTRANSFER|+44 20_7946|outside|1|2|3",
        ),
        (
            "agent",
            {"kind": "transferred", "how": "blind", "by": "agent", "queue": "support"},
            "bob|BLINDTRANSFER|support|queues|1|2|3",
        ),
        (
            "agent",
            {"kind": "transfer_failed", "reason": "busy", "agent": "carol"},
            "bob|BLINDTRANSFER|carol|agents|1|2|3",
        ),
        (
            "agent",
            {"kind": "transferred", "how": "attended", "by": "agent", "agent": "carol"},
            f"bob|ATTENDEDTRANSFER|BRIDGE|{CALL}-b1|1|2|3",
        ),
        (
            "agent",
            {"kind": "transferred", "how": "blind", "by": "flow", "to": "1"},
            "bob|COMPLETEAGENT|1|2|3",
        ),
    ],
)
def test_each_end_of_a_talk(by: str, then: dict[str, Any], record: str) -> None:
    drafts: Drafts = [*TALK, (3100, {**PARTED, "ended_by": by}), (3900, then)]
    assert of(drafts)[1:] == [record]
    log = QueueLog()
    for event in events_of(drafts)[:-1]:
        log.add(event)
    assert log.undecided_since == (events_of(drafts)[-2].at // 1000)
    log.add(events_of(drafts)[-1])
    assert log.undecided_since is None


def state(number: int, before: str, after: str, reason: str = "") -> AnyEvent:
    said: dict[str, Any] = {"id": f"agent:bob:{number}", "site": "main", "at": 1_795_309_700_000 + number}
    fields: dict[str, Any] = {
        "logged_at": said["at"],
        "source": "observed",
        "kind": "agent_state",
        "agent": "bob",
    }
    return decode(json.dumps({**said, **fields, "from": before, "to": after, "reason": reason}))


def test_agents_log_in_pause_and_go() -> None:
    events = [
        state(1, "", "ready"),
        state(2, "ready", "paused", "lunch"),
        state(3, "paused", "paused", "tea"),
        state(4, "paused", "ready"),
        state(5, "ready", "unreachable"),
        state(6, "unreachable", "offline"),
    ]
    told = exported(events, queues_of={"bob": ["sales", "support"]})
    assert [(one.queue, one.record, *one.data.values()) for one in told] == [
        ("sales", "ADDMEMBER", ""),
        ("support", "ADDMEMBER", ""),
        ("NONE", "PAUSEALL", "lunch"),
        ("sales", "PAUSE", "lunch"),
        ("support", "PAUSE", "lunch"),
        ("NONE", "UNPAUSEALL", ""),
        ("sales", "UNPAUSE", ""),
        ("support", "UNPAUSE", ""),
        ("sales", "REMOVEMEMBER"),
        ("support", "REMOVEMEMBER"),
    ]
    assert {one.call for one in told} == {"NONE"}
    assert [one.record for one in exported(events)] == ["PAUSEALL", "UNPAUSEALL"]


def test_some_seconds_after_ringing_in_vain_are_no_pause() -> None:
    events = [
        state(1, "", "ready"),
        state(2, "offered", "paused", "cooldown"),
        state(3, "paused", "ready"),
        state(4, "offered", "paused", "cooldown"),
        state(5, "paused", "paused", "lunch"),
        state(6, "paused", "ready"),
    ]
    told = exported(events, queues_of={"bob": ["sales"]})
    assert [(one.at, one.record, *one.data.values()) for one in told if one.queue == "NONE"] == [
        (1_795_309_700, "PAUSEALL", "lunch"),
        (1_795_309_700, "UNPAUSEALL", ""),
    ]


HOSTILE = "1|2\n1795309700|x|sales|NONE|ABANDON|1|1|1\r\x1b[2J\u2028" + "9" * 9000


def test_a_hostile_number_stays_in_its_field() -> None:
    drafts = [(0, {"kind": "arrived", "to": "100", "from": HOSTILE}), *JOINED[1:]]
    (_, entered) = exported(list(events_of(drafts)))
    assert entered.data["callerid"].startswith("1_2_1795309700_x_sales")
    assert len(entered.data["callerid"]) == 80
    assert clean(HOSTILE).isprintable()


def test_redacted_there_is_no_number_and_no_key() -> None:
    drafts: Drafts = [
        (0, {"kind": "arrived", "to": "100", "from": "+442079460001"}),
        *JOINED[1:],
        (500, {"kind": "input", "path": "queue/menu", "digits": "7"}),
        *left(1100, "exit_key", 1000),
    ]
    transfer = {"kind": "transferred", "how": "blind", "by": "agent", "to": "+442079460002"}
    for some in (drafts, [*TALK, (3100, {**PARTED, "ended_by": "agent"}), (3100, transfer)]):
        text = str(exported(list(events_of(some)), redact=True))
        assert "+44" not in text
        assert "'7'" not in text
    assert "+442079460001" in str(exported(list(events_of(drafts))))


def test_a_call_met_in_the_middle_of_its_life_is_caught_up_with() -> None:
    events: list[AnyCallEvent] = events_of(HELD_CALL)
    asked: list[str] = []

    def earlier(call: str) -> list[AnyCallEvent]:
        asked.append(call)
        return events

    whole, part = QueueLog(), QueueLog(earlier)
    lines = [[line.text for line in whole.add(event)] for event in events]
    for cut in range(1, len(events)):
        part = QueueLog(earlier)
        assert [[line.text for line in part.add(event)] for event in events[cut:]] == lines[cut:]
    assert set(asked) == {CALL}
    assert all(isinstance(event, CallEvent) for event in events)
