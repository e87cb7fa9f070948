"""The figures of queues, of calls, and the patience of those who wait: plainly (see naive.py)."""

import math
from typing import Any

from tests.figures.naive import Log, Period, Record, calls, cells, overtakings, places, refusals, waits

Rows = dict[tuple[int, int, str], dict[str, float | None]]
"""Interval (from, to) and key → the figures."""

LIMITS: dict[str, Any] = {
    "service_level_s": 20,
    "short_abandon_s": 5,
    "fcr_days": 7,
    "csat_min_answers": 5,
    "genesys_flowed": False,
    "genesys_short_out": True,
    "genesys_abandoned_out": False,
    "resolved_codes": ["resolved"],
    "resolved_survey": "resolved",
    "queues": {},
}
"""What may be chosen. `queues`: queue → what is other there, and its `sla` (share, seconds, definition)."""


def limit(limits: Record, name: str, queue: str) -> Any:
    """A limit, as set for the queue, else for all."""
    return limits["queues"].get(queue, {}).get(name, limits[name])


def share(part: float, whole: float) -> float | None:
    """No figure where there is nothing to have a share of."""
    return part / whole if whole > 0 else None


def mean(numbers: list[int]) -> float | None:
    return sum(numbers) / len(numbers) if numbers else None


def percentile(numbers: list[int], percent: int) -> int | None:
    """The smallest number with at least so many percent of all at or below it."""
    for number in sorted(numbers):
        if 100 * sum(other <= number for other in numbers) >= percent * len(numbers):
            return number
    return None


def within(wait: Record, seconds: float) -> bool:
    return bool(wait["ms"] is not None and wait["ms"] <= seconds * 1000)


def short(wait: Record, limits: Record) -> bool:
    return bool(wait["class"] == "B" and wait["ms"] < 1000 * limit(limits, "short_abandon_s", wait["queue"]))


def service_level(
    name: str, some: list[Record], limits: Record, seconds: float | None = None
) -> float | None:
    """All definitions of metrics.md. `seconds`: X, if it is not that of each wait's queue."""

    def soon(wait: Record) -> bool:
        x = limit(limits, "service_level_s", wait["queue"]) if seconds is None else seconds
        return within(wait, x)

    answered = [wait for wait in some if wait["class"] == "A"]
    abandoned = [wait for wait in some if wait["class"] == "B"]
    flowed = [wait for wait in some if wait["class"] == "F"]
    shorts = [wait for wait in abandoned if short(wait, limits)]
    a_soon = len([wait for wait in answered if soon(wait)])
    b_soon = len([wait for wait in abandoned if soon(wait)])
    if name == "service_level":
        return share(a_soon, len(some) - len(shorts))
    if name == "service_level_app_queue":
        return share(a_soon, len(answered))
    if name == "service_level_app_queue_all":
        return share(a_soon + b_soon, len(answered) + len(abandoned))
    if name == "service_level_connect":
        called = [wait for wait in flowed if wait["reason"] == "callback_accepted" and soon(wait)]
        return share(a_soon + b_soon + len(called), len(some))
    whole = len(answered) + len(abandoned)
    if limits["genesys_flowed"]:
        whole += len(flowed)
    if limits["genesys_abandoned_out"]:
        whole -= len(abandoned)
    elif limits["genesys_short_out"]:
        whole -= len(shorts)
    return share(a_soon, whole)


LEVELS = (
    "service_level",
    "service_level_app_queue",
    "service_level_app_queue_all",
    "service_level_genesys",
    "service_level_connect",
)


def queue_values(some: list[Record], refused: list[Record], passed: list[Record], limits: Record) -> Record:
    """The figures of some waits, of those refused in the same interval, and of the waits' overtakings."""
    of = {kind: [wait for wait in some if wait["class"] == kind] for kind in "ABFXW"}
    shorts = [wait for wait in some if short(wait, limits)]
    times = [wait["ms"] for wait in of["A"]]
    gone = [wait["ms"] for wait in of["B"]]
    up = [wait for wait in some if wait["raised"]]
    raised = [wait["next_ms"] for wait in up if wait["next_ms"] is not None]
    late = [one["ms"] for one in passed if one["ms"] is not None]
    values: Record = {
        "offered": len(some),
        "answered": len(of["A"]),
        "abandoned": len(of["B"]),
        "short": len(shorts),
        "flowed": len(of["F"]),
        "failed": len(of["X"]),
        "waiting": len(of["W"]),
        "refused": len(refused),
        "abandon_rate": share(len(of["B"]) - len(shorts), len(some) - len(shorts)),
        "abandon_rate_raw": share(len(of["B"]), len(some)),
        "short_share": share(len(shorts), len(some)),
        "asa_ms": mean(times),
        "wait_p50_ms": percentile(times, 50),
        "wait_p90_ms": percentile(times, 90),
        "wait_p95_ms": percentile(times, 95),
        "wait_longest_ms": max(times + gone, default=None),
        "abandon_mean_ms": mean(gone),
        "abandoned_ringing": len([wait for wait in of["B"] if wait["reason"] != "caller_hangup"]),
        "overtaken": len(passed),
        "overtaken_ms": sum(late),
        "escalated": len(up),
        "escalation_rate": share(len(up), len(some)),
        "escalation_wait_ms": mean(raised),
    }
    for name in LEVELS:
        values[name] = service_level(name, some, limits)
    return values


