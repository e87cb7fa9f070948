"""Figures of queues, on tables small enough to work them out by hand."""

from datetime import date
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine

from calllog.figures.figure import Row
from calllog.figures.overtaking import overtaking_reasons
from calllog.figures.period import Period
from calllog.figures.queues import QUEUE_MEASURES, queue_figures
from calllog.figures.thresholds import QueueThresholds, Sla, Thresholds
from tests.unit.figures.conftest import Fill

DAY = Period.of_day(date(2026, 11, 22))
NOON = DAY.from_at + 12 * 3_600_000
USUAL = Thresholds()
_numbers = count()

CLASS = {"answered": "A", "caller_hangup": "B", "caller_hangup_ringing": "B", "timeout": "F"}


def wait(reason: str, ms: int, at: int = NOON, queue: str = "sales", **more: Any) -> dict[str, Any]:
    kind = CLASS.get(reason, {"callback_accepted": "F", "system_error": "X"}.get(reason, "W"))
    row = {"call": f"c{next(_numbers)}", "n": 5, "queue": queue, "joined_at": at, "reason": reason}
    return {**row, "class": kind, "waited_ms": ms, **more}


def only(rows: list[Row]) -> dict[str, Any]:
    assert len(rows) == 1
    return dict(rows[0].values)


@pytest.fixture
def ten(fill: Fill) -> None:
    """Five answered, three gave up (one of them shortly), one flowed out, one waits."""
    fill(
        "waits",
        *(wait("answered", ms) for ms in (0, 10_000, 20_000, 20_001, 60_000)),
        wait("caller_hangup", 4_999),
        wait("caller_hangup", 5_000),
        wait("caller_hangup_ringing", 70_000),
        wait("timeout", 90_000),
        wait("", 0),
    )


@pytest.mark.usefixtures("ten")
def test_counts_rates_and_times(archive: Engine) -> None:
    found = only(queue_figures(archive, DAY, "whole", "", USUAL))
    counts = {
        "offered": 10,
        "answered": 5,
        "abandoned": 3,
        "short": 1,
        "flowed": 1,
        "failed": 0,
        "waiting": 1,
    }
    assert {name: found[name] for name in counts} == counts
    assert found["abandoned_ringing"] == 1
    assert found["abandon_rate"] == pytest.approx(2 / 9)
    assert (found["abandon_rate_raw"], found["short_share"]) == (0.3, 0.1)
    assert found["asa_ms"] == pytest.approx(110_001 / 5)
    assert [found[f"wait_{each}_ms"] for each in ("p50", "p90", "p95", "longest")] == [
        20_000,
        60_000,
        60_000,
        70_000,
    ]
    assert found["abandon_mean_ms"] == pytest.approx(79_999 / 3)


@pytest.mark.usefixtures("ten")
def test_service_level_in_all_definitions(archive: Engine) -> None:
    """Within 20 s: three were answered, two gave up."""

    def levels(thresholds: Thresholds) -> list[float]:
        found = only(queue_figures(archive, DAY, "whole", "queue", thresholds))
        names = ("", "_app_queue", "_app_queue_all", "_genesys", "_connect")
        return [found[f"service_level{name}"] for name in names]

    assert levels(USUAL) == pytest.approx([3 / 9, 3 / 5, 5 / 8, 3 / 7, 5 / 10])
    assert levels(Thresholds(genesys_flowed=True))[3] == pytest.approx(3 / 8)
    assert levels(Thresholds(genesys_short_out=False))[3] == pytest.approx(3 / 8)
    assert levels(Thresholds(genesys_abandoned_out=True))[3] == pytest.approx(3 / 5)
    assert levels(Thresholds(service_level_s=60))[0] == pytest.approx(5 / 9)
    own = Thresholds(queues={"sales": QueueThresholds(service_level_s=10, short_abandon_s=6)})
    assert levels(own)[:2] == pytest.approx([2 / 8, 2 / 5])


