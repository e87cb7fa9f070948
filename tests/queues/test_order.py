"""Head starts, who is passed, and who moves callers: what the log says of it, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from calllog.call_events import Bridged, Joined, Moved, Overtaken
from calllog.turns import TurnCheck
from queues.errors import NotWaiting, UnknownCall, UnknownQueue
from queues.handle import CallHandle
from queues.models import Agent, Queue
from tests.queues.desk import Desk, Post
from tests.queues.test_desk_commands import Holdfast, as_json, command, holdfast
from tests.unit.flow.small_company import build, edit, write

__all__ = ["holdfast"]


async def site(desk: Desk, **queue: Any) -> Post:
    """`sales` and `gold`; ann serves both, and pauses."""
    post = desk.post()
    agents = {"ann": Agent.model_validate({"device": "a", "queues": ["sales", "gold"], "at_start": "ready"})}
    await post.store.configure({"sales": Queue.model_validate(queue), "gold": Queue()}, agents, version=1)
    await post.store.agent("ann", "pause", "x")
    return post


async def callers(post: Post, *starts: dict[Any, float]) -> list[CallHandle]:
    handles = []
    for number, ahead in enumerate(starts, 1):
        post.later()
        handles.append(await post.arrive(f"pbx-1.{number}"))
        await post.store.join(handles[-1], "sales", ahead, at=0)
    return handles


async def line(post: Post, queue: str = "sales") -> list[str]:
    (view,) = [view for view in await post.store.waiting() if view.queue == queue]
    return [caller.call for caller in view.callers]


async def connect(post: Post, h: CallHandle) -> None:
    offer = post.offers[-1]
    assert offer.call == h.call
    assert await post.store.settle(h, offer.agent, offer.attempt)
    await post.store.connected(h, offer.agent, offer.attempt)


async def test_head_starts_add_up_and_are_in_the_log(desk: Desk) -> None:
    post = await site(desk, weight_s=7)
    await callers(post, {}, {"priority": 30, "vip": 60.5})
    assert await line(post) == ["pbx-1.2", "pbx-1.1"]
    joined = desk.calls()["pbx-1.2"][2]
    assert isinstance(joined, Joined)
    assert joined.head_starts == {"weight": 7, "priority": 30, "vip": 60.5}
    assert joined.head_start_s == 97.5
    assert joined.score == joined.at - 97_500


async def test_time_waited_before_counts_in_the_next_queue(desk: Desk) -> None:
    post = await site(desk)
    first, _ = await callers(post, {}, {})
    post.later()
    await post.store.join(await post.arrive("pbx-1.3"), "gold")
    await post.store.leave(first, "timeout")
    await post.store.join(first, "gold")
    assert await line(post, "gold") == ["pbx-1.1", "pbx-1.3"]
    joined = [event for event in desk.calls()["pbx-1.1"] if isinstance(event, Joined)][-1]
    assert [*joined.head_starts] == ["credit"]
    assert joined.head_starts["credit"] >= 0.04


async def test_who_is_passed_reads_by_whom_and_why(desk: Desk) -> None:
    post = await site(desk)
    handles = await callers(post, {}, {"priority": 5}, {"priority": 20, "vip": 30})
    await post.store.agent("ann", "ready")
    await connect(post, handles[2])
    log = desk.calls()
    passed = [event for call in ("pbx-1.1", "pbx-1.2") for event in log[call] if isinstance(event, Overtaken)]
    assert [(e.by_call, e.reason, e.head_start_s) for e in passed] == [
        ("pbx-1.3", "vip", 30),
        ("pbx-1.3", "vip", 30),
    ]
    assert [e.overtook for e in log["pbx-1.3"] if isinstance(e, Bridged)] == [2]
    desk.assert_sound(live=True)


async def test_at_most_twenty_are_named_and_all_are_counted(desk: Desk) -> None:
    post = await site(desk)
    handles = await callers(post, *[{}] * 23, {"escalated": 60})
    await post.store.agent("ann", "ready")
    await connect(post, handles[-1])
    log = desk.calls()
    named = [call for call, events in log.items() if any(isinstance(e, Overtaken) for e in events)]
    assert named == [f"pbx-1.{number}" for number in range(1, 21)]
    assert [e.overtook for e in log["pbx-1.24"] if isinstance(e, Bridged)] == [23]


async def test_who_has_put_us_on_hold_is_passed_over_and_keeps_his_place(desk: Desk) -> None:
    post = await site(desk)
    first, second, third = await callers(post, {}, {}, {})
    await post.store.hold(first, "caller", True)
    await post.store.agent("ann", "ready")
    await connect(post, second)
    passed = [event for event in desk.calls()[first.call] if isinstance(event, Overtaken)]
    assert [(event.by_call, event.reason) for event in passed] == [(second.call, "held")]
    await post.store.unbridged(second, "caller")
    assert post.offers[-1].call == third.call
    await post.store.hold(first, "caller", False)
    assert await line(post) == [first.call, third.call]
    await post.store.decline(third, "ann", post.offers[-1].attempt, "withdrawn")
    assert post.offers[-1].call == first.call


async def test_who_comes_back_from_hold_is_offered_at_once(desk: Desk) -> None:
    post = await site(desk)
    (alone,) = await callers(post, {})
    await post.store.hold(alone, "caller", True)
    await post.store.agent("ann", "ready")
    assert not post.offers
    await post.store.hold(alone, "caller", False)
    assert post.offers[-1].call == alone.call


async def test_in_turn_nobody_is_passed(desk: Desk) -> None:
    post = await site(desk)
    handles = await callers(post, {}, {})
    await post.store.agent("ann", "ready")
    await connect(post, handles[0])
    assert not [e for events in desk.calls().values() for e in events if isinstance(e, Overtaken)]


async def test_a_caller_is_moved_by_command(desk: Desk, holdfast: Holdfast) -> None:
    post = await site(desk)
    handles = await callers(post, {}, {}, {}, {})
    moved = await as_json(holdfast, "queues", "move", "pbx-1.4", "--front", "--by", "eve")
    assert moved == {"call": "pbx-1.4", "queue": "sales", "position": 1, "state": "waiting"}
    assert (await command(holdfast, "queues", "move", "pbx-1.1", "--position", "3")).exit_code == 0
    assert await line(post) == ["pbx-1.4", "pbx-1.2", "pbx-1.1", "pbx-1.3"]
    assert (
        await command(holdfast, "queues", "priority", "pbx-1.3", "600")
    ).stdout == "pbx-1.3: place 1 in sales (waiting)\n"
    assert (await command(holdfast, "queues", "move", "pbx-1.2", "--to", "gold")).exit_code == 0
    assert (await line(post), await line(post, "gold")) == (["pbx-1.3", "pbx-1.4", "pbx-1.1"], ["pbx-1.2"])
    log = desk.calls()
    asked = [(e.reason, e.by) for e in log["pbx-1.4"] if isinstance(e, Moved)]
    assert asked == [("position", "eve")]
    assert [e.kind for e in log["pbx-1.2"]][-5:] == [
        "moved",
        "hold_ended",
        "queue_left",
        "joined",
        "hold_started",
    ]
    await post.store.agent("ann", "ready")
    await connect(post, handles[2])
    reasons = [
        (call, e.reason) for call, events in desk.calls().items() for e in events if isinstance(e, Overtaken)
    ]
    assert reasons == [("pbx-1.1", "priority")], "pbx-1.4 came later than who was connected"
    desk.assert_sound(live=True)
    turns = TurnCheck()
    assert [found for event in desk.log() if hasattr(event, "call") for found in turns.call(event)] == []  # type: ignore[arg-type]


async def test_a_move_matches_at_once(desk: Desk) -> None:
    post = desk.post()
    agents = {
        name: Agent.model_validate({"device": name, "queues": [queue], "at_start": "ready"})
        for name, queue in (("ann", "sales"), ("bob", "gold"))
    }
    await post.store.configure({"sales": Queue(), "gold": Queue()}, agents, version=1)
    (h,) = await callers(post, {})
    moved = await post.store.move(h.call, "gold", by="eve")
    assert moved == ("gold", 1, "offered")
    assert [(offer.agent, offer.queue) for offer in post.offers] == [("ann", "sales"), ("bob", "gold")]
    assert {view.agent: view.state for view in await post.store.agents()} == {
        "ann": "ready",
        "bob": "offered",
    }
    desk.assert_sound(live=True)


async def test_who_does_not_wait_is_not_moved(desk: Desk, holdfast: Holdfast) -> None:
    post = await site(desk)
    h = await post.arrive("pbx-1.1")
    with pytest.raises(NotWaiting, match="in its call flow"):
        await post.store.move("pbx-1.1", position=1)
    await post.store.join(h, "sales")
    with pytest.raises(UnknownQueue, match="nowhere"):
        await post.store.move("pbx-1.1", "nowhere")
    await post.store.agent("ann", "ready")
    assert await post.store.settle(h, "ann", 1)
    with pytest.raises(NotWaiting, match="being connected"):
        await post.store.move("pbx-1.1", position=1)
    await post.store.connected(h, "ann", 1)
    refused = await command(holdfast, "queues", "priority", "pbx-1.1", "5")
    assert (refused.exit_code, refused.stderr) == (
        4,
        "holdfast: call pbx-1.1 does not wait: it is with an agent\n",
    )
    with pytest.raises(UnknownCall):
        await post.store.move("pbx-9.9", position=1)
    assert (await command(holdfast, "queues", "move", "pbx-1.1")).exit_code == 2
    assert (await command(holdfast, "queues", "move", "pbx-1.1", "--front", "--position", "2")).exit_code == 2
    assert (await command(holdfast, "queues", "priority", "pbx-1.1", "-1")).exit_code == 2
    assert json.dumps([e.kind for e in desk.log()]).count("moved") == 0


async def test_what_is_published_reaches_who_waits(desk: Desk) -> None:
    post = await site(desk)
    await callers(post, {}, {}, {})
    queues = {"sales": Queue(), "gold": Queue(weight_s=3)}
    agents = {"ann": Agent.model_validate({"device": "a", "queues": ["sales", "gold"]})}
    third = post.store.operations.keys.call("pbx-1.3")
    desk.redis.client().hset(third, "from", "4930555")
    await post.store.configure(queues, agents, 2, vip=lambda number: 60 if number == "4930555" else 0)
    assert await line(post) == ["pbx-1.3", "pbx-1.1", "pbx-1.2"]
    told = [(e.reason, e.position) for e in desk.calls()["pbx-1.3"] if isinstance(e, Moved)]
    assert told == [("published", 1)]
    desk.assert_sound(live=True)


async def preferring(desk: Desk, at_work: str = "ready") -> tuple[Post, CallHandle]:
    """ann and bob serve sales, bob is ready; the caller waits for ann first, for a second."""
    post = desk.post()
    agents = {name: Agent.model_validate({"device": name, "queues": ["sales"]}) for name in ("ann", "bob")}
    await post.store.configure({"sales": Queue()}, agents, version=1)
    if at_work:
        await post.store.agent("ann", "ready")
        busy = await post.arrive("pbx-1.9")
        await post.store.join(busy, "sales")
        await connect(post, busy)
    await post.store.agent("bob", "ready")
    h = await post.arrive("pbx-1.1")
    await post.store.join(h, "sales", prefer=("ann", 1))
    return post, h


async def test_he_waits_for_the_agent_he_prefers_but_not_for_long(desk: Desk) -> None:
    post, _ = await preferring(desk)
    assert [offer.agent for offer in post.offers] == ["ann"], "bob is ready, and not rung"
    post.later(1500)
    await post.store.due()
    assert [offer.agent for offer in post.offers] == ["ann", "bob"]
    assert (await post.store.sweep()).found == 0


async def test_the_agent_he_prefers_takes_him_when_he_is_free(desk: Desk) -> None:
    post, h = await preferring(desk)
    await post.store.unbridged(CallHandle("pbx-1.9", "hf-1", op=99), "agent")
    assert (post.offers[-1].agent, post.offers[-1].call) == ("ann", h.call)
    offered = [event for event in desk.log() if event.kind == "offered"][-1]
    assert offered.why == "preferred"  # type: ignore[union-attr]
    await post.store.decline(h, "ann", 1, "no_answer")
    assert post.offers[-1].agent == "bob", "who does not answer is preferred no more"


async def test_who_is_not_at_work_is_not_waited_for(desk: Desk) -> None:
    post, _ = await preferring(desk, at_work="")
    assert [offer.agent for offer in post.offers] == ["bob"]
    assert (await post.store.agent("ann", "ready")).state == "ready"
    other = await post.arrive("pbx-1.2")
    await post.store.join(other, "sales", prefer=("nobody", 60))
    assert post.offers[-1].agent == "ann", "nor who is not known"


async def test_who_goes_home_is_waited_for_no_more(desk: Desk) -> None:
    post, h = await preferring(desk)
    await post.store.agent("ann", "offline")
    await post.store.unbridged(CallHandle("pbx-1.9", "hf-1", op=99), "agent")
    assert (post.offers[-1].agent, post.offers[-1].call) == ("bob", h.call)
    desk.assert_sound(live=True)


async def test_a_dry_run_tells_what_it_would_change_and_changes_nothing(
    desk: Desk, holdfast: Holdfast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = build(tmp_path / "callflows")
    write(company, "queues.yaml", "queues:\n  sales: {title: Sellers}\nvips: {'+49 30 5551': 300}\n")
    monkeypatch.setenv("HOLDFAST_CALLFLOWS", str(company))
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path / "data"))
    post = await site(desk)
    await callers(post, {})
    urgent = await post.arrive("pbx-2.1", from_="+49305551")
    await post.store.join(urgent, "sales", {})
    before = await line(post)
    asked = await as_json(holdfast, "publish", "--dry-run")
    assert asked["summary"] == "moves 2 waiting callers, 0 lose over 30 s"
    assert [(one["call"], one["before"], one["after"]) for one in asked["changes"]] == [
        ("pbx-2.1", 2, 1),
        ("pbx-1.1", 1, 2),
    ]
    assert await line(post) == before
    assert not (tmp_path / "data" / "versions").exists()
    edit(company, "queues.yaml", "title", "tittle")
    broken = await command(holdfast, "publish", "--dry-run")
    assert (broken.exit_code, "tittle" in broken.output) == (1, True)


async def test_he_waits_for_whom_he_talked_to_last(desk: Desk) -> None:
    post = desk.post()
    agents = {name: Agent.model_validate({"device": name, "queues": ["sales"]}) for name in ("ann", "bob")}
    await post.store.configure({"sales": Queue(last_agent_s=1)}, agents, version=1)
    await post.store.agent("ann", "ready")
    first = await post.arrive("pbx-1.1")
    await post.store.join(first, "sales")
    await connect(post, first)
    await post.store.agent("bob", "ready")
    stranger, same, hidden = [
        await post.arrive(f"pbx-1.{number}", from_=who)
        for number, who in ((2, "+4930999"), (3, "+4930123"), (4, ""))
    ]
    await post.store.join(same, "sales")
    assert len(post.offers) == 1, "bob is ready, and not rung"
    await post.store.join(stranger, "sales")
    assert (post.offers[-1].call, post.offers[-1].agent) == (stranger.call, "bob")
    await post.store.unbridged(first, "caller")
    assert (post.offers[-1].call, post.offers[-1].agent) == (same.call, "ann")
    await post.store.join(hidden, "sales")
    kept = list(desk.redis.client().scan_iter("*last:*"))
    assert kept
    assert not [key for key in kept if "4930" in str(key)]
    agents["ann"] = Agent.model_validate({"device": "ann", "queues": []})
    await post.store.unbridged(first, "caller")
    await post.checkpoint.ended(same, reason="caller-hangup", ended_by="caller")
    await post.store.configure({"sales": Queue(last_agent_s=60)}, agents, version=2)
    again = await post.arrive("pbx-1.5")
    await post.store.join(again, "sales")
    await post.store.agent("bob", "ready")
    await post.store.decline(stranger, "bob", post.offers[-1].attempt, "withdrawn")
    assert {offer.agent for offer in post.offers if offer.call == again.call} <= {"bob"}
    record = desk.redis.client().hget(post.store.operations.keys.call(again.call), "prefer")
    assert not record, "ann does not serve the queue any more"
