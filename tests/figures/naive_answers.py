"""What came of the calls: settled or not, surveys, sales, the flows, the line: plainly (see naive.py)."""

import math

from tests.figures.naive import Log, Period, Record, calls, cells, legs, places
from tests.figures.naive_queues import Rows, limit, mean, share, wilson

DAY = 86_400_000

# First contact


def settled(log: Log, limits: Record, now: int) -> list[Record]:
    """Completed calls whose days are over: did the same person come again? (No number: nobody.)"""
    every, found = calls(log), []
    for call in every:
        if call["verdict"] != "completed" or not call["caller"]:
            continue
        last = [leg for leg in legs(log) if leg["call"] == call["call"]][-1]
        until = call["ended_at"] + limit(limits, "fcr_days", last["queue"]) * DAY
        if until > now:
            continue
        again = [
            other
            for other in every
            if other["caller"] == call["caller"] and call["ended_at"] < other["arrived_at"] <= until
        ]
        found.append({**call, "queue": last["queue"], "agent": last["agent"], "settled": not again})
    return found


def said_by_agents(log: Log, limits: Record) -> list[Record]:
    """Talks of which an agent has said what they were about: what he said last of that call counts."""
    every, found = legs(log), []
    for agent, events in log.agents.items():
        last: dict[str, Record] = {}
        for event in events:
            if event["kind"] == "disposition":
                last[event["call"]] = event
        for call, event in last.items():
            leg = [leg for leg in every if leg["agent"] == agent and leg["call"] == call][-1:]
            if leg and event.get("code", ""):
                found.append({**leg[0], "settled": event["code"] in limits["resolved_codes"]})
    return found


def contact_rows(log: Log, period: Period, interval: str, by: str, limits: Record, now: int) -> Rows:
    """Three ways to say that it was settled: calls count where they arrived, talks where they began, answers
    where the question was put."""
    answers = [one for one in surveys(log) if one["survey"] == limits["resolved_survey"] and one["answer"]]
    for one in answers:
        one["settled"] = one["answer"]["score"] == one["answer"]["highest"]
    mine = cells(settled(log, limits, now), "arrived_at", period, interval, by)
    said = cells(said_by_agents(log, limits), "bridged_at", period, interval, by)
    told = cells(answers, "at", period, interval, by)
    return {
        place: {
            **_settled("fcr", "calls", mine.get(place, [])),
            **_settled("fcr_agent", "talks", said.get(place, [])),
            **_settled("fcr_survey", "answers", told.get(place, [])),
        }
        for place in places(period, interval, by, mine, said, told)
    }


def _settled(name: str, what: str, some: list[Record]) -> Record:
    yes = len([one for one in some if one["settled"]])
    return {name: share(yes, len(some)), f"{name}_{what}": len(some)}


# Surveys

NOBODY = {"queue": "", "agent": ""}


def surveys(log: Log) -> list[Record]:
    """One for each survey put to a call, however often; the last answer counts."""
    found, every = [], legs(log)
    for call in calls(log):
        events = log.calls[call["call"]]
        for name in sorted({event["survey"] for event in events if event["kind"] == "survey_offered"}):
            mine = [event for event in events if event.get("survey") == name]
            asked = next(event for event in mine if event["kind"] == "survey_offered")
            answers = [event for event in mine if event["kind"] == "survey_answered"]
            before = [leg for leg in every if leg["call"] == call["call"] and leg["over_at"] <= asked["at"]]
            whose = {"queue": before[-1]["queue"], "agent": before[-1]["agent"]} if before else NOBODY
            answer = answers[-1] if answers else None
            found.append({**call, "survey": name, "at": asked["at"], "answer": answer, **whose})
    return found


def survey_rows(log: Log, period: Period, interval: str, by: str, limits: Record) -> Rows:
    """Surveys count where they were put first; not the one that asks whether it is settled."""
    some = [one for one in surveys(log) if one["survey"] != limits["resolved_survey"]]
    mine = cells(some, "at", period, interval, by)
    return {place: survey_values(mine.get(place, []), limits) for place in places(period, interval, by, mine)}


def survey_values(some: list[Record], limits: Record) -> Record:
    """The figures of some surveys."""
    answers = [one["answer"] for one in some if one["answer"]]
    happy = len([one for one in answers if _is_high(one)])
    scores = [one["score"] for one in answers]
    values: Record = {
        "csat_responses": len(answers),
        "csat_offered": len(some),
        "csat_response_rate": share(len(answers), len(some)),
    }
    enough = len(answers) >= max(1, limits["csat_min_answers"])
    low, high = wilson(happy, len(answers)) if enough else (None, None)
    return {
        **values,
        "csat": happy / len(answers) if enough else None,
        "csat_mean": mean(scores) if enough else None,
        "csat_low": low,
        "csat_high": high,
    }


def _is_high(answer: Record) -> bool:
    """4 and 5 of 1 to 5; elsewhere the upper two fifths of the scale."""
    low, high = answer["lowest"], answer["highest"]
    return bool(answer["score"] >= math.ceil((2 * low + 3 * high) / 5))


# Sales


def sales(log: Log) -> list[Record]:
    """Each thing offered, whether it was taken, what the step that offered it took, after which queue."""
    found = []
    for call in calls(log):
        events = log.calls[call["call"]]
        for n, event in enumerate(events):
            if event["kind"] != "offer_made":
                continue
            took, accepted = 0, False
            for after in events[n + 1 :]:
                if after["kind"] == "offer_made" and after["path"] == event["path"]:
                    break
                accepted = accepted or (after["kind"] == "offer_accepted" and after["path"] == event["path"])
                if after["kind"] == "step" and after["path"] == event["path"]:
                    took = after["took_ms"]
                    break
            about = {"at": event["at"], "offer": event["offer"], "queue": _queue(call["call"], events[:n])}
            found.append({**call, **about, "accepted": accepted, "ms": took})
    return found


def _queue(call: str, before: list[Record]) -> str:
    """In which he waits, else from which he came to his last talk."""
    for event in before[::-1]:
        if event["kind"] == "joined":
            return str(event["queue"])
        if event["kind"] == "queue_left":
            break
    so_far = Log([])
    so_far.calls[call] = before
    over = legs(so_far)
    return str(over[-1]["queue"]) if over else ""


def sales_values(some: list[Record]) -> Record:
    taken = len([one for one in some if one["accepted"]])
    return {
        "sales_made": len(some),
        "sales_accepted": taken,
        "sales_rate": share(taken, len(some)),
        "sales_took_ms": mean([one["ms"] for one in some]),
    }


def sales_rows(log: Log, period: Period, interval: str, by: str) -> Rows:
    """Sales count where they were offered."""
    mine = cells(sales(log), "at", period, interval, by)
    return {place: sales_values(mine.get(place, [])) for place in places(period, interval, by, mine)}
