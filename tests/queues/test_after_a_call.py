"""After a call: wrap-up, dispositions, cool-downs and pauses; each setting changes what happens."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from calllog.agents import AgentCheck
from calllog.audit import audit
from calllog.events import AgentStateChanged, Disposition
from queues.errors import NotNow
from queues.handle import CallHandle
from queues.models import Agent, Queue
from queues.operations import now_ms
from queues.results import AgentView
from tests.queues.desk import Desk

YEARS_MS = 10 * 365 * 86_400_000


class Floor:
    """Alice alone in sales, and a clock of the test's own."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.post = desk, desk.post()
        self._calls = 0
        self._now = now_ms() + YEARS_MS
        self.later(0)

    def later(self, seconds: float) -> None:
        self._now += round(seconds * 1000)
        self.desk.redis.client().set(f"{{{self.desk.site}}}:clock", self._now)

    async def open(self, queue: Mapping[str, Any], **agent: Any) -> None:
        alice = Agent.model_validate({"device": "desk", "queues": ["sales"], "at_start": "ready"} | agent)
        await self.post.store.configure({"sales": Queue.model_validate(queue)}, {"alice": alice}, version=1)

    async def ring(self) -> CallHandle:
        self._calls += 1
        h = await self.post.arrive(f"pbx-1.{self._calls}", answer=False)
        self.post.store.note(h, "answered", at=self._now)
        await self.post.store.join(h, "sales")
        return h

    async def talk(self) -> CallHandle:
        h = await self.ring()
        assert await self.post.store.settle(h, "alice", 1)
        await self.post.store.connected(h, "alice", 1)
        return h

    async def hang_up(self, h: CallHandle) -> None:
        await self.post.store.unbridged(h, "agent")
        await self.post.checkpoint.ended(h, reason="agent-hangup", ended_by="agent", cause=16)

    async def decline(self, reason: str) -> None:
        h = await self.ring()
        await self.post.store.decline(h, "alice", 1, reason)
        await self.post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller", cause=16)

    async def alice(self, after_s: float = 0) -> AgentView:
        self.later(after_s)
        await self.post.store.due()
        return next(view for view in await self.post.store.agents() if view.agent == "alice")

    async def state(self, after_s: float = 0) -> str:
        view = await self.alice(after_s)
        return f"{view.state}({view.reason})" if view.reason else view.state

    def said(self) -> list[str]:
        return [event.code for event in self.desk.log() if isinstance(event, Disposition)]

    def check(self) -> None:
        assert audit(self.desk.log()).violations == []


@pytest.fixture
def floor(desk: Desk) -> Floor:
    return Floor(desk)


CODES = {"1": "sold", "22": "call-back"}


@pytest.mark.parametrize(
    ("queue", "agent", "seconds"),
    [
        ({}, {}, 0),
        ({"wrapup_s": 10}, {}, 10),
        ({"wrapup_s": 10}, {"wrapup_s": 20}, 20),
        ({"wrapup_s": 10}, {"wrapup_s": 0}, 0),
        ({"wrapup_s": 10}, {"wrapup_s": 20, "wrapup": {"sales": 30}}, 30),
        ({"wrapup_s": 10}, {"wrapup": {"support": 30, "sale": 40, "sales-2": 50}}, 10),
        ({"wrapup_s": 10}, {"wrapup": {"sales": 0}}, 0),
    ],
)
async def test_whose_wrapup(floor: Floor, queue: dict[str, Any], agent: dict[str, Any], seconds: int) -> None:
    await floor.open(queue, **agent)
    await floor.hang_up(await floor.talk())
    if seconds:
        assert await floor.state(seconds - 1) == "wrapup"
    assert await floor.state(1) == "ready"
    floor.check()


async def test_a_wrapup_is_extended_as_far_as_it_may_and_ended_early(floor: Floor) -> None:
    await floor.open({"wrapup_s": 10, "wrapup_extend_s": 15, "wrapup_max_s": 30})
    with pytest.raises(NotNow):
        await floor.post.store.agent("alice", "extend")
    await floor.hang_up(await floor.talk())
    await floor.post.store.agent("alice", "extend")
    assert await floor.state(24) == "wrapup"
    await floor.post.store.agent("alice", "extend", "3600")
    assert await floor.state(5) == "wrapup"
    with pytest.raises(NotNow):
        await floor.post.store.agent("alice", "extend")
    assert await floor.state(1) == "ready"
    await floor.hang_up(await floor.talk())
    await floor.post.store.agent("alice", "ready")
    assert await floor.state() == "ready"
    floor.check()


