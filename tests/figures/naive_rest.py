"""Ways through the flows, the line, and lists by reason: plainly (see naive.py)."""

from tests.figures.naive import (
    Log,
    Period,
    Record,
    calls,
    cells,
    intervals,
    overtakings,
    places,
    refusals,
    states,
)
from tests.figures.naive_queues import Rows, mean, share


def step_rows(log: Log, period: Period) -> Rows:
    """Flow, version and path → how often, with which outcomes, how long, how many hung up right after it."""
    begin, end, _ = period
    some: dict[str, list[Record]] = {}
    for call in calls(log):
        events = [event for event in log.calls[call["call"]] if event["kind"] == "step"]
        for event in events:
            if begin <= event["at"] < end:
                later = [other["path"] for other in events if other["seq"] > event["seq"]]
                more = {
                    "dropped": not later and call["verdict"] == "ivr_exit",
                    "way": f"from {events[0]['flow']} on to {later[0] if later else 'nothing'}",
                }
                name = f"{event['flow']}@{event['version']} {event['path']}"
                some.setdefault(name, []).append({**event, **more})
    rows: Rows = {}
    for name, mine in some.items():
        dropped = len([one for one in mine if one["dropped"]])
        rows[begin, end, name] = {
            "entered": len(mine),
            "dropped": dropped,
            "drop_rate": share(dropped, len(mine)),
            "took_mean_ms": mean([one["took_ms"] for one in mine]),
            **{
                f"outcome {outcome}": len([one for one in mine if one["outcome"] == outcome])
                for outcome in {one["outcome"] for one in mine}
            },
            **{way: len([one for one in mine if one["way"] == way]) for way in {one["way"] for one in mine}},
        }
    return rows


def outages(log: Log, now: int) -> list[tuple[str, int, int]]:
    """Asterisk, and from when to when it was lost; until `now`, if it is not back."""
    lost: dict[str, int] = {}
    found = []
    for event in sorted(log.system, key=lambda event: int(event["at"])):
        name = event.get("asterisk", "")
        if event["kind"] == "asterisk_lost":
            lost.setdefault(name, event["at"])
        elif event["kind"] == "asterisk_connected" and name in lost:
            found.append((name, lost.pop(name), event["at"]))
    return found + [(name, at, max(at, now)) for name, at in lost.items()]


def line_rows(log: Log, period: Period, interval: str, now: int) -> Rows:
    """Each Asterisk: how much of the interval it was there, and whom it served alone."""
    rows: Rows = {}
    for begin, end in intervals(*period, interval):
        for name in {event["asterisk"] for event in log.system if event.get("asterisk")}:
            away = 0
            for other, lost_at, back_at in outages(log, now):
                if other == name:
                    away += max(0, min(end, back_at) - max(begin, lost_at))
            alone = [
                event
                for event in log.system
                if event["kind"] == "fallback_taken"
                and event["asterisk"] == name
                and begin <= event["at"] < end
            ]
            values: Record = {
                "availability": 1 - away / (end - begin),
                "away_ms": away,
                "served_alone": len(alone),
            }
            rows[begin, end, name] = values
    return rows


def refused_rows(log: Log, period: Period, interval: str) -> Rows:
    """Why callers were refused, by queue and reason."""
    named = [{**one, "reasons": f"{one['queue']} {one['reason']}"} for one in refusals(log)]
    mine = cells(named, "at", period, interval, "reasons")
    return {
        place: {"refused_because": len(mine.get(place, []))}
        for place in places(period, interval, "reasons", mine)
    }


def overtaking_rows(log: Log, period: Period, interval: str) -> Rows:
    """Overtaking by its reason."""
    mine = cells(overtakings(log), "joined_at", period, interval, "reason")
    return {
        place: {
            "times": len(mine.get(place, [])),
            "ms": sum(one["ms"] or 0 for one in mine.get(place, [])),
        }
        for place in places(period, interval, "reason", mine)
    }


def bar_rows(log: Log, period: Period, now: int) -> Rows:
    """Each state of each agent as far as it lies in the period: where its bar begins, and where it ends."""
    rows: Rows = {}
    for state in states(log, now):
        begin, end = max(period[0], state["from_at"]), min(period[1], state["to_at"])
        if begin < end:
            name = f"{state['agent']} {begin} {state['state']} {state['queue']} {state['call']}"
            rows[period[0], period[1], name] = {"to_at": end}
    return rows
