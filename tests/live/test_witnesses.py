"""What SIPp, the call log and Asterisk tell of the same calls: every hold and hangup, and whose it was."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

import pytest

from tests.live.stage import Stage
from tests.rig.agreement import SLACK_MS
from tests.rig.sipp import Caller, Phone, Play
from tests.witness.by_asterisk import by_asterisk
from tests.witness.by_log import by_log
from tests.witness.by_phones import by_phones
from tests.witness.dialogs import read_capture, read_trace
from tests.witness.facts import Fact
from tests.witness.listening import Listening
from tests.witness.matching import match

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG_MS = 30_000
HELD: dict[str, int | str] = {"ring_ms": 200, "before_ms": 300, "hold_ms": 400}
AGENTS: dict[str, tuple[str, dict[str, int | str]]] = {
    "wanda": ("agent_holds", HELD | {"talk_ms": LONG_MS}),
    "wolf": ("agent_holds", HELD | {"hold_ms": LONG_MS, "talk_ms": LONG_MS}),
    "wera": (
        "agent_transfers",
        {"ring_ms": 100, "before_ms": 300, "refer_to": "sip:499@127.0.0.1", "talk_ms": LONG_MS},
    ),
    "willi": ("agent_answers", {"ring_ms": 400, "talk_ms": 500}),
    "wim-otto": ("agent_declines", {"ring_ms": 300}),
    "wiebke": ("agent_does_not_answer", {"ring_ms": LONG_MS}),
    "walter": ("agent_answers", {"ring_ms": 300, "talk_ms": 1800}),
}
"""Agent → what his telephone plays. Each serves a queue of his own."""


class Call(NamedTuple):
    """One call, and what every witness who can see it must tell: kind, of whom, by whom."""

    to: str
    scenario: str
    keys: dict[str, int | str]
    ends: Sequence[tuple[str, str, str]]
    holds: Sequence[str] = ()
    """Whose."""


CALLS = (
    Call(
        "490",
        "caller_waits",
        {"stay_ms": 1800},
        [("leg over", "wanda", "us"), ("ended", "caller", "self")],
        ["wanda"],
    ),
    Call(
        "491",
        "caller_waits",
        {"stay_ms": 1200},
        [("leg over", "wolf", "us"), ("ended", "caller", "self")],
        ["wolf"],
    ),
    Call(
        "492",
        "caller_waits",
        {"stay_ms": LONG_MS},
        [("leg over", "wera", "gave"), ("leg over", "willi", "self"), ("ended", "caller", "us")],
    ),
    Call(
        "493",
        "caller_waits",
        {"stay_ms": 1000},
        [("leg over", "wim-otto", "self"), ("ended", "caller", "self")],
    ),
    Call(
        "494", "caller_waits", {"stay_ms": 900}, [("leg over", "wiebke", "us"), ("ended", "caller", "self")]
    ),
    Call(
        "495",
        "caller_holds",
        {"think_ms": 100, "before_ms": 700, "hold_ms": 500, "stay_ms": LONG_MS},
        [("leg over", "walter", "self"), ("ended", "caller", "us")],
        ["caller"],
    ),
    Call("496", "caller_gives_up", {"stay_ms": 300}, [("ended", "caller", "self")]),
)


async def test_they_tell_the_same_of_every_hold_and_hangup(stage: Stage) -> None:
    numbers = [stage.number() for _ in CALLS]
    async with AsyncExitStack() as stack:
        asterisk = await stack.enter_async_context(Listening(stage.server))
        agents = []
        for agent, (scenario, keys) in AGENTS.items():
            agents.append((await stack.enter_async_context(stage.agent(agent, scenario, **keys))).phone)
        callers: list[Phone] = []
        for number, call in zip(numbers, CALLS, strict=True):
            play = Play(
                call.scenario, call.keys, [Caller(number, "Witness", "1")], service=call.to, trace=True
            )
            callers.append(await stack.enter_async_context(stage.server.phone(play)))
        await asyncio.gather(*(phone.done() for phone in callers))
        for number in numbers:
            await stage.log.whole(number)
        for phone in agents:
            await phone.quiet()
        traces = [phone.trace for phone in [*agents, *callers]]
    devices = {device: agent for agent, device in stage.device_of.items()}
    calls = {await stage.log.call_of(number) for number in numbers}
    told = {
        "phones": by_phones(list(map(list, map(read_trace, traces)))),
        "log": by_log(event for event in stage.log.events if getattr(event, "call", "") in calls),
        "asterisk": by_asterisk(asterisk.cel, read_capture(asterisk.sip), devices),
    }
    matched = match(told, most_ms=SLACK_MS)
    assert [str(difference) for difference in matched.unmatched] == []
    assert (matched.calls, matched.fleeting) == (len(CALLS), 0)
    for number, call in zip(numbers, CALLS, strict=True):
        for witness, own in told.items():
            assert ends(own[number]) == sorted(call.ends), (call.to, witness, own[number])
            assert [fact.who for fact in own[number] if fact.what == "hold"] == list(call.holds), (
                call.to,
                witness,
            )


def ends(facts: Sequence[Fact]) -> list[tuple[str, str, str]]:
    """How each leg of a call ended."""
    return sorted((fact.what, fact.who, fact.by) for fact in facts if fact.what in ("leg over", "ended"))