async def test_a_disposition_may_be_said(floor: Floor) -> None:
    await floor.open({"wrapup_s": 10, "dispositions": CODES})
    with pytest.raises(NotNow):
        await floor.post.store.agent("alice", "disposition", "1")
    h = await floor.talk()
    await floor.post.store.agent("alice", "disposition", "1")
    await floor.hang_up(h)
    await floor.post.store.agent("alice", "disposition", "call-back")
    for wrong in ("", "2", "sol", "sold,22=call-back", "%d", "1=sold"):
        with pytest.raises(NotNow):
            await floor.post.store.agent("alice", "disposition", wrong)
    assert await floor.state(10) == "ready"
    with pytest.raises(NotNow):
        await floor.post.store.agent("alice", "disposition", "1")
    assert floor.said() == ["sold", "call-back"]
    event = next(event for event in floor.desk.log() if isinstance(event, Disposition))
    assert (event.agent, event.call, event.queue) == ("alice", h.call, "sales")
    floor.check()


async def test_a_required_disposition_is_waited_for(floor: Floor) -> None:
    await floor.open({"dispositions": CODES, "disposition_required": True, "disposition_limit_s": 60})
    await floor.hang_up(await floor.talk())
    assert await floor.state(59) == "wrapup"
    with pytest.raises(NotNow, match="disposition is due"):
        await floor.post.store.agent("alice", "ready")
    await floor.post.store.agent("alice", "disposition", "22")
    assert await floor.state() == "ready"
    await floor.hang_up(await floor.talk())
    assert await floor.state(59) == "wrapup"
    assert await floor.state(1) == "ready"
    assert floor.said() == ["call-back", ""]
    floor.check()


async def test_what_was_said_in_time_leaves_the_wrapup_as_it_is(floor: Floor) -> None:
    await floor.open(
        {"wrapup_s": 10, "dispositions": CODES, "disposition_required": True, "disposition_limit_s": 60}
    )
    await floor.hang_up(await floor.talk())
    await floor.post.store.agent("alice", "disposition", "1")
    assert await floor.state(9) == "wrapup"
    assert await floor.state(1) == "ready"
    await floor.hang_up(await floor.talk())
    assert await floor.state(30) == "wrapup"
    await floor.post.store.agent("alice", "disposition", "1")
    assert await floor.state() == "ready"
    h = await floor.talk()
    await floor.post.store.agent("alice", "disposition", "1")  # during the talk
    await floor.hang_up(h)
    assert await floor.state(10) == "ready"
    floor.check()


async def test_a_pause_waits_for_what_has_to_be_said(floor: Floor) -> None:
    await floor.open({"wrapup_s": 10, "dispositions": CODES, "disposition_required": True})
    h = await floor.talk()
    await floor.post.store.agent("alice", "pause", "lunch")
    await floor.hang_up(h)
    assert await floor.state() == "wrapup"
    await floor.post.store.agent("alice", "disposition", "1")
    assert await floor.state() == "paused(lunch)"
    assert floor.said() == ["sold"]
    floor.check()


async def test_a_supervisor_need_not_wait_for_it(floor: Floor) -> None:
    await floor.open({"dispositions": CODES, "disposition_required": True})
    await floor.hang_up(await floor.talk())
    await floor.post.store.agent("alice", "offline", by="Ms. Weber")
    assert await floor.state() == "offline(logged_out)"
    assert floor.said() == [""]
    last = floor.desk.log()[-1]
    assert isinstance(last, AgentStateChanged)
    assert last.by == "Ms. Weber"
    floor.check()


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("after_no_answer_s", "no_answer"),
        ("after_busy_s", "busy"),
        ("after_rejected_s", "rejected"),
        ("after_unreachable_s", "unreachable"),
    ],
)
async def test_each_refusal_has_its_own_delay(floor: Floor, field: str, reason: str) -> None:
    resting = "unreachable(refused)" if reason == "unreachable" else "paused(cooldown)"
    await floor.open({"cooldown_s": 3, field: 40})
    await floor.decline(reason)
    assert await floor.state(39) == resting
    assert await floor.state(1) == "ready"
    other = "busy" if reason != "busy" else "rejected"
    await floor.decline(other)
    assert await floor.state(3) == "ready"
    floor.check()


