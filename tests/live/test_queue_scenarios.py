"""What Asterisk's own test suite asks of `Queue()`, asked of ours: seen by phones and in the log only.

Its scenarios (asterisk/testsuite, tests/apps/queues) and ours:

queue_baseline               test_answered.py: one caller, one agent, every event in its order
queue_no_answer              test_declining.py: test_an_agent_who_does_not_answer
queue_all_paused_no_answer   all_paused
queue_one_paused_no_answer   one_paused
reason_pause_ami             all_paused: the reasons in `holdfast queues`, log; by phone: test_codes.py
ringinuse_and_pause          in_use; private in test_agents.py; `pause_after` in test_after_a_call.py
queue_penalty_outside_range  tiered: a tier that does not open in time is never rung
set_penalty                  tier_changed, while somebody waits for it
position_priority_maxlen     placed: by priority, at most five; where somebody is put: test_order.py (`move`)
wrapup_time                  wraps_up_by_queue
wrapup_time_per_member       wraps_up_by_agent
reload_queue_members         reloaded, while somebody waits
queue_member_forward         forwards; test_declining.py: test_a_redirection_is_a_decline (we follow none)
redirect                     test_agent_transfers.py: the caller is taken out of a talk and brought to another
transfer/caller_blind        test_agent_transfers.py: test_a_caller_cannot_make_us_call_anybody (refused, and
transfer/caller_attended     why), test_attended.py; by the agent: all others there
queue_transfer_callee        none: where an agent goes after the caller has gone is no dialplan's affair here;
                             the caller's `after_agent:` is, test_leaving.py: the flow goes on
gosub_test                   what an agent hears first, test_briefing.py: whisper and confirm
"""

import asyncio
import json
from contextlib import AsyncExitStack
from itertools import pairwise

import pytest

from calllog.call_events import Bridged, Declined, Joined, Offered, QueueLeft, QueueRefused
from calllog.grammar import violations
from tests.live.conftest import Watch
from tests.live.stage import Plot, Stage, plot
from tests.rig.log_watch import kinds
from tests.rig.sipp import Caller
from tests.rig.site import Played

pytestmark = pytest.mark.asyncio(loop_scope="session")

BESIDE: dict[str, list[Played]] = {}
"""Plot → its calls before the last one, which the plot returns."""
STORM_MS = 2600
"""So long somebody waits whom nobody takes; agents cool down for a second."""
SLACK_MS = 60
"""Between what phones, Asterisk and Redis call the same instant."""


def left(played: Played) -> QueueLeft:
    event = played.one("queue_left")
    assert isinstance(event, QueueLeft)
    return event


# Paused


@plot
async def all_paused(stage: Stage) -> Played:
    """Both agents of the queue are away for a reason; it can be seen which."""
    async with (
        stage.agent("palma", "agent_answers", ring_ms=1, talk_ms=500) as palma,
        stage.agent("pavel", "agent_answers", ring_ms=1, talk_ms=500) as pavel,
    ):
        for agent, reason in (("palma", "lunch"), ("pavel", "a meeting")):
            code, _, errors = await stage.server.run("agent", agent, "pause", reason)
            assert code == 0, errors
        played = await stage.call("410", {"palma": palma, "pavel": pavel}, stay_ms=30_000)
        _, out, _ = await stage.server.run("queues", "--json")
        reasons = {each["agent"]: (each["state"], each["reason"]) for each in json.loads(out)["agents"]}
        assert (reasons["palma"], reasons["pavel"]) == (("paused", "lunch"), ("paused", "a meeting"))
        return played


async def test_nobody_is_rung_while_all_are_paused(watch: Watch, stage: Stage) -> None:
    played = await watch(all_paused)
    played.check()
    assert played.agents == {"palma": [], "pavel": []}
    assert "offered" not in kinds(played.events)
    assert left(played).reason == "timeout"
    assert left(played).waited_ms == pytest.approx(3000, abs=200)
    for agent, reason in (("palma", "lunch"), ("pavel", "a meeting")):
        state = stage.log.last_state(agent)
        assert state
        assert (state.to, state.reason) == ("paused", reason)


@plot
async def one_paused(stage: Stage) -> Played:
    async with (
        stage.agent("oda", "agent_answers", ring_ms=1, talk_ms=500) as oda,
        stage.agent("otto", "agent_does_not_answer", ring_ms=30_000) as otto,
    ):
        await stage.dials("oda", "*46")
        return await stage.call("411", {"oda": oda, "otto": otto}, stay_ms=30_000)


async def test_only_who_is_not_paused_is_rung_and_once(watch: Watch) -> None:
    played = await watch(one_paused)
    played.check()
    assert [len(played.agents[agent]) for agent in ("oda", "otto")] == [0, 1]
    assert [(e.agent, e.reason) for e in played.events if isinstance(e, Declined)] == [("otto", "no_answer")]
    assert left(played).reason == "timeout"


# Agents on a call