def test_callbacks_count_for_connect_alone(archive: Engine, fill: Fill) -> None:
    fill("waits", wait("callback_accepted", 20_000), wait("callback_accepted", 20_001))
    found = only(queue_figures(archive, DAY, "whole", "", USUAL))
    assert (found["service_level_connect"], found["service_level"]) == (0.5, 0.0)


def test_each_caller_is_judged_by_his_own_queue(archive: Engine, fill: Fill) -> None:
    fill("waits", wait("answered", 25_000), wait("answered", 25_000, queue="help"))
    own = Thresholds(queues={"help": QueueThresholds(service_level_s=30)})
    assert only(queue_figures(archive, DAY, "whole", "", own))["service_level"] == 0.5
    by_queue = queue_figures(archive, DAY, "whole", "queue", own)
    assert [(row.key, row.values["service_level"]) for row in by_queue] == [("help", 1.0), ("sales", 0.0)]


def test_nothing_offered_is_no_figure(archive: Engine, fill: Fill) -> None:
    found = only(queue_figures(archive, DAY, "whole", "", USUAL))
    assert found["offered"] == 0
    assert {name for name, value in found.items() if value is None} == {
        measure.figure.name for measure in QUEUE_MEASURES if measure.figure.unit == "share"
    } | {"asa_ms", "wait_p50_ms", "wait_p90_ms", "wait_p95_ms", "wait_longest_ms", "abandon_mean_ms"} | {
        "escalation_wait_ms",
        "sla_met",
    }
    fill("waits", wait("caller_hangup", 1_000))
    assert only(queue_figures(archive, DAY, "whole", "", USUAL))["abandon_rate"] is None
    assert queue_figures(archive, Period(0, 5), "whole", "queue", USUAL) == []


