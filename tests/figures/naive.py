"""Every figure once more, as plainly as it can be done: from the lines of the stream, with loops and lists.

Written from the definitions alone, sharing no code with the product; slow, and good for small days only.
Times are ms. Here: what the events say of calls, waits, legs and agents, each as a list of dictionaries; and
how a period is cut. The figures themselves are in the modules beside it.
"""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

Record = dict[str, Any]
Period = tuple[int, int, str]
"""From, to, and the zone on whose clock it is cut."""
Cells = dict[tuple[int, int, str], list[Record]]
"""Records by interval (from, to) and key."""
QUARTER = 15 * 60_000

CLASS = {
    "answered": "A",
    "caller_hangup": "B",
    "caller_hangup_ringing": "B",
    "caller_hangup_connecting": "B",
    "system_error": "X",
}
"""Of reasons for leaving a queue; all others are F."""


class Log:
    """The events of a stream by whose they are, in the order of their numbers."""

    def __init__(self, lines: list[bytes]) -> None:
        self.calls: dict[str, list[Record]] = {}
        self.agents: dict[str, list[Record]] = {}
        self.system: list[Record] = []
        for line in lines:
            event = json.loads(line)
            if "seq" in event:
                self.calls.setdefault(event["call"], []).append(event)
            elif event["kind"] in ("agent_state", "disposition"):
                self.agents.setdefault(event["agent"], []).append(event)
            else:
                self.system.append(event)
        for events in self.calls.values():
            events.sort(key=lambda event: int(event["seq"]))
        for events in self.agents.values():
            events.sort(key=lambda event: int(event["id"].split(":")[-1]))


def _first(events: list[Record], *kinds: str) -> Record | None:
    for event in events:
        if event["kind"] in kinds:
            return event
    return None


def _last(events: list[Record], *kinds: str) -> Record | None:
    return _first(events[::-1], *kinds)


def _campaign(before: list[Record]) -> str:
    """As tagged last, else as he arrived."""
    campaign = ""
    for event in before:
        if event["kind"] in ("arrived", "tagged") and event.get("campaign"):
            campaign = event["campaign"]
    return campaign


def _flow(events: list[Record]) -> Record:
    """Flow and version: those of the call's first step."""
    step = _first(events, "step")
    return {"flow": step["flow"] if step else "", "version": str(step["version"]) if step else ""}


def _call(call: str, events: list[Record]) -> Record:
    arrived, ended = events[0], _first(events, "ended")
    served = False
    for event in events:
        kind = event["kind"]
        served = served or kind in ("offer_accepted", "survey_answered")
        served = served or (kind == "recorded" and event.get("box", "") != "")
        served = served or (kind == "transferred" and event.get("to", "") != "" and event.get("by") == "flow")
    return {
        "call": call,
        "arrived_at": arrived["at"],
        "ended_at": ended["at"] if ended else None,
        "verdict": ended["verdict"] if ended else "",
        "caller": arrived.get("from", ""),
        "campaign": _campaign(events),
        "served": served,
        "inferred": any(event["source"] == "inferred" for event in events),
        "hold_abandon": any(_hung_up_on_hold(events, n) for n in range(len(events))),
        **_flow(events),
    }


def _hung_up_on_hold(events: list[Record], n: int) -> bool:
    """He hung up a talk in which the agent held him at that very moment: such a hold ends with the talk."""
    event = events[n]
    if event["kind"] != "unbridged" or event["ended_by"] != "caller":
        return False
    bridged = max(k for k in range(n) if events[k]["kind"] == "bridged")
    for before in events[bridged:n]:
        if before["kind"] == "hold_ended" and before["by"] == "agent" and before["at"] == event["at"]:
            return True
    return False


def calls(log: Log) -> list[Record]:
    """One record for each call."""
    return [_call(call, events) for call, events in log.calls.items()]


def waits(log: Log) -> list[Record]:
    """One record for each time somebody joined a queue; `class` W: he is still there."""
    found = []
    for call, events in log.calls.items():
        for n, event in enumerate(events):
            if event["kind"] == "joined":
                found.append(_wait(call, events, n))
    return found


def _wait(call: str, events: list[Record], n: int) -> Record:
    joined, before, after = events[n], events[:n], events[n + 1 :]
    left = _first(after, "queue_left")
    kind = CLASS.get(left["reason"], "F") if left else "W"
    bridged = _first(after, "bridged") if kind == "A" else None
    until = bridged or left
    follows = _first(after, "escalated", "joined")
    raised = follows is not None and follows["kind"] == "escalated"
    later = _first(after, "joined")
    return {
        "call": call,
        "queue": joined["queue"],
        "joined_at": joined["at"],
        "reason": left["reason"] if left else "",
        "class": kind,
        "ms": until["at"] - joined["at"] if until else None,
        "agent": bridged["agent"] if bridged else "",
        "raised": raised,
        "next_ms": _wait(call, events, events.index(later))["ms"] if raised and later else None,
        "campaign": _campaign(before),
        **_flow(events),
    }


def refusals(log: Log) -> list[Record]:
    """Everybody whom the door of a queue did not let in."""
    return [
        {
            "call": call,
            "at": event["at"],
            "queue": event["queue"],
            "reason": event["reason"],
            "campaign": _campaign(events[:n]),
        }
        | {"agent": "", **_flow(events)}
        for call, events in log.calls.items()
        for n, event in enumerate(events)
        if event["kind"] == "queue_refused"
    ]