def sla_met(queue: str, some: list[Record], limits: Record) -> float | None:
    """Whether the queue's promise was kept: 1 or 0; nothing if nothing was promised or offered."""
    sla = limits["queues"].get(queue, {}).get("sla")
    actual = service_level(sla["definition"], some, limits, sla["seconds"]) if sla else None
    return None if actual is None else int(actual >= sla["share"])


def queue_rows(log: Log, period: Period, interval: str, by: str, limits: Record) -> Rows:
    """Queue figures of every interval and key: waits count where they began."""
    mine = cells(waits(log), "joined_at", period, interval, by)
    over = cells(overtakings(log), "joined_at", period, interval, by)
    out = cells(refusals(log), "at", period, interval, by) if by != "flow" else {}
    rows: Rows = {}
    for place in places(period, interval, by, mine, over, out):
        some = mine.get(place, [])
        rows[place] = queue_values(some, out.get(place, []), over.get(place, []), limits)
        rows[place]["sla_met"] = sla_met(place[2], some, limits) if by == "queue" else None
    return rows


# Calls

VERDICTS = {
    "rejected": "rejected",
    "completed": "completed",
    "transferred": "transferred",
    "overflowed": "overflowed",
    "self_served": "self_served",
    "abandoned": "abandoned_calls",
    "ivr_exit": "ivr_exit",
    "failed": "failed_calls",
    "lost": "lost",
}


def call_values(some: list[Record], fallbacks: int) -> Record:
    """The figures of some calls."""
    values: Record = {
        "arrived": len(some),
        "ended": len([call for call in some if call["ended_at"] is not None]),
        "live": len([call for call in some if call["ended_at"] is None]),
        "hold_abandoned": len([call for call in some if call["hold_abandon"]]),
        "inferred_calls": len([call for call in some if call["inferred"]]),
        "fallback_taken": fallbacks,
    }
    for verdict, name in VERDICTS.items():
        values[name] = len([call for call in some if call["verdict"] == verdict])
    lost = [call for call in some if call["verdict"] == "ivr_exit" and not call["served"]]
    values["abandoned_before_agent"] = share(values["abandoned_calls"] + len(lost), len(some))
    return values


def call_rows(log: Log, period: Period, interval: str, by: str) -> Rows:
    """Figures of calls: they count where they arrived. Fallbacks are nobody's campaign or flow."""
    mine = cells(calls(log), "arrived_at", period, interval, by)
    fallbacks = [event for event in log.system if event["kind"] == "fallback_taken"]
    taken = cells(fallbacks, "at", period, interval, by) if by not in ("campaign", "flow") else {}
    return {
        place: call_values(mine.get(place, []), len(taken.get(place, [])))
        for place in places(period, interval, by, mine, taken)
    }


# Patience


def patience(some: list[Record], now: int) -> list[tuple[int, float]]:
    """Share of callers who would still wait after so many ms, at each time at which somebody gave up.

    Kaplan and Meier: whoever left otherwise, or still waits, has shown patience until then and no longer.
    """
    curve, still = [], 1.0
    lengths = [now - wait["joined_at"] if wait["class"] == "W" else wait["ms"] for wait in some]
    for ms in sorted({ms for wait, ms in zip(some, lengths, strict=True) if wait["class"] == "B"}):
        gave_up = len(
            [1 for wait, other in zip(some, lengths, strict=True) if wait["class"] == "B" and other == ms]
        )
        at_risk = len([1 for other in lengths if other >= ms])
        still *= 1 - gave_up / at_risk
        curve.append((ms, still))
    return curve


def patience_rows(log: Log, period: Period, by: str, now: int) -> Rows:
    """Of each key a row whose figures are the curve: `S(20000)`, and when it has come down to a half."""
    rows: Rows = {}
    for place, some in cells(waits(log), "joined_at", period, "whole", by).items():
        curve = patience(some, now)
        rows[place] = {f"S({ms})": left for ms, left in curve}
        rows[place]["points"] = len(curve)
        rows[place]["median_ms"] = next((ms for ms, left in curve if left <= 0.5), None)
    return rows


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The interval that holds the true share with 95 % (Wilson 1927)."""
    z, p = 1.959963984540054, part / whole
    middle = p + z * z / (2 * whole)
    spread = z * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))
    return (middle - spread) / (1 + z * z / whole), (middle + spread) / (1 + z * z / whole)