def test_intervals_and_keys_of_the_clock(archive: Engine, fill: Fill) -> None:
    hour = 3_600_000
    fill(
        "waits",
        wait("answered", 1, at=DAY.from_at),
        wait("answered", 2, at=NOON - 1, campaign="web"),
        wait("answered", 3, at=NOON, flow="main", version="7"),
        wait("answered", 4, at=DAY.to_at),
        wait("answered", 5, at=DAY.from_at - 1),
    )
    rows = queue_figures(archive, DAY, "60m", "", USUAL)
    assert len(rows) == 24
    assert [(row.from_at - DAY.from_at) // hour for row in rows if row.values["offered"]] == [0, 11, 12]

    def offered(by: Any, period: Period = DAY) -> dict[str, Any]:
        return {row.key: row.values["offered"] for row in queue_figures(archive, period, "whole", by, USUAL)}

    assert offered("hour") == {"00": 1, "11": 1, "12": 1}
    assert offered("weekday") == {"7": 3}
    assert offered("weekday_hour", Period(DAY.from_at - 1, DAY.to_at)) == {
        "6 23": 1,
        "7 00": 1,
        "7 11": 1,
        "7 12": 1,
    }
    assert offered("hour", Period(DAY.from_at, DAY.to_at, "Europe/Berlin")) == {"01": 1, "12": 1, "13": 1}
    assert offered("campaign") == {"": 2, "web": 1}
    assert offered("flow") == {"": 2, "main@7": 1}
    with pytest.raises(ValueError, match="cannot be shown by agent"):
        offered("agent")


def test_refused_callers_by_the_time_of_that(archive: Engine, fill: Fill) -> None:
    row = {"queue": "sales", "reason": "full", "n": 2}
    fill(
        "refusals",
        *({**row, "call": f"c{n}", "at": NOON + n} for n in range(3)),
        {**row, "call": "x", "at": 5},
    )
    fill("refusals", {**row, "call": "y", "at": NOON, "queue": "help", "campaign": "web"})
    rows = queue_figures(archive, DAY, "whole", "queue", USUAL)
    assert {each.key: (each.values["refused"], each.values["offered"]) for each in rows} == {
        "sales": (3, 0),
        "help": (1, 0),
    }
    assert only(queue_figures(archive, DAY, "whole", "", USUAL))["refused"] == 4
    rows = queue_figures(archive, DAY, "whole", "campaign", USUAL)
    assert {each.key: each.values["refused"] for each in rows} == {"": 3, "web": 1}


def test_overtaking(archive: Engine, fill: Fill) -> None:
    """Ann joins, is put in the queue again, and Bob, who came 30 s and then 10 s later, passes her."""
    fill(
        "waits",
        wait("timeout", 1, at=NOON, call="ann", n=3),
        wait("answered", 90_000, at=NOON + 20_000, call="ann", n=9),
        wait("timeout", 1, at=NOON - 5_000, call="bob", n=3),
        wait("answered", 1, at=NOON + 30_000, call="bob", n=7),
        wait("answered", 1, at=NOON + 60_000, call="bob", n=30),
    )
    told = {"call": "ann", "queue": "sales", "by_call": "bob", "at": NOON + 40_000}
    fill(
        "overtakings",
        {**told, "n": 12, "reason": "vip"},
        {**told, "n": 14, "reason": "needs", "by_call": "gone"},
    )
    found = only(queue_figures(archive, DAY, "whole", "queue", USUAL))
    assert (found["overtaken"], found["overtaken_ms"]) == (2, 10_000)
    reasons = overtaking_reasons(archive, DAY, "whole")
    assert [(row.key, row.values) for row in reasons] == [
        ("needs", {"times": 1, "ms": 0}),
        ("vip", {"times": 1, "ms": 10_000}),
    ]


def test_escalations(archive: Engine, fill: Fill) -> None:
    """Two of four are handed on, one of them twice before he joins; one has not been answered there yet."""
    fill("waits", wait("answered", 1))
    fill("waits", wait("timeout", 1, call="a", n=3), wait("timeout", 1, call="b", n=3))
    fill("waits", wait("answered", 8_000, queue="experts", call="a", n=9))
    fill("waits", wait("", 0, queue="experts", call="b", n=9), wait("answered", 1, call="other", n=4))
    up = {"queue": "experts", "from_queue": "sales", "at": NOON + 60_000}
    fill("escalations", {**up, "call": "a", "n": 6}, {**up, "call": "a", "n": 7}, {**up, "call": "b", "n": 6})
    fill("escalations", {**up, "call": "direct", "n": 2, "from_queue": ""})
    rows = {row.key: row.values for row in queue_figures(archive, DAY, "whole", "queue", USUAL)}
    assert (rows["sales"]["escalated"], rows["sales"]["escalation_rate"]) == (2, 0.5)
    assert rows["sales"]["escalation_wait_ms"] == 8_000
    assert rows["experts"]["escalated"] == 0


@pytest.mark.usefixtures("ten")
@pytest.mark.parametrize(
    ("sla", "met"),
    [
        (Sla(0.3, 20), 1),
        (Sla(0.4, 20), 0),
        (Sla(0.55, 60), 1),
        (Sla(0.6, 20, "service_level_app_queue"), 1),
        (Sla(0.61, 20, "service_level_app_queue"), 0),
    ],
)
def test_an_sla_is_met_or_breached(archive: Engine, sla: Sla, met: int) -> None:
    own = Thresholds(queues={"sales": QueueThresholds(sla=sla)})
    assert only(queue_figures(archive, DAY, "whole", "queue", own))["sla_met"] == met
    assert only(queue_figures(archive, DAY, "whole", "", own))["sla_met"] is None
    assert [row.values["sla_met"] for row in queue_figures(archive, DAY, "60m", "queue", own)].count(
        None
    ) == 23


def test_an_sla_that_is_none() -> None:
    with pytest.raises(ValueError, match=r"0\.8 for 80"):
        Sla(80, 20)
