"""What a call's beginning, its flow and its end add to its rows. Pure: no I/O."""

from calllog.call_events import (
    Answered,
    Arrived,
    Ended,
    Escalated,
    OfferAccepted,
    OfferMade,
    Recorded,
    Step,
    SurveyAnswered,
    SurveyOffered,
    Tagged,
)
from calllog.facts_story import Row, Rule, Story


def _arrived(story: Story, event: Arrived) -> None:
    story.call.update(
        {
            "arrived_at": event.at,
            "caller": event.from_,
            "number": event.to,
            "campaign": event.campaign,
            "language": event.language,
            "asterisk": event.asterisk,
            "journey": event.journey,
        }
    )


def _answered(story: Story, event: Answered) -> None:
    if story.call["answered_at"] is None:
        story.call["answered_at"] = event.at


def _ended(story: Story, event: Ended) -> None:
    story.call.update(
        {
            "ended_at": event.at,
            "verdict": event.verdict,
            "reason": event.reason,
            "ended_by": event.ended_by,
            "cause": event.cause,
            "lifetime_ms": event.lifetime_ms,
            "flow_ms": event.flow_ms,
            "wait_ms": event.wait_ms,
            "held_ms": event.held_ms,
            "talk_ms": event.talk_ms,
        }
    )


def _step(story: Story, event: Step) -> None:
    version = str(event.version)
    if not story.rows.get("steps"):
        story.call.update({"flow": event.flow, "version": version})
    if story.step is not None:
        story.step["next"] = event.path
    story.step = story.add(
        "steps",
        {
            "call": event.call,
            "n": event.seq,
            "at": event.at,
            "flow": event.flow,
            "version": version,
            "path": event.path,
            "outcome": event.outcome,
            "took_ms": event.took_ms,
            "next": "",
            "dropped": False,
            "entry": story.call["flow"],
        },
    )
    sale = story.open_sales.pop(event.path, None)
    if sale is not None:
        sale["took_ms"] = event.took_ms


def _tagged(story: Story, event: Tagged) -> None:
    if event.topic:
        story.call["topic"] = event.topic
    if event.campaign:
        story.call["campaign"] = event.campaign


def _escalated(story: Story, event: Escalated) -> None:
    waits = story.rows.get("waits")
    story.escalated_to = event.queue
    story.add(
        "escalations",
        {
            "call": event.call,
            "n": event.seq,
            "at": event.at,
            "path": event.path,
            "queue": event.queue,
            "from_queue": waits[-1]["queue"] if waits else "",
            "reason": event.reason,
        },
    )


def _recorded(story: Story, event: Recorded) -> None:
    if event.box:
        story.call["served"] = True


def _offer_made(story: Story, event: OfferMade) -> None:
    where = story.wait or story.talk_before
    story.open_sales[event.path] = story.add(
        "sales",
        {
            "call": event.call,
            "n": event.seq,
            "path": event.path,
            "offer": event.offer,
            "made_at": event.at,
            "accepted_at": None,
            "took_ms": 0,
            "queue": where["queue"] if where else "",
        },
    )


def _offer_accepted(story: Story, event: OfferAccepted) -> None:
    story.call["served"] = True
    sale = story.open_sales.get(event.path)
    if sale is not None and sale["offer"] == event.offer:
        sale["accepted_at"] = event.at


def _survey_offered(story: Story, event: SurveyOffered) -> None:
    row = _survey(story, event)
    if row["offered_at"] is None:
        row["offered_at"] = event.at


def _survey_answered(story: Story, event: SurveyAnswered) -> None:
    story.call["served"] = True
    answer = {"score": event.score, "lowest": event.lowest, "highest": event.highest}
    _survey(story, event).update({"answered_at": event.at, **answer})


def _survey(story: Story, event: SurveyOffered | SurveyAnswered) -> Row:
    for row in story.rows.get("surveys", []):
        if row["survey"] == event.survey:
            return row
    talk = story.talk_before
    return story.add(
        "surveys",
        {
            "call": event.call,
            "survey": event.survey,
            "path": event.path,
            **dict.fromkeys(("offered_at", "answered_at", "score", "lowest", "highest")),
            "queue": talk["queue"] if talk else "",
            "agent": talk["agent"] if talk else "",
        },
    )


FLOW_RULES: dict[type, Rule] = {
    Arrived: _arrived,
    Answered: _answered,
    Ended: _ended,
    Step: _step,
    Tagged: _tagged,
    Escalated: _escalated,
    Recorded: _recorded,
    OfferMade: _offer_made,
    OfferAccepted: _offer_accepted,
    SurveyOffered: _survey_offered,
    SurveyAnswered: _survey_answered,
}
