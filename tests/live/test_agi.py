"""What only AGI has: dialplans that do not do what the example does, and callers who leave on the way."""

from collections.abc import Sequence

import pytest

from calllog.call_events import AnyCallEvent, Ended
from calllog.grammar import violations
from tests.live.conftest import Watch
from tests.live.stage import PROMPT_S, Plot, Stage, plot
from tests.live.test_both_lines import BEGIN, ENDED, GONE, outline
from tests.rig.sipp import Caller
from tests.rig.site import Played

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOOK_S = 1.0
"""How often a worker looks after calls that have left it."""


def calls(number: str, stay_s: float, name: str = "Caller") -> Plot:
    async def call(stage: Stage) -> Played:
        return await stage.call(number, caller=Caller(stage.number(), name), stay_ms=round(stay_s * 1000))

    return plot(call)


def ended(events: Sequence[AnyCallEvent]) -> Ended:
    event = events[-1]
    assert isinstance(event, Ended)
    return event


THERE = ["step both-escalating/choose timeout", "step both-escalating/sorry done"]
"""Of the flow by which calls come to a queue, which AGI does not have."""

on_the_way = calls("9244", 2 * PROMPT_S + 2.5)


async def test_who_leaves_between_agi_and_the_front_door_has_left_the_flow(watch: Watch) -> None:
    """The dialplan lets him wait; nobody has him when he hangs up."""
    played = await watch(on_the_way)
    assert violations(played.events) == []
    assert outline(played.events) == [*BEGIN, *THERE, GONE]
    end = ended(played.events)
    assert end.source == "inferred"
    assert end.not_before is not None
    assert end.not_after is not None
    assert end.not_before < played.caller.ended_at <= end.not_after
    assert end.logged_at - played.caller.ended_at < 1000 * (LOOK_S + 1.0)


elsewhere = calls("7244", 2 * PROMPT_S + 4.0)


async def test_a_call_that_the_fallback_gets_is_an_error_of_ours(watch: Watch) -> None:
    played = await watch(elsewhere)
    assert outline(played.events) == [*BEGIN, *THERE, "ended failed not-claimed system"]


twice = calls("6244", 30)


async def test_a_second_agi_does_not_begin_the_flow_anew(watch: Watch) -> None:
    played = await watch(twice)
    played.check()
    assert outline(played.events).count("answered") == 1
    assert outline(played.events)[:4] == [*BEGIN, *THERE]
    assert outline(played.events)[-1] == "ended overflowed flow-ended system"


asks_for_nothing = calls("3211", 30)


async def test_a_flow_that_is_not_there_leaves_the_call_to_the_dialplan(watch: Watch, stage: Stage) -> None:
    played = await watch(asks_for_nothing)
    played.check()
    assert outline(played.events) == [*BEGIN, "step not-known/tell done", ENDED]
    logs = stage.server.log_of("worker-1") + stage.server.log_of("worker-2")
    assert "there is no flow `closed-is-not-there`" in logs


HANGUPS = {
    f"{what}, {where}": calls(prefix + "240", stay_s, name="Zo\xeb")
    for prefix, what in (("5", "not told of it"), ("4", "cut off"), ("8", "told of it"))
    for where, stay_s in (("in a prompt", 0.5), ("asked for a key", 2.0))
}


@pytest.mark.parametrize("how", HANGUPS)
async def test_a_hangup_is_one_however_the_dialplan_lets_us_know(watch: Watch, how: str) -> None:
    played = await watch(HANGUPS[how])
    played.check()
    assert outline(played.events) == [*BEGIN, GONE]
    assert ended(played.events).logged_at - played.caller.ended_at < 1000 * (LOOK_S + 1.0)
