"""The worker of calls in every state of a transfer is killed, or hangs: each goes on, or is undone."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import redis

from calllog.call_events import Bridged, Declined, Transferred
from calllog.grammar import violations
from tests.live.stage import Stage
from tests.live.test_agent_transfers import LONG_MS, RITES, loud, press
from tests.rig.ear import Ear
from tests.rig.log_watch import kinds
from tests.rig.site import Agent, Played
from tests.rig.sound import LOUD

OUTSIDE_AT = 6170
RING_MS = 9000
"""Phones ring so long that they ring when the worker dies, and are answered when they are rung anew."""
RECOVERY_S = 40.0
STAY_MS = 28_000

Story = Callable[[str, Ear], Awaitable[None]]


class Drama:
    """Calls side by side: each comes into its state, waits for the blow, and goes on."""

    def __init__(self, stage: Stage, around: AsyncExitStack) -> None:
        """`around`: phones stay until it is left."""
        self.stage = stage
        self.around = around
        self.recovered = asyncio.Event()
        self._ready: set[str] = set()

    async def phone(self, agent: str, ring_ms: int, talk_ms: int) -> Agent:
        """The agent's phone, answered after a while."""
        return await self.around.enter_async_context(
            self.stage.agent(agent, "agent_answers", ring_ms=ring_ms, talk_ms=talk_ms)
        )

    async def blow(self, call: str) -> None:
        """The call is where it is to be when the worker dies; returns when it has a worker again."""
        self._ready.add(call)
        await self.recovered.wait()

    async def strike(self, calls: int, how: signal.Signals) -> None:
        """Once all calls are ready: the worker of them all is struck, and every call finds one again."""
        server = self.stage.server
        async with asyncio.timeout(60):
            while len(self._ready) < calls:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        before = self._owners()
        assert {owner for owner, _ in before.values()} == {"hf-1"}, before
        os.kill(server.pid("worker-2"), signal.SIGCONT)
        await asyncio.sleep(1.0)  # it renews its lease
        os.kill(server.pid("worker-1"), how)
        async with asyncio.timeout(RECOVERY_S):
            while any(epoch <= before[call][1] for call, (_, epoch) in self._owners().items()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)  # what is to be mended is mended
        self.recovered.set()

    def _owners(self) -> dict[str, tuple[str, int]]:
        site = self.stage.server.settings.site
        with redis.Redis.from_url(self.stage.server.settings.redis, decode_responses=True) as client:
            found = {call: client.hmget(f"{{{site}}}:call:{call}", "owner", "epoch") for call in self._ready}
        return {call: (str(owner), int(epoch or 0)) for call, (owner, epoch) in found.items()}

    async def hears(self, speaker: Ear, listener: Ear) -> bool:
        """Whether one can be heard by the other now; an ear's second voice may be dropped by Asterisk."""
        since = listener.packets[-1].at if listener.packets else 0.0
        for _ in range(3):
            await speaker.say(RITES["caller"])
        return loud(listener, since) > LOUD


async def rings_for_a_consult(drama: Drama) -> Played:
    """It is undone: she has her caller again, and may ask once more."""
    stage = drama.stage
    dana = await drama.phone("dana", 100, LONG_MS)
    dirk = await drama.phone("dirk", RING_MS, 100)

    async def story(call: str, ear: Ear) -> None:
        await stage.log.event(call, "bridged")
        await press(dana, "*23892#", ear)
        await stage.log.until(lambda event: getattr(event, "why", "") == "consult")
        await drama.blow(call)
        assert await drama.hears(ear, dana.ear)

    played = await stage.call("386", {"dana": dana, "dirk": dirk}, meanwhile=story, stay_ms=STAY_MS)
    (declined,) = (event for event in played.events if isinstance(event, Declined))
    assert (declined.agent, declined.reason) == ("dirk", "worker_lost")
    assert parties(played) == ["dana"]
    return played


async def asks(drama: Drama) -> Played:
    stage = drama.stage
    hedi = await drama.phone("hedi", 100, LONG_MS)
    hans = await drama.phone("hans", 100, LONG_MS)

    async def story(call: str, ear: Ear) -> None:
        await stage.log.event(call, "bridged")
        await press(hedi, "*23888#", ear)
        await stage.log.event(call, "consulted")
        await drama.blow(call)
        assert await drama.hears(hedi.ear, hans.ear)
        await press(hedi, "*3", ear)
        await stage.log.event(call, "transferred")
        assert await drama.hears(ear, hans.ear)

    played = await stage.call("384", {"hedi": hedi, "hans": hans}, meanwhile=story, stay_ms=STAY_MS)
    assert parties(played) == ["hedi", "hans"]
    assert len(played.agents["hans"]) == 1
    return played


