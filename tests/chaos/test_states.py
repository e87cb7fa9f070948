"""Calls in every state they can be in, while workers and Redis are killed under them."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from calllog.call_events import AnyCallEvent, Bridged, HoldEnded, HoldStarted, Input, Joined
from ivr.supervision import Supervision
from queues.errors import StoreAway
from tests.chaos.disaster import Disaster, Staff
from tests.chaos.drill import HOLDING, KEY, LONELY, MENU, PROMPT, QUEUED, RINGING, SLOW, unbroken
from tests.rig.ear import Ear
from tests.rig.log_watch import kinds
from tests.rig.sipp import Phone

STAY_MS = 32_000
"""The callers of every state hang up after so long: everything must have happened by then."""
FOR_EVER = 120_000
SLOW_MS = 2500
RECOVERY_S = 12.0
UNBROKEN = 0.85
"""Share of a sound that must be heard: a machine with more to do than it can loses some packets."""

STAFF = {
    "drill": Staff("agent_answers", 6, {"ring_ms": 100, "talk_ms": FOR_EVER}),
    "holding": Staff(
        "agent_holds", 3, {"ring_ms": 100, "before_ms": 200, "hold_ms": FOR_EVER, "talk_ms": FOR_EVER}
    ),
    "ringing": Staff("agent_does_not_answer", 3, {"ring_ms": FOR_EVER}),
    "slow": Staff("agent_answers", 1, {"ring_ms": SLOW_MS, "talk_ms": FOR_EVER}),
}


class House:
    """Callers in every state, some of them with an ear."""

    def __init__(self, disaster: Disaster) -> None:
        self.disaster = disaster
        self.ears: dict[str, Ear] = {}
        self.phones: dict[str, Phone] = {}

    async def fill(self, around: AsyncExitStack) -> None:
        """Bring callers into every state, and wait until they are there."""
        call = self.disaster.call
        for name, number in (("prompt", PROMPT), ("waits", LONELY), ("rings", RINGING), ("held", HOLDING)):
            ear = self.ears[name] = await around.enter_async_context(Ear())
            self.phones[f"{name} heard"] = await call(number, stay_ms=STAY_MS, media_port=ear.port)
            self.phones[name] = await call(number, 2, stay_ms=STAY_MS)
        self.phones["menu"] = await call(
            MENU, 2, stay_ms=STAY_MS - 12_000, scenario="caller_presses_keys", think_ms=12_000
        )
        self.phones["holds"] = await call(
            QUEUED,
            2,
            stay_ms=STAY_MS - 13_000,
            scenario="caller_holds",
            think_ms=200,
            before_ms=1200,
            hold_ms=11_000,
        )
        self.phones["talks"] = await call(QUEUED, 3, stay_ms=STAY_MS)
        for name, kind in (
            ("prompt", "answered"),
            ("menu", "answered"),
            ("waits", "joined"),
            ("rings", "offered"),
            ("talks", "bridged"),
        ):
            await self.all(name, lambda event, kind=kind: event.kind == kind)  # type: ignore[misc]
        await self.all("held", lambda event: isinstance(event, HoldStarted) and event.by == "agent")
        await self.all("holds", lambda event: isinstance(event, HoldStarted) and event.by == "caller")

    async def all(self, name: str, wanted: Callable[[AnyCallEvent], bool]) -> None:
        """Wait until each of these callers has such an event."""
        phones = [phone for key, phone in self.phones.items() if key.split()[0] == name]
        for number in (number for phone in phones for number in self.disaster.numbers(phone)):
            call = await self.disaster.log.call_of(number)
            await self.disaster.log.until(
                lambda event, call=call: getattr(event, "call", "") == call and wanted(event)  # type: ignore
            )

    async def leavers(self) -> Phone:
        """Callers who hang up one after the other from now on, over two seconds, while somebody is dead."""
        phone = await self.disaster.call(LONELY, 20, stay_ms=1500, rate=10)
        await self.disaster.log.whole(self.disaster.numbers(phone)[0])
        return phone

    async def gone(self, phone: Phone) -> None:
        """All of them have ended in the log."""
        await phone.done()
        for number in self.disaster.numbers(phone):
            await self.disaster.log.whole(number)

    def hears(self, name: str, from_ms: int, to_ms: int) -> float:
        """Share of music (of the prompt for `prompt`) in what a caller has heard."""
        sound = "long" if name == "prompt" else "music"
        return unbroken(self.ears[name].recording, sound, from_ms, to_ms)


async def test_workers_and_redis_are_killed_under_calls_in_every_state(tmp_path: Path) -> None:
    async with AsyncExitStack() as around:
        disaster = await around.enter_async_context(Disaster(tmp_path, STAFF))
        house = House(disaster)
        await house.fill(around)
        dead: list[tuple[int, int]] = []
        dead.append(await _kill_worker(house, "1"))
        assert not disaster.server.lost_sockets()
        dead.append(await _kill_worker(house, "2", also="holder"))
        assert disaster.server.lost_sockets() == 1, "its socket could not outlive it"
        await _kill_redis(house)
        await _redis_stays_away(house)
        await disaster.over()
        findings = await disaster.findings()
        assert not findings, "\n".join([*findings, disaster.server.state])
        for from_at, to_at in dead:
            for name in ("waits", "held", "rings"):
                assert house.hears(name, from_at - 500, to_at + 2000) >= UNBROKEN, name
            assert house.hears("prompt", to_at + 500, to_at + 2000) >= UNBROKEN
        _stories(house)


async def _kill_worker(house: House, number: str, also: str = "") -> tuple[int, int]:
    """From its death, and another's, to the instant when its calls are served again, ms since the epoch."""
    disaster = house.disaster
    leavers = await house.leavers()
    before = await disaster.lines()
    if also:
        disaster.kill(also)
    at = disaster.kill(f"worker-{number}")
    recovered = await disaster.recovered(f"hf-{number}", at, RECOVERY_S)
    await disaster.back(f"hf-{number}", at)  # one fault at a time
    await house.gone(leavers)
    _same_places(before, await disaster.lines())
    return at, recovered.at


