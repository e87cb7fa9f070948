"""Agents' legs that stay, one waiting and one in a talk, while what holds them dies around them."""

import asyncio
import os
import signal

import pytest
import redis

from calllog.call_events import Bridged
from calllog.grammar import violations
from tests.chaos.test_transfers import RECOVERY_S
from tests.live.stage import Stage
from tests.live.test_agent_transfers import loud
from tests.live.test_nailed import CALLER, HELLO, nailed_up
from tests.rig.agreement import caller_disagreements
from tests.rig.ear import Ear
from tests.rig.site import Agent, Played
from tests.rig.sound import LOUD

STAY_MS = 28_000
"""Nele's caller stays longer than all of it takes."""
SOON_MS = 3000
"""A caller who comes while things are mended has her within this time."""


class Drama:
    """Nadja waits, Nele talks; blows fall."""

    def __init__(self, stage: Stage, nadja: Agent, nele: Agent) -> None:
        self.stage = stage
        self.nadja, self.nele = nadja, nele
        self.blows: list[str] = []

    async def play(self, call: str, ear: Ear) -> None:
        """From the moment when Nele's caller has called."""
        await self.stage.log.event(call, "bridged")
        await self.nele.ear.say(HELLO)
        for blow in (self._redis_dies, self._worker_dies, self._worker_hangs):
            await blow(call)
            self.blows.append(blow.__name__)
            assert await self._hears(ear, self.nele.ear), f"{blow.__name__}: the talk goes on"
            played = await self._hand_over()
            waited_ms = played.one("bridged").at - played.one("joined").at
            assert waited_ms <= SOON_MS, f"{blow.__name__}: {waited_ms} ms"
        assert not self.stage.log.ended(call), "her caller was there all the time"

    async def _redis_dies(self, _: str) -> None:
        os.kill(self.stage.server.pid("redis"), signal.SIGKILL)
        await asyncio.sleep(2.0)  # callers who come meanwhile would wait for it

    async def _worker_dies(self, _: str) -> None:
        """The one that has Nadja's leg; nobody waits until it is mended."""
        os.kill(self._pid(self._holder("nadja")), signal.SIGKILL)

    async def _worker_hangs(self, call: str) -> None:
        """The one that has Nele's call."""
        owner, epoch = self._owner(call)
        await asyncio.sleep(1.0)  # the other one has begun to renew its lease
        os.kill(self._pid(owner), signal.SIGSTOP)
        async with asyncio.timeout(RECOVERY_S):
            while self._owner(call)[1] == epoch:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def _hand_over(self) -> Played:
        """Nadja gets a caller, and hears him."""

        async def meanwhile(call: str, ear: Ear) -> None:
            await self.stage.log.event(call, "bridged")
            await self.nadja.ear.say(HELLO)
            assert await self._hears(ear, self.nadja.ear), f"after {self.blows}"

        played = await self.stage.call("430", meanwhile=meanwhile, stay_ms=2200)
        await self.stage.log.state("nadja", "ready")
        return played

    async def _hears(self, speaker: Ear, listener: Ear) -> bool:
        since = listener.packets[-1].at if listener.packets else 0.0
        for _ in range(2):
            await speaker.say(CALLER)
        return loud(listener, since) > LOUD

    def _redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.stage.server.settings.redis, decode_responses=True)

    def _pid(self, worker: str) -> int:
        return self.stage.server.pid(worker.replace("hf-", "worker-"))

    def _holder(self, agent: str) -> str:
        """The worker that has an agent's leg."""
        with self._redis() as client:
            found = client.hgetall(f"{{{self.stage.server.settings.site}}}:legs")
        (worker,) = (whose.split(" ")[0] for whose in found.values() if whose.endswith(f" {agent}"))
        return str(worker)

    def _owner(self, call: str) -> tuple[str, int]:
        with self._redis() as client:
            owner, epoch = client.hmget(
                f"{{{self.stage.server.settings.site}}}:call:{call}", "owner", "epoch"
            )
        return str(owner), int(epoch or 0)


@pytest.mark.timeout(120)
async def test_legs_outlive_workers_and_redis_and_are_missed_when_asterisk_dies(stage: Stage) -> None:
    async with nailed_up(stage, "nadja") as nadja, nailed_up(stage, "nele") as nele:
        drama = Drama(stage, nadja, nele)
        played = await stage.call("431", meanwhile=drama.play, stay_ms=STAY_MS)
        wrong = [
            *violations(played.events),
            *caller_disagreements(played.number, played.caller, played.events),
        ]
        assert not wrong, "\n".join(map(str, wrong))
        assert [event.agent for event in played.events if isinstance(event, Bridged)] == ["nele"]
        await stage.log.state("nele", "ready")
        for agent in (nadja, nele):
            (leg,) = agent.phone.legs
            assert leg.open, "the same leg from the beginning to the end"
        os.kill(stage.server.pid("asterisk"), signal.SIGKILL)
        for name in ("nadja", "nele"):
            lost = await stage.log.state(name, "offline")
            assert lost.reason == "leg_lost"
    code, said, _ = await stage.server.run("audit")
    assert code == 0, said
