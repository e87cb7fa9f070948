"""The figures of agents, and of what callers and agents have said: plainly (see naive.py)."""

from tests.figures.naive import Log, Record, intervals, key_of, legs, offers, states
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


def state_values(pieces: list[tuple[str, int]]) -> Record:
    """The figures of time in states, given as (state, ms)."""
    spent = {state: sum(ms for name, ms in pieces if name == state) for state in STATES}
    ring = spent["offered"] + spent["connecting"]
    busy = spent["talking"] + spent["wrapup"] + ring
    return {
        **{f"state_{state}_ms": ms for state, ms in spent.items()},
        "ring_ms": ring,
        "occupancy": share(busy, spent["ready"] + busy),
        "ring_share": share(ring, spent["ready"] + busy),
    }


def _clipped(log: Log, begin: int, end: int, by: str, zone: str, now: int) -> list[tuple[str, str, int]]:
    """Key, state and ms of every state, as far as it lies in the interval; by hour also cut at hours."""
    found = []
    for state in states(log, now):
        low, high = max(begin, state["from_at"]), min(end, state["to_at"])
        if low >= high:
            continue
        if by in ("hour", "weekday"):
            for first, last in intervals(low, high, zone, "60m" if by == "hour" else "day"):
                found.append((key_of({}, first, by, zone), state["state"], last - first))
        else:
            found.append(
                (
                    key_of(state | {"campaign": "", "flow": "", "version": ""}, low, by, zone),
                    state["state"],
                    high - low,
                )
            )
    return found


def agent_rows(log: Log, period: tuple[int, int, str], interval: str, by: str, now: int) -> Rows:
    """Legs count where they began, offers too; time in states where it was spent."""
    from_at, to_at, zone = period
    every_leg, every_offer, wrapup = legs(log), offers(log), wrapups(log, now)
    rows: Rows = {}
    for begin, end in intervals(from_at, to_at, zone, interval):
        mine = [leg for leg in every_leg if begin <= leg["bridged_at"] < end]
        rung = [one for one in every_offer if begin <= one["at"] < end]
        spent = _clipped(log, begin, end, by, zone, now) if by in ("", "agent", "hour", "weekday") else []
        keys = {key_of(leg, leg["bridged_at"], by, zone) for leg in mine}
        keys |= {key_of(one, one["at"], by, zone) for one in rung} | {key for key, _, _ in spent}
        for key in keys:
            rows[begin, end, key] = {
                **leg_values(
                    [leg for leg in mine if key_of(leg, leg["bridged_at"], by, zone) == key], wrapup
                ),
                **offer_values([one for one in rung if key_of(one, one["at"], by, zone) == key]),
                **state_values([(state, ms) for other, state, ms in spent if other == key]),
            }
    return rows