def overtakings(log: Log) -> list[Record]:
    """Every time somebody was passed, in which wait, and by how much the other had joined later, ms."""
    everybody, found = waits(log), []
    for call, events in log.calls.items():
        for n, event in enumerate(events):
            if event["kind"] != "overtaken":
                continue
            joined = _last(events[:n], "joined")
            assert joined is not None
            others = [
                wait["joined_at"]
                for wait in everybody
                if wait["call"] == event["by_call"]
                and wait["queue"] == event["queue"]
                and wait["joined_at"] <= event["at"]
            ]
            ms = max(others) - joined["at"] if others else None
            about = {"call": call, "queue": event["queue"], "at": event["at"], "joined_at": joined["at"]}
            found.append(
                {
                    **about,
                    "reason": event["reason"],
                    "ms": ms,
                    "agent": "",
                    "campaign": _campaign(events[: events.index(joined)]),
                    **_flow(events),
                }
            )
    return found


def legs(log: Log) -> list[Record]:
    """Every talk of a caller with an agent that is over."""
    found = []
    for call, events in log.calls.items():
        for n, event in enumerate(events):
            if event["kind"] == "bridged":
                leg = _leg(call, events, n)
                if leg:
                    found.append(leg)
    return found


def _leg(call: str, events: list[Record], n: int) -> Record | None:
    bridged, before, after = events[n], events[:n], events[n + 1 :]
    over = _first(after, "unbridged")
    if over is None:
        return None
    left = _last(before, "queue_left")
    follows = after[after.index(over) + 1 :]
    gone = _first(follows, "transferred", "joined", "bridged")
    given = gone is not None and gone["kind"] == "transferred" and gone.get("by") == "agent"
    return {
        "call": call,
        "queue": left["queue"] if left else "",
        "agent": bridged["agent"],
        "bridged_at": bridged["at"],
        "over_at": over["at"],
        "talk_ms": over["talk_ms"],
        "held_ms": over["held_ms"],
        "transferred": gone["how"] if gone and given else "",
        "campaign": _campaign(before),
        **_flow(events),
    }


def offers(log: Log) -> list[Record]:
    """Each time an agent was rung, and what came of it: a reason, `bridged`, `consulted` or nothing yet."""
    found = []
    for call, events in log.calls.items():
        for n, event in enumerate(events):
            if event["kind"] != "offered":
                continue
            result = ""
            for after in events[n + 1 :]:
                if (
                    after["kind"] in ("declined", "bridged", "consulted")
                    and after.get("agent") == event["agent"]
                ):
                    result = after["reason"] if after["kind"] == "declined" else after["kind"]
                    break
            joined = _last(events[:n], "joined")
            about = {"call": call, "agent": event["agent"], "at": event["at"], "result": result}
            found.append(
                {
                    **about,
                    "queue": joined["queue"] if joined else "",
                    "campaign": _campaign(events[:n]),
                    **_flow(events),
                }
            )
    return found


def states(log: Log, now: int) -> list[Record]:
    """Every interval of an agent in a state; the last goes on until `now`."""
    found = []
    for agent, events in log.agents.items():
        changes = [event for event in events if event["kind"] == "agent_state"]
        ends = [event["at"] for event in changes[1:]] + [now]
        for event, end in zip(changes, ends, strict=True):
            found.append(
                {
                    "agent": agent,
                    "state": event["to"],
                    "call": event.get("call", ""),
                    "queue": event.get("queue", ""),
                    "from_at": event["at"],
                    "to_at": end,
                }
            )
    return found


# How a period is cut


def local(at: int, zone: str) -> datetime:
    """What the clock shows there."""
    return datetime.fromtimestamp(at // 1000, ZoneInfo(zone))


def intervals(from_at: int, to_at: int, zone: str, interval: str) -> list[tuple[int, int]]:
    """The period in pieces: a new one begins when another name is right for a quarter of an hour."""
    pieces: list[tuple[int, int]] = []
    before: object = None
    at = from_at
    while at < to_at:
        end = min(to_at, at - at % QUARTER + QUARTER)
        name = _name(local(at, zone), interval)
        if name == before:
            pieces[-1] = (pieces[-1][0], end)
        else:
            pieces.append((at, end))
        before, at = name, end
    return pieces


def cells(records: list[Record], when: str, period: Period, interval: str, by: str) -> Cells:
    """Records by the interval in which their instant `when` lies, and by their key."""
    from_at, to_at, zone = period
    spans, found = intervals(from_at, to_at, zone, interval), Cells()
    for record in records:
        for begin, end in spans:
            if begin <= record[when] < end:
                key = key_of(record, record[when], by, zone)
                found.setdefault((begin, end, key), []).append(record)
    return found


def places(period: Period, interval: str, by: str, *counted: Cells) -> list[tuple[int, int, str]]:
    """Each interval with each key that was counted anywhere in the period; all together are always there."""
    keys = {key for some in counted for _, _, key in some} | ({""} if by == "" else set())
    return [(begin, end, key) for begin, end in intervals(*period, interval) for key in sorted(keys)]


def _name(clock: datetime, interval: str) -> object:
    day = clock.date()
    if interval in ("15m", "30m", "60m"):
        minutes = int(interval[:-1])
        return day, clock.hour, clock.minute // minutes, clock.utcoffset()
    return {
        "day": day,
        "week": day.isocalendar()[:2],
        "month": (day.year, day.month),
        "whole": "",
    }[interval]


def key_of(record: Record, at: int, by: str, zone: str) -> str:
    """What a record is counted under."""
    if by == "hour":
        return f"{local(at, zone).hour:02d}"
    if by == "weekday":
        return str(local(at, zone).isoweekday())
    if by == "weekday_hour":
        return f"{key_of(record, at, 'weekday', zone)} {key_of(record, at, 'hour', zone)}"
    if by == "flow":
        return f"{record['flow']}@{record['version']}" if record["flow"] else ""
    return str(record[by]) if by else ""