@plot
async def in_use(stage: Stage) -> Played:
    """Ivo talks for 1.5 s; whoever comes meanwhile waits, and then is his."""
    async with stage.agent("ivo", "agent_answers", ring_ms=300, talk_ms=1500) as ivo:
        first = asyncio.ensure_future(stage.call("412", {"ivo": ivo}, stay_ms=30_000))
        await stage.log.state("ivo", "offered")
        while_ringing = asyncio.ensure_future(stage.call("412", {"ivo": ivo}, stay_ms=30_000))
        await stage.log.state("ivo", "talking")
        BESIDE["in_use"] = [await first, await while_ringing]
        return await stage.call("412", {"ivo": ivo}, stay_ms=30_000)


async def test_an_agent_who_rings_or_talks_is_not_rung(watch: Watch) -> None:
    third = await watch(in_use)
    first, second = BESIDE["in_use"]
    for played in (first, second, third):
        assert left(played).reason == "answered"
    seen = {leg.call_id: leg for played in (first, second, third) for leg in played.agents["ivo"]}
    legs = sorted(seen.values(), key=lambda leg: leg.invited_at)
    assert len(legs) == 3
    assert all(one.ended_at <= two.invited_at + SLACK_MS for one, two in pairwise(legs))
    assert second.one("offered").at >= first.one("unbridged").at


# Wrap-up


async def _wraps(stage: Stage, agent: str, *numbers: str) -> Played:
    """One call after the other: each comes as soon as the one before has ended."""
    async with stage.agent(agent, "agent_answers", ring_ms=50, talk_ms=300) as phone:
        calls = [await stage.call(number, {agent: phone}, stay_ms=30_000) for number in numbers]
    BESIDE[agent] = calls[:-1]
    return calls[-1]


@plot
async def wraps_up_by_queue(stage: Stage) -> Played:
    """Wilma serves a queue with 2 s of wrap-up and one with 1 s."""
    return await _wraps(stage, "wilma", "413", "414", "413")


@plot
async def wraps_up_by_agent(stage: Stage) -> Played:
    """Wim's own second counts, not the queue's half a minute."""
    return await _wraps(stage, "wim", "415", "415")


def rests(calls: list[Played]) -> list[int]:
    """Between each talk and the next offer, ms."""
    return [two.one("offered").at - one.one("unbridged").at for one, two in pairwise(calls)]


async def test_wrap_up_is_that_of_the_queue_he_was_in(watch: Watch) -> None:
    played = await watch(wraps_up_by_queue)
    calls = [*BESIDE["wilma"], played]
    for each in calls:
        each.check()
    assert rests(calls) == [pytest.approx(2000, abs=200), pytest.approx(1000, abs=200)]


async def test_an_agents_own_wrap_up_counts_before_the_queues(watch: Watch) -> None:
    played = await watch(wraps_up_by_agent)
    calls = [*BESIDE["wim"], played]
    assert rests(calls) == [pytest.approx(1000, abs=200)]


# Other members


@plot
async def reloaded(stage: Stage) -> Played:
    """While he waits, the file changes: Ronja serves the queue from then on, and Radka does not."""
    path = stage.server.settings.callflows / "agents.yaml"
    async with (
        stage.agent("radka", "agent_answers", ring_ms=1, talk_ms=500) as radka,
        stage.agent("ronja", "agent_answers", ring_ms=1, talk_ms=500) as ronja,
    ):
        phones = {"radka": radka, "ronja": ronja}
        waiting = asyncio.ensure_future(stage.call("416", phones, stay_ms=30_000))
        await stage.log.until(lambda event: getattr(event, "queue", "") == "reloaded")
        text = path.read_text()
        new = text.replace("radka-phone, queues: [reloaded]", "radka-phone, queues: []")
        new = new.replace("ronja-phone, queues: []", "ronja-phone, queues: [reloaded]")
        assert new.count("[reloaded]") == text.count("[reloaded]") == 1
        path.write_text(new)
        BESIDE["reloaded"] = [await waiting]
        code, _, errors = await stage.server.run("agent", "radka", "ready")
        assert code == 0, errors
        await stage.log.state("radka", "ready")
        return await stage.call("416", phones, stay_ms=30_000)


async def test_changed_members_reach_who_is_waiting(watch: Watch) -> None:
    second = await watch(reloaded)
    for played in (*BESIDE["reloaded"], second):
        played.check()
        assert [event.agent for event in played.events if isinstance(event, Bridged)] == ["ronja"]
        assert played.agents["radka"] == []


# Tiers


@plot
async def tiered(stage: Stage) -> Played:
    """Tilda is in the second tier, which opens after two seconds."""
    async with stage.agent("tilda", "agent_answers", ring_ms=1, talk_ms=300) as tilda:
        BESIDE["tiered"] = [await stage.call("420", {"tilda": tilda}, stay_ms=30_000)]
        return await stage.call("421", {"tilda": tilda}, stay_ms=30_000)


async def test_a_tier_is_rung_when_it_opens_and_not_before(watch: Watch) -> None:
    second = await watch(tiered)
    (first,) = BESIDE["tiered"]
    for played in (first, second):
        played.check()
    assert left(first).reason == "timeout"
    assert first.agents["tilda"] == []
    assert second.one("offered").at - second.one("joined").at == pytest.approx(2000, abs=100)


