"""What events of waiting, ringing, talking and holding add to a call's rows. Pure: no I/O."""

from calllog.call_events import (
    Announced,
    Bridged,
    Consulted,
    Declined,
    HoldEnded,
    HoldStarted,
    Joined,
    Moved,
    Offered,
    Overtaken,
    QueueLeft,
    QueueRefused,
    TransferFailed,
    Transferred,
    Unbridged,
)
from calllog.facts_story import Row, Rule, Story
from calllog.vocabulary import LEFT_CLASS, NOT_HIS_FAULT

# Waiting


def _joined(story: Story, event: Joined) -> None:
    story.wait = story.add(
        "waits",
        {
            "call": event.call,
            "n": event.seq,
            "queue": event.queue,
            "joined_at": event.at,
            "left_at": None,
            "bridged_at": None,
            "reason": "",
            "class": "W",
            "waited_ms": 0,
            "agent": "",
            "position_first": event.position,
            "position_last": event.position,
            "head_start_s": float(event.head_start_s),
            "needs": event.needs,
            "escalated": story.escalated_to == event.queue != "",
            "last_heard": story.step["path"] if story.step else "",
            "told_position": 0,
            "told_wait_s": None,
            "rung": 0,
            "ringing": "",
            "campaign": story.call["campaign"],
            "flow": "",
            "version": "",
        },
    )
    story.escalated_to, story.rang_at, story.given = "", [], False


def _moved(story: Story, event: Moved) -> None:
    if story.wait and event.position:
        story.wait["position_last"] = event.position


def _announced(story: Story, event: Announced) -> None:
    wait = story.wait
    if wait is None:
        return
    wait["last_heard"] = event.spoken or wait["last_heard"]
    if event.position:
        wait["told_position"] = event.position
    if event.estimated_wait_s is not None:
        wait["told_wait_s"] = float(event.estimated_wait_s)


def _overtaken(story: Story, event: Overtaken) -> None:
    story.add(
        "overtakings",
        {
            "call": event.call,
            "n": event.seq,
            "at": event.at,
            "queue": event.queue,
            "by_call": event.by_call,
            "reason": event.reason,
            "head_start_s": float(event.head_start_s),
        },
    )


def _refused(story: Story, event: QueueRefused) -> None:
    story.add(
        "refusals",
        {
            "call": event.call,
            "n": event.seq,
            "at": event.at,
            "queue": event.queue,
            "reason": event.reason,
            "campaign": story.call["campaign"],
        },
    )


def _queue_left(story: Story, event: QueueLeft) -> None:
    wait, story.wait = story.wait, None
    if wait is None:
        return
    kind = LEFT_CLASS[event.reason]
    wait.update(
        {
            "left_at": event.at,
            "reason": event.reason,
            "class": kind,
            "waited_ms": _span(wait["joined_at"], event.at),
            "position_last": event.position,
        }
    )
    if kind == "A":
        story.queue = wait["queue"]
    else:
        rang = [agent for agent, at in story.rang_at if at >= event.at]
        rang += [offer["agent"] for offer in story.open_offers]
        wait["ringing"] = ", ".join(dict.fromkeys(rang))
    story.wait_before = wait


# Ringing


def _offered(story: Story, event: Offered) -> None:
    queue = story.wait["queue"] if story.wait else story.talk["queue"] if story.talk else ""
    row = {
        "call": event.call,
        "n": event.seq,
        "queue": queue,
        "agent": event.agent,
        "attempt": event.attempt,
        "why": event.why,
        "offered_at": event.at,
        "closed_at": None,
        "result": "",
        "ring_ms": 0,
    }
    story.open_offers.append(story.add("offers", row))


def _declined(story: Story, event: Declined) -> None:
    _close_offer(story, event.agent, event.at, event.reason, event.ring_ms, event.attempt)
    if story.wait:
        story.wait["rung"] += 1
        if event.reason in NOT_HIS_FAULT:
            story.rang_at.append((event.agent, event.at))


def _close_offer(
    story: Story, agent: str, at: int, result: str, ring_ms: int | None = None, attempt: int | None = None
) -> None:
    for offer in story.open_offers:
        if offer["agent"] == agent and attempt in (None, offer["attempt"]):
            story.open_offers.remove(offer)
            rang = _span(offer["offered_at"], at) if ring_ms is None else ring_ms
            offer.update({"closed_at": at, "result": result, "ring_ms": rang})
            return


# Talking


