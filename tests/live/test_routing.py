"""Who is next and who is rung, with real telephones: tiers, skills, several phones, priority."""

import asyncio

import pytest

from calllog.call_events import Bridged, Declined, Joined, Offered, Overtaken
from tests.live.conftest import Watch
from tests.live.stage import Stage, plot
from tests.rig.ear import Ear
from tests.rig.sipp import Caller
from tests.rig.site import Played

pytestmark = pytest.mark.asyncio(loop_scope="session")


def offered_after_ms(played: Played) -> int:
    """How long after he had joined the only agent was rung."""
    return played.one("offered").at - played.one("joined").at


@plot
async def tiered(stage: Stage) -> Played:
    async with stage.agent("tova", "agent_answers", ring_ms=100, talk_ms=300) as tova:
        return await stage.call("300", {"tova": tova}, stay_ms=15_000)


async def test_the_second_tier_opens_when_he_has_waited(watch: Watch) -> None:
    played = await watch(tiered)
    played.check()
    assert offered_after_ms(played) == pytest.approx(1000, abs=150)


@plot
async def skilled(stage: Stage) -> Played:
    async with stage.agent("skadi", "agent_answers", ring_ms=100, talk_ms=300) as skadi:
        return await stage.call("301", {"skadi": skadi}, stay_ms=15_000)


async def test_the_need_relaxes_when_he_has_waited(watch: Watch) -> None:
    played = await watch(skilled)
    played.check()
    joined = played.one("joined")
    assert isinstance(joined, Joined)
    assert joined.needs == "lettish"
    assert offered_after_ms(played) == pytest.approx(1000, abs=150)


@plot
async def all_rung(stage: Stage) -> Played:
    async with (
        stage.agent("amrit", "agent_does_not_answer", ring_ms=30_000) as amrit,
        stage.agent("alva", "agent_answers", ring_ms=600, talk_ms=300) as alva,
        stage.agent("alina", "agent_does_not_answer", ring_ms=30_000) as alina,
    ):
        return await stage.call("302", {"amrit": amrit, "alva": alva, "alina": alina}, stay_ms=15_000)


async def test_all_ring_and_the_first_to_answer_has_him(watch: Watch, stage: Stage) -> None:
    played = await watch(all_rung)
    played.check()
    offers = [event for event in played.events if isinstance(event, Offered)]
    assert sorted(event.agent for event in offers) == ["alina", "alva", "amrit"]
    assert {event.why for event in offers} == {"ring_all"}
    assert [event.agent for event in played.events if isinstance(event, Bridged)] == ["alva"]
    declined = {event.agent: event.reason for event in played.events if isinstance(event, Declined)}
    assert declined == {"amrit": "answered_elsewhere", "alina": "answered_elsewhere"}
    for agent in ("amrit", "alina"):
        (leg,) = played.agents[agent]
        assert leg.cancelled_at, "his phone stops ringing"
        last = stage.log.last_state(agent)
        assert last is not None
        assert (last.to, last.reason) == ("ready", "")


@plot
async def passed(stage: Stage) -> Played:
    """He waits; an urgent caller comes after him and is served first; then it is his turn."""
    urgent = stage.number()

    async def comes(call: str, _: Ear) -> None:
        await stage.log.event(call, "hold_started")
        other = asyncio.create_task(stage.call("304", caller=Caller(urgent), stay_ms=15_000))
        await stage.log.event(await stage.log.call_of(urgent), "hold_started")
        await stage.dials("prima", "*45")
        await other

    async with stage.agent("prima", "agent_answers", ring_ms=100, talk_ms=300) as prima:
        return await stage.call("303", {"prima": prima}, stay_ms=25_000, meanwhile=comes)


async def test_who_is_overtaken_reads_by_whom_and_why(watch: Watch) -> None:
    played = await watch(passed)
    overtaken = played.one("overtaken")
    assert isinstance(overtaken, Overtaken)
    assert (overtaken.reason, overtaken.head_start_s) == ("priority", 60)
    assert overtaken.by_call not in ("", overtaken.call)
    assert played.one("bridged").at > overtaken.at