async def _kill_redis(house: House) -> None:
    leavers = await house.leavers()
    before = await house.disaster.lines()
    house.disaster.kill("redis")
    await house.gone(leavers)
    _same_places(before, await house.disaster.lines())


async def _redis_stays_away(house: House) -> None:
    """Down until an agent who has answered meanwhile has been released, and callers have hung up."""
    disaster = house.disaster
    supervision = Supervision(disaster.server.settings.data)
    slow = await disaster.call(SLOW, stay_ms=14_000)
    call = await disaster.log.call_of(disaster.numbers(slow)[0])
    leavers = await house.leavers()
    await disaster.log.event(call, "offered")
    before = await disaster.lines()
    supervision.once("redis")
    disaster.kill("redis")
    with pytest.raises(StoreAway):
        await disaster.lines()
    await leavers.done()
    agents = next(
        phone
        for phone in disaster.agents
        if phone.play.scenario == "agent_answers" and phone.play.keys["ring_ms"] == SLOW_MS
    )
    async with asyncio.timeout(SLOW_MS / 1000 + 8):
        while not any(leg.answered_at and leg.ended_at for leg in agents.legs):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # SIPp tells nobody when a leg is over
    assert all(leg.ended_by == "them" for leg in agents.legs if leg.ended_at)
    supervision.up("redis")
    await house.gone(leavers)
    _same_places(before, await disaster.lines())
    await disaster.log.event(call, "bridged")


def _same_places(
    before: dict[str, list[tuple[str, float]]], after: dict[str, list[tuple[str, float]]]
) -> None:
    """Who still waits has his score, and stands in the same order."""
    for queue, line in after.items():
        stood = [caller for caller in before[queue] if caller in line]
        assert stood == [caller for caller in line if caller in before[queue]], queue
        lost = {call for call, _ in before[queue]} & {call for call, _ in line} - {call for call, _ in stood}
        assert not lost, f"{queue}: other scores than before"


def _stories(house: House) -> None:
    """What each caller came for has happened, as if nobody had died."""
    log, disaster = house.disaster.log, house.disaster
    by_number = {number: events for number, _, events in disaster.calls()}

    def told(name: str) -> list[list[AnyCallEvent]]:
        phones = [phone for key, phone in house.phones.items() if key.split()[0] == name]
        return [by_number[number] for phone in phones for number in disaster.numbers(phone)]

    for events in told("menu"):
        assert [event.digits for event in events if isinstance(event, Input)] == [KEY], kinds(events)
        assert any(isinstance(event, Joined) for event in events)
    for name in ("talks", "holds", "held"):
        for events in told(name):
            assert sum(isinstance(event, Bridged) for event in events) == 1, kinds(events)
    for name, by in (("holds", "caller"), ("held", "agent")):
        for events in told(name):
            held = [event for event in events if isinstance(event, HoldEnded) and event.by == by]
            assert len(held) == 1, kinds(events)
    assert log.broken == []
