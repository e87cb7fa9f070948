"""Somebody outside is told who comes, and takes the call or not, while the caller hears music."""

import asyncio

import pytest

from calllog.call_events import Ended, Input, Step, Transferred
from tests.live.conftest import Watch
from tests.live.stage import PROMPT_S, Stage, plot
from tests.live.test_doing import ONE_AT_A_TIME, OUTSIDE_AT
from tests.rig.ear import assemble
from tests.rig.log_watch import kinds
from tests.rig.sip_view import Leg
from tests.rig.sipp import Caller
from tests.rig.site import Agent, Played
from tests.rig.sound import ENOUGH, Samples, heard, heard_music

pytestmark = pytest.mark.asyncio(loop_scope="session")

RINGS_MS, THINKS_MS, TALKS_MS = 500, 1200, 1200
TAKES, REFUSES, LEAVES, SILENT, DESERTED = "261", "262", "263", "264", "260"
"""Numbers called; the party presses the last digit. 4 means nothing, and the last caller does not wait."""
PLAYED: dict[str, Played] = {}
LEGS: dict[str, Leg] = {}
TOLD: list[Samples] = []
"""What was heard at the party's phone, call by call."""


@plot
async def asked(stage: Stage) -> Played:
    keys = {"ring_ms": RINGS_MS, "slow_ms": 1, "think_ms": THINKS_MS, "talk_ms": TALKS_MS}
    async with ONE_AT_A_TIME, stage.server.agent(OUTSIDE_AT, "agent_presses_key", **keys) as party:
        calls = [
            stage.call(TAKES, stay_ms=30_000),
            stage.call(
                REFUSES,
                caller=Caller(stage.number(), "Ada", "5"),
                scenario="caller_presses_keys",
                think_ms=1000,
                stay_ms=30_000,
            ),
            stage.call(LEAVES, stay_ms=30_000),
            stage.call(SILENT, stay_ms=30_000),
            stage.call(DESERTED, stay_ms=RINGS_MS + THINKS_MS),
        ]
        for played in await asyncio.gather(*calls):
            PLAYED[played.events[0].to] = played  # type: ignore[union-attr]
        LEGS.update({leg.to_uri.partition("@")[0][-3:]: leg for leg in await party.phone.quiet()})
        TOLD.extend(_heard(party))
    return PLAYED[TAKES]


def _heard(party: Agent) -> list[Samples]:
    packets = party.ear.packets
    by_call = {
        packet.source: [each for each in packets if each.source == packet.source] for packet in packets
    }
    return [assemble(each).samples for each in by_call.values()]


def ways(played: Played) -> list[tuple[str, str]]:
    played.check()
    found = (event for event in played.events if isinstance(event, Step))
    return [(event.path.partition("/")[2], event.outcome) for event in found]


def verdict(played: Played) -> tuple[str, str]:
    end = played.events[-1]
    assert isinstance(end, Ended)
    return end.verdict, end.ended_by


async def test_he_takes_the_call(watch: Watch, stage: Stage) -> None:
    played = await watch(asked)
    assert ways(played) == [("out", "done"), ("thanks", "done")]
    event, leg = played.one("transferred"), LEGS[TAKES]
    assert isinstance(event, Transferred)
    assert (event.how, event.to, event.by) == ("attended", "+493090182261", "flow")
    assert verdict(played) == ("transferred", "system")
    assert event.at - leg.answered_at == pytest.approx(THINKS_MS, abs=200)
    assert leg.ended_by == "us"
    assert leg.talked_ms == pytest.approx(THINKS_MS + TALKS_MS, abs=300)
    asking = played.heard.part(leg.answered_at / 1000 + 0.1, event.at / 1000 - 0.1)
    assert heard_music(asking, stage.music).share >= ENOUGH
    talking = played.heard.part(event.at / 1000 + 0.25, leg.ended_at / 1000 - 0.25)
    assert heard_music(talking, stage.music).share < 0.2
    assert heard(played.heard.samples, stage.sounds["menu"]).share < 0.2, "the announcement is not for him"


async def test_everybody_who_is_asked_is_told_who_comes(watch: Watch, stage: Stage) -> None:
    await watch(asked)
    assert len(TOLD) == len(LEGS) == 5
    assert PROMPT_S < THINKS_MS / 1000
    assert all(heard(samples, stage.sounds["menu"]).share >= ENOUGH for samples in TOLD)


async def test_he_refuses_and_the_caller_goes_on_with_what_he_has_pressed(watch: Watch) -> None:
    await watch(asked)
    played = PLAYED[REFUSES]
    assert ways(played) == [("out", "declined"), ("choose", "5"), ("thanks", "done")]
    assert [event.digits for event in played.events if isinstance(event, Input)] == ["5"]
    assert "transferred" not in kinds(played.events)
    assert verdict(played) == ("self_served", "system")
    assert LEGS[REFUSES].ended_by == "them"
    assert LEGS[REFUSES].talked_ms == pytest.approx(THINKS_MS, abs=200)


async def test_he_hangs_up_while_he_is_asked(watch: Watch) -> None:
    await watch(asked)
    assert ways(PLAYED[LEAVES]) == [("out", "declined"), ("choose", "timeout")]
    assert LEGS[LEAVES].ended_by == "us"


async def test_he_presses_nothing_that_is_meant(watch: Watch) -> None:
    await watch(asked)
    assert ways(PLAYED[SILENT]) == [("out", "declined"), ("choose", "timeout")]
    leg = LEGS[SILENT]
    assert leg.ended_by == "them"
    assert leg.talked_ms == pytest.approx(2000, abs=250)


async def test_the_caller_leaves_while_the_other_is_asked(watch: Watch) -> None:
    await watch(asked)
    played, leg = PLAYED[DESERTED], LEGS[DESERTED]
    assert ways(played) == []
    assert verdict(played) == ("ivr_exit", "caller")
    assert leg.answered_at
    assert leg.ended_by == "them"
    assert leg.ended_at - played.caller.ended_at == pytest.approx(0, abs=200)