@plot
async def tier_changed(stage: Stage) -> Played:
    """While he waits for a tier that opens after a minute, its only agent is put into the first one."""
    path = stage.server.settings.callflows / "agents.yaml"
    async with stage.agent("tomke", "agent_answers", ring_ms=1, talk_ms=300) as tomke:
        waiting = asyncio.ensure_future(stage.call("422", {"tomke": tomke}, stay_ms=30_000))
        await stage.log.until(lambda event: getattr(event, "queue", "") == "tier-change")
        text = path.read_text()
        assert text.count("{name: tier-change, tier: 2}") == 1
        path.write_text(text.replace("{name: tier-change, tier: 2}", "{name: tier-change, tier: 1}"))
        return await waiting


async def test_a_changed_tier_reaches_who_is_waiting(watch: Watch) -> None:
    played = await watch(tier_changed)
    played.check()
    assert left(played).reason == "answered"
    assert left(played).waited_ms < 10_000


# Place by priority, in a line of limited length


@plot
async def placed(stage: Stage) -> Played:
    """Five wait, two of them a minute ahead, and that is all: one more who is ahead is refused.

    When one of them has left there is room, and who is ahead stands before the others again.
    """
    calls = []

    async def comes(number: str, stay_ms: int = 6000) -> str:
        caller = Caller(stage.number())
        calls.append(asyncio.ensure_future(stage.call(number, caller=caller, stay_ms=stay_ms)))
        return await stage.log.call_of(caller.number)

    for number, stay_ms in (("423", 4000), ("423", 5000), ("424", 6000), ("424", 6000)):
        await stage.log.event(await comes(number, stay_ms), "joined")
    leaves = await comes("423", stay_ms=1000)
    await stage.log.event(leaves, "joined")
    await stage.log.event(await comes("424"), "queue_refused")
    await stage.log.event(leaves, "queue_left")
    await stage.log.event(await comes("424"), "joined")
    BESIDE["placed"] = [await call for call in calls]
    return BESIDE["placed"][-1]


async def test_each_has_the_place_that_his_priority_gives_him_if_there_is_one(watch: Watch) -> None:
    await watch(placed)
    calls = BESIDE["placed"]
    for played in calls:
        played.check()
    refused = calls.pop(5)
    assert [e.reason for e in refused.events if isinstance(e, QueueRefused)] == ["full"]
    assert "joined" not in kinds(refused.events)
    joined = [event for played in calls for event in played.events if isinstance(event, Joined)]
    assert [event.position for event in joined] == [1, 2, 1, 2, 5, 3]
    assert [left(played).original_position for played in calls] == [1, 2, 1, 2, 5, 3]
    assert [left(played).position for played in calls[:2]] == [4, 4], "the last one stood before both"


# Nobody takes him: never a storm


async def _storm(stage: Stage, number: str, scenario: str, *agents: str, **keys: int | str) -> Played:
    async with AsyncExitStack() as stack:
        phones = {
            agent: await stack.enter_async_context(stage.agent(agent, scenario, **keys)) for agent in agents
        }
        return await stage.call(number, phones, stay_ms=STORM_MS)


@plot
async def all_busy(stage: Stage) -> Played:
    return await _storm(stage, "417", "agent_is_busy", "stan", "stella", ring_ms=1)


@plot
async def forwards(stage: Stage) -> Played:
    return await _storm(stage, "418", "agent_redirects", "flora", forward_to="sip:voicemail@127.0.0.1:6999")


@plot
async def nobody_listens(stage: Stage) -> Played:
    """The phone has an address at which nothing is: he is rung for a second, and rests for one."""
    return await stage.call("419", stay_ms=STORM_MS)


def apart(instants: list[int]) -> bool:
    """Whether there are as many as the cool-down of a second leaves room for, each after it."""
    enough = STORM_MS // 1000 <= len(instants) <= STORM_MS // 1000 + 1
    return enough and all(two - one >= 1000 - SLACK_MS for one, two in pairwise(instants))


@pytest.mark.parametrize(
    ("scene", "reason", "status"), [(all_busy, "busy", 486), (forwards, "rejected", 302)], ids=["486", "302"]
)
async def test_who_refuses_at_once_is_asked_once_a_cool_down(
    watch: Watch, scene: Plot, reason: str, status: int
) -> None:
    played = await watch(scene)
    played.check()
    assert {event.reason for event in played.events if isinstance(event, Declined)} == {reason}
    for agent, legs in played.agents.items():
        assert {leg.status for leg in legs} == {status}
        assert apart([leg.invited_at for leg in legs]), (agent, legs)
    assert left(played).reason == "caller_hangup"


async def test_a_phone_that_is_not_there_is_tried_once_a_cool_down(watch: Watch) -> None:
    played = await watch(nobody_listens)
    assert violations(played.events) == []
    offers = [event.at for event in played.events if isinstance(event, Offered)]
    assert [two - one for one, two in pairwise(offers)] == [pytest.approx(2000, abs=200)]
    assert [event.reason for event in played.events if isinstance(event, Declined)] == [
        "no_answer",
        "caller_gone",
    ]