async def asks_on_a_second_line(drama: Drama) -> Played:
    """They talk on; his telephone's transfer key is heard by the next worker."""
    stage = drama.stage
    lotte = await drama.around.enter_async_context(stage.desk("lotte"))
    lars = await drama.phone("lars", 100, LONG_MS)

    async def story(call: str, ear: Ear) -> None:
        await stage.log.event(call, "bridged")
        first = await lotte.rung()
        lotte.hold(first)
        second = lotte.dial("4501")
        await stage.log.event(call, "consulted")
        await drama.blow(call)
        assert await drama.hears(second.ear, lars.ear)
        lotte.transfer(first, second)
        await lotte.told(first, "200 OK")
        await asyncio.gather(lotte.until(first, "ended"), lotte.until(second, "ended"))
        assert await drama.hears(ear, lars.ear)

    played = await stage.call("450", {"lars": lars}, meanwhile=story, stay_ms=STAY_MS)
    assert parties(played) == ["lotte", "lars"]
    assert len(played.agents["lars"]) == 1
    return played


async def rings_on_a_second_line(drama: Drama) -> Played:
    """It is undone: that call ends, and he has his caller as before."""
    stage = drama.stage
    erna = await drama.around.enter_async_context(stage.desk("erna"))
    emil = await drama.phone("emil", RING_MS, 100)

    async def story(call: str, ear: Ear) -> None:
        await stage.log.event(call, "bridged")
        first = await erna.rung()
        second = erna.dial("4503")
        await stage.log.until(lambda event: getattr(event, "why", "") == "consult")
        await erna.until(second, "ringing")
        await drama.blow(call)
        await erna.until(second, "ended")
        assert await drama.hears(ear, first.ear)

    played = await stage.call("451", {"emil": emil}, meanwhile=story, stay_ms=STAY_MS)
    (declined,) = (event for event in played.events if isinstance(event, Declined))
    assert (declined.agent, declined.reason) == ("emil", "worker_lost")
    assert parties(played) == ["erna"]
    return played


async def all_three(drama: Drama) -> Played:
    stage = drama.stage
    alma = await drama.phone("alma", 100, LONG_MS)
    alf = await drama.phone("alf", 100, LONG_MS)

    async def story(call: str, ear: Ear) -> None:
        await stage.log.event(call, "bridged")
        await press(alma, "*23890#", ear)
        await stage.log.event(call, "consulted")
        await press(alma, "*5", ear)
        await asyncio.sleep(0.3)
        await drama.blow(call)
        assert await drama.hears(ear, alf.ear)
        await press(alma, "*3", ear)
        await stage.log.event(call, "transferred")
        assert await drama.hears(ear, alf.ear)

    played = await stage.call("385", {"alma": alma, "alf": alf}, meanwhile=story, stay_ms=STAY_MS)
    assert parties(played) == ["alma", "alf"]
    assert kinds(played.events).count("hold_ended:agent") == 1
    return played


async def given_away(drama: Drama) -> Played:
    """It rings at the agent he was given to: he is rung anew, and takes him."""
    stage, to = drama.stage, "sip:3881@127.0.0.1"
    gina = await drama.around.enter_async_context(
        stage.agent("gina", "agent_transfers", refer_to=to, ring_ms=100, before_ms=300, talk_ms=LONG_MS)
    )
    gus = await drama.phone("gus", RING_MS, 500)

    async def story(call: str, _: Ear) -> None:
        await stage.log.event(call, "transferred")
        await drama.blow(call)

    played = await stage.call("380", {"gina": gina, "gus": gus}, meanwhile=story, stay_ms=LONG_MS)
    assert parties(played) == ["gina", "gus"]
    assert sum(isinstance(event, Transferred) for event in played.events) == 1
    return played


async def sent_outside(drama: Drama) -> Played:
    stage = drama.stage
    sam = await drama.phone("sam", 100, LONG_MS)
    party = await drama.around.enter_async_context(
        stage.server.agent(OUTSIDE_AT, "agent_answers", ring_ms=RING_MS, talk_ms=500)
    )

    async def story(call: str, ear: Ear) -> None:
        await stage.log.event(call, "bridged")
        await press(sam, "*103090182#", ear)
        await stage.log.event(call, "unbridged")
        await drama.blow(call)

    played = await stage.call("382", {"sam": sam}, meanwhile=story, stay_ms=LONG_MS)
    (event,) = (event for event in played.events if isinstance(event, Transferred))
    assert (event.to, event.by) == ("+493090182", "agent")
    assert [bool(leg.answered_at) for leg in party.phone.legs] == [False, True]
    return played


def parties(played: Played) -> list[str]:
    return [event.agent for event in played.events if isinstance(event, Bridged)]


PLOTS = (
    rings_for_a_consult,
    asks,
    asks_on_a_second_line,
    rings_on_a_second_line,
    all_three,
    given_away,
    sent_outside,
)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
async def test_every_state_of_a_transfer(stage: Stage, how: signal.Signals) -> None:
    os.kill(stage.server.pid("worker-2"), signal.SIGSTOP)  # worker-1 gets every call
    async with AsyncExitStack() as around:
        drama = Drama(stage, around)
        playing = [asyncio.ensure_future(plot(drama)) for plot in PLOTS]
        await drama.strike(len(PLOTS), how)
        seen = await asyncio.gather(*playing)
    for played in seen:
        wrong = violations(played.events)
        assert not wrong, "\n".join([*map(str, wrong), *map(str, played.events)])
        assert kinds(played.events)[-1] == "ended"
    code, said, _ = await stage.server.run("audit")
    assert code == 0, said