def _bridged(story: Story, event: Bridged) -> None:
    given, story.given = story.given, False
    if not given:
        _close_offer(story, event.agent, event.at, "bridged")
        wait = story.wait_before
        if wait and wait["class"] == "A" and wait["bridged_at"] is None:
            waited_ms = _span(wait["joined_at"], event.at)
            wait.update({"bridged_at": event.at, "agent": event.agent, "waited_ms": waited_ms})
    story.talk = story.add(
        "talks",
        {
            "call": event.call,
            "n": event.seq,
            "queue": story.queue,
            "agent": event.agent,
            "bridged_at": event.at,
            "unbridged_at": None,
            "talk_ms": 0,
            "held_ms": 0,
            "ended_by": "",
            "transferred": "",
            "given": given,
            "last": False,
            "only": False,
            "campaign": story.call["campaign"],
            "flow": "",
            "version": "",
        },
    )


def _unbridged(story: Story, event: Unbridged) -> None:
    talk, story.talk = story.talk, None
    if talk is None:
        return
    said = {"talk_ms": event.talk_ms, "held_ms": event.held_ms, "ended_by": event.ended_by}
    for other in story.rows["talks"]:
        other["last"] = other["last"] and other["agent"] != talk["agent"]
        other["only"] = False
    talk.update({"unbridged_at": event.at, "last": True, "only": story.talk_before is None, **said})
    story.call.update({"queue": talk["queue"], "agent": talk["agent"]})
    story.talk_before = talk
    if event.ended_by == "caller" and _on_hold(story, talk, event.at):
        story.call["hold_abandon"] = True


def _on_hold(story: Story, talk: Row, at: int) -> bool:
    """Whether the agent held the caller to the talk's very end; what closes a talk ends its hold first."""
    if "agent" in story.open_holds:
        return True
    holds = reversed(story.rows.get("holds", []))
    last = next((hold for hold in holds if hold["by"] == "agent"), None)
    return last is not None and last["started_at"] >= talk["bridged_at"] and (last["ended_at"] or 0) >= at


def _consulted(story: Story, event: Consulted) -> None:
    if event.agent:
        _close_offer(story, event.agent, event.at, "consulted")


def _transferred(story: Story, event: Transferred) -> None:
    agent = ""
    if event.by == "agent" and story.talk_before:
        agent = story.talk_before["agent"]
        story.talk_before["transferred"] = event.how
    story.given = event.how == "attended" and event.agent != ""
    if event.to and event.by != "agent":
        story.call["served"] = True
    story.add("transfers", _transfer(event, event.how, event.by, agent, ""))


def _transfer_failed(story: Story, event: TransferFailed) -> None:
    """Of a number `transferred` is told only once it has answered: its failure is all there is of it."""
    told = story.rows.get("transfers", [])
    target = (event.to, event.agent, event.queue)
    if told and not told[-1]["failed"] and target == tuple(told[-1][to] for to in _TARGET):
        told[-1]["failed"] = event.reason
        return
    agent = story.talk_before["agent"] if story.talk_before else ""
    story.add("transfers", _transfer(event, "blind", "agent", agent, event.reason))


_TARGET = ("to", "to_agent", "to_queue")


def _transfer(event: Transferred | TransferFailed, how: str, by: str, agent: str, failed: str) -> Row:
    return {
        "call": event.call,
        "n": event.seq,
        "at": event.at,
        "how": how,
        "by": by,
        "agent": agent,
        "to": event.to,
        "to_agent": event.agent,
        "to_queue": event.queue,
        "failed": failed,
    }


# Holding


def _hold_started(story: Story, event: HoldStarted) -> None:
    row = {
        "call": event.call,
        "n": event.seq,
        "by": event.by,
        "queue": story.wait["queue"] if story.wait else "",
        "agent": story.talk["agent"] if story.talk else "",
        "started_at": event.at,
        "ended_at": None,
        "held_ms": 0,
    }
    story.open_holds[event.by] = story.add("holds", row)


def _hold_ended(story: Story, event: HoldEnded) -> None:
    hold = story.open_holds.pop(event.by, None)
    if hold is not None:
        hold.update({"ended_at": event.at, "held_ms": event.held_ms})


def _span(begin: int, end: int) -> int:
    return max(0, end - begin)


QUEUE_RULES: dict[type, Rule] = {
    Joined: _joined,
    Moved: _moved,
    Announced: _announced,
    Overtaken: _overtaken,
    QueueRefused: _refused,
    QueueLeft: _queue_left,
    Offered: _offered,
    Declined: _declined,
    Bridged: _bridged,
    Unbridged: _unbridged,
    Consulted: _consulted,
    Transferred: _transferred,
    TransferFailed: _transfer_failed,
    HoldStarted: _hold_started,
    HoldEnded: _hold_ended,
}
