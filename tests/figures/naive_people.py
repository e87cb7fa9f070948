"""The figures of agents, and of what callers and agents have said: plainly (see naive.py)."""

import itertools

from tests.figures.naive import Log, Period, Record, cells, intervals, legs, offers, places, states
from tests.figures.naive_queues import Rows, share

STATES = (
    "offline",
    "unreachable",
    "ready",
    "offered",
    "connecting",
    "talking",
    "busy_private",
    "wrapup",
    "paused",
)
DECLINED = (
    "no_answer",
    "busy",
    "rejected",
    "unreachable",
    "not_confirmed",
    "answered_elsewhere",
    "caller_gone",
    "withdrawn",
    "wait_over",
    "worker_lost",
)


def wrapups(log: Log, now: int) -> dict[tuple[str, str, int], int]:
    """Agent, call, beginning of a leg → its wrap-up, ms: of several legs with one call the last's."""
    every, found = legs(log), {}
    for leg in every:
        found[leg["agent"], leg["call"], leg["bridged_at"]] = 0
    for state in states(log, now):
        if state["state"] != "wrapup":
            continue
        before = [
            leg["bridged_at"]
            for leg in every
            if (leg["agent"], leg["call"]) == (state["agent"], state["call"])
            and leg["over_at"] <= state["from_at"]
        ]
        if before:
            found[state["agent"], state["call"], max(before)] += state["to_at"] - state["from_at"]
    return found


def leg_values(some: list[Record], wrapup: dict[tuple[str, str, int], int]) -> Record:
    """The figures of some legs."""
    talk = sum(leg["talk_ms"] for leg in some)
    held = sum(leg["held_ms"] for leg in some)
    after = sum(wrapup[leg["agent"], leg["call"], leg["bridged_at"]] for leg in some)
    handled_calls = len({leg["call"] for leg in some})
    return {
        "handled": len(some),
        "handled_calls": handled_calls,
        "talk_ms": talk,
        "held_ms": held,
        "wrapup_ms": after,
        "aht_ms": share(talk + held + after, len(some)),
        "aht_call_ms": share(talk + held + after, handled_calls),
        "transfers_blind": len([leg for leg in some if leg["transferred"] == "blind"]),
        "transfers_attended": len([leg for leg in some if leg["transferred"] == "attended"]),
    }


def offer_values(some: list[Record]) -> Record:
    """The figures of some offers."""
    values: Record = {
        "offered_legs": len(some),
        "answered_legs": len([one for one in some if one["result"] in ("bridged", "consulted")]),
    }
    for reason in DECLINED:
        values[f"declined_{reason}"] = len([one for one in some if one["result"] == reason])
    return values


def state_values(some: list[Record]) -> Record:
    """The figures of pieces of time in states."""
    spent = {state: sum(one["ms"] for one in some if one["state"] == state) for state in STATES}
    ring = spent["offered"] + spent["connecting"]
    busy = spent["talking"] + spent["wrapup"] + ring
    return {
        **{f"state_{state}_ms": ms for state, ms in spent.items()},
        "ring_ms": ring,
        "occupancy": share(busy, spent["ready"] + busy),
        "ring_share": share(ring, spent["ready"] + busy),
    }


def _pieces(log: Log, period: Period, interval: str, by: str, now: int) -> list[Record]:
    """Every state, as far as it lies in the period, cut wherever another interval or another key begins."""
    finest = {"hour": "60m", "weekday": "day", "weekday_hour": "60m"}.get(by, "whole")
    cuts = {at for kind in (interval, finest) for span in intervals(*period, kind) for at in span}
    found = []
    for state in states(log, now):
        low, high = max(period[0], state["from_at"]), min(period[1], state["to_at"])
        edges = [low, *sorted(cut for cut in cuts if low < cut < high), high]
        for begin, end in itertools.pairwise(edges):
            if begin < end:
                found.append(
                    {"agent": state["agent"], "state": state["state"], "at": begin, "ms": end - begin}
                )
    return found


def agent_rows(log: Log, period: Period, interval: str, by: str, now: int) -> Rows:
    """Legs count where they began, offers too; time in states where it was spent. By queue, campaign or flow
    there are only legs; who was only offline is not one of the period's."""
    wrapup = wrapups(log, now)
    mine = cells(legs(log), "bridged_at", period, interval, by)
    if by in ("queue", "campaign", "flow"):
        nothing = dict.fromkeys({**offer_values([]), **state_values([])})
        return {
            place: {**leg_values(mine.get(place, []), wrapup), **nothing}
            for place in places(period, interval, by, mine)
        }
    rung = cells(offers(log), "at", period, interval, by)
    spent = cells(_pieces(log, period, interval, by, now), "at", period, interval, by)
    there = {key: some for key, some in spent.items() if any(one["state"] != "offline" for one in some)}
    return {
        place: {
            **leg_values(mine.get(place, []), wrapup),
            **offer_values(rung.get(place, [])),
            **state_values(spent.get(place, [])),
        }
        for place in places(period, interval, by, mine, rung, there)
    }