async def test_after_some_in_a_row_he_is_paused_until_he_is_back(floor: Floor) -> None:
    await floor.open({"pause_after": 3, "cooldown_s": 1})
    for reason in ("no_answer", "unreachable"):
        await floor.decline(reason)
        assert await floor.state(1) == "ready"
    await floor.decline("caller_gone")  # not his fault
    await floor.hang_up(await floor.talk())
    for reason in ("no_answer", "busy"):
        await floor.decline(reason)
        assert await floor.state(1) == "ready"
    await floor.decline("rejected")
    assert await floor.state(86_400) == "paused(auto:rejected)"
    await floor.post.store.agent("alice", "ready")
    await floor.decline("rejected")
    assert await floor.state(1) == "ready"  # he has begun anew
    floor.check()


async def test_nothing_is_required_where_there_is_nothing_to_say() -> None:
    with pytest.raises(ValidationError, match="needs `dispositions`"):
        Queue(disposition_required=True)
    for wrong in ({"x": "sold"}, {"12345": "sold"}, {"1": "Sold!"}, {"1": ""}):
        with pytest.raises(ValidationError):
            Queue(dispositions=wrong)


# Private calls


async def test_who_talks_elsewhere_is_not_rung(floor: Floor) -> None:
    await floor.open({})
    await floor.post.store.reach("desk", reachable=True, in_use=True)
    assert await floor.state() == "busy_private"
    await floor.ring()
    assert floor.post.offers == []
    await floor.post.store.reach("desk", reachable=True, in_use=False)
    assert [offer.agent for offer in floor.post.offers] == ["alice"]


async def test_a_private_call_during_a_call_begins_to_count_after_it(floor: Floor) -> None:
    await floor.open({})
    h = await floor.talk()
    await floor.post.store.reach("desk", reachable=True, in_use=True)
    assert await floor.state() == "talking"
    await floor.hang_up(h)
    assert await floor.state() == "busy_private"
    await floor.post.store.reach("desk", reachable=False, in_use=True)
    assert await floor.state() == "unreachable(phone)"
    floor.check()


@pytest.mark.parametrize("pause_after", [None, 1])
async def test_who_was_rung_between_two_looks_has_refused_nothing(
    floor: Floor, pause_after: int | None
) -> None:
    await floor.open({"cooldown_s": 60, "pause_after": pause_after})
    await floor.decline("busy")
    await floor.post.store.reach("desk", reachable=True, in_use=True)
    assert await floor.state() == "busy_private"
    await floor.post.store.reach("desk", reachable=True, in_use=False)
    assert await floor.state() == "ready"
    await floor.decline("busy")
    floor.later(4)
    await floor.post.store.reach("desk", reachable=True, in_use=True)
    assert (await floor.alice()).state == "paused"  # what he does now does not explain it
    floor.check()


# One state at any instant


async def test_states_tile_the_day_through_publishing_and_kills(floor: Floor) -> None:
    await floor.open({"wrapup_s": 10}, at_start="offline")
    await floor.post.store.agent("alice", "ready")
    h = await floor.talk()
    await floor.post.store.close()  # kill -9: another one takes over
    floor.post = heir = floor.desk.post("hf-2")
    taken = await heir.checkpoint.adopt(h.call, "hf-1", h.epoch, "hf-2")
    assert taken is not None
    await floor.open({"wrapup_s": 20}, device="other-desk")
    await floor.hang_up(CallHandle.of_record(taken, "hf-2"))
    await heir.store.configure({"sales": Queue()}, {}, version=3)
    await floor.open({})
    floor.later(3600)
    await heir.store.agent("alice", "offline")
    states = [event for event in floor.desk.log() if isinstance(event, AgentStateChanged)]
    assert states[0].from_ == "offline"
    assert sum(b.at - a.at for a, b in pairwise(states)) == states[-1].at - states[0].at
    floor.check()
    overlapping = replace(states[3], at=states[2].at - 1)
    for broken in (states[:3] + states[4:], states[1:], [*states[:3], overlapping, *states[4:]]):
        agents = AgentCheck()
        assert "tile" in [violation.rule for event in broken for violation in agents.add(event)]
