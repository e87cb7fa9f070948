"""Workers killed at every script of consults, hand-overs and giving away; callers get where they were sent.

By key, and by a second call of the telephone with REFER. What an agent wanted when a worker died may be lost:
then he wants it again, as people do.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from calllog.call_events import Bridged
from calllog.grammar import violations
from tests.chaos.doomed import Hit, Plan
from tests.chaos.windows import BRIDGE, RING, Instant
from tests.live.stage import Stage, make_callflows
from tests.live.test_agent_transfers import HELLO, loud
from tests.rig.desk_phone import DeskPhone, Line
from tests.rig.ear import Ear
from tests.rig.keypad import Habits, typed
from tests.rig.server import Server
from tests.rig.site import Played
from tests.rig.sound import LOUD

STAGES = ("before", "sent", "after")
SCRIPTS = (
    *((BRIDGE, script) for script in ("consult", "give")),
    *((RING, script) for script in ("consulted", "unconsult", "handover", "give")),  # once it has rung there
)
INSTANTS = [Instant(window, f"script {script} {stage}") for stage in STAGES for window, script in SCRIPTS]
PATIENCE_S = 150.0
LONG_S = 30.0
"""Nothing takes so long, even if a worker dies meanwhile on a busy machine."""
AGAIN_S = 1.5
"""So long he waits for what he wanted, and then wants it again."""
STAY_MS = 90_000
CALLS = 60
"""More than a telephone can have in that time."""


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    sounds = make_callflows(tmp_path / "callflows")
    (tmp_path / "doom").mkdir()
    (tmp_path / "doom" / "plan.json").write_bytes(msgspec.json.encode(Plan(INSTANTS)))
    monkeypatch.setitem(os.environ, "HOLDFAST_DOOM", str(tmp_path / "doom"))
    async with Server(tmp_path / "callflows", 3, worker_module="tests.chaos.doomed") as server:
        yield Stage(server, sounds)


def hits(tmp_path: Path) -> list[Hit]:
    path = tmp_path / "doom" / "hits.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Hit) for line in lines]


async def until(done: Callable[[], bool]) -> None:
    """Looked at now and then: telephones and the log tell nobody together."""
    while not done():  # noqa: ASYNC110
        await asyncio.sleep(0.02)


class Will:
    """What an agent wants with one caller, until it is in the log."""

    def __init__(self, stage: Stage, call: str, phone: DeskPhone, first: Line, extension: str) -> None:
        self.stage = stage
        self.call = call
        self.phone = phone
        self.first = first
        self.extension = extension
        self._pressed_s = 0.0
        self._times: dict[str, int] = {}

    async def insist(self, what: Callable[[], Awaitable[None]], done: str) -> None:
        """Do it until this is in the log once more."""
        times = self._times[done] = self._times.get(done, 0) + 1
        while not self._is(done, times):
            await what()
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S):
                    await until(lambda: self._is(done, times))

    def _is(self, done: str, times: int) -> bool:
        kinds = [event.kind for event in self.stage.log.of_call(self.call)]
        return kinds.count(done) >= times or kinds[-1:] == ["ended"]

    async def press(self, keys: str) -> None:
        await self.first.ear.send(typed(keys, Habits(), since_s=self._pressed_s))
        self._pressed_s += 5.0

    async def by_key(self, blind: bool) -> None:
        if blind:
            return await self.insist(lambda: self.press(f"*1{self.extension}#"), "transferred")
        await self.insist(lambda: self.press(f"*2{self.extension}#"), "consulted")
        await self.insist(lambda: self.press("*4"), "consult_ended")
        await self.insist(lambda: self.press(f"*2{self.extension}#"), "consulted")
        return await self.insist(lambda: self.press("*3"), "transferred")

    async def by_phone(self, blind: bool) -> None:
        second = self.first

        async def ask() -> None:
            nonlocal second
            if second is self.first or second.ended_at:
                second = self.phone.dial(self.extension)

        async def come_back() -> None:
            if not second.ended_at:
                self.phone.hang_up(second)

        async def transfer() -> None:
            await ask()  # if the first one ended with its worker
            async with asyncio.timeout(LONG_S):
                await until(lambda: bool(second.ringing_at or second.ended_at))
            self.phone.transfer(self.first, second)

        if not blind:
            await self.insist(ask, "consulted")
            await self.insist(come_back, "consult_ended")
            await self.insist(ask, "consulted")
        return await self.insist(transfer, "transferred")


async def hears(speaker: Ear, listener: Ear) -> bool:
    """Whether one can be heard by the other now; an ear's second voice may be dropped by Asterisk."""
    for _ in range(6):
        since = listener.packets[-1].at if listener.packets else 0.0
        await speaker.say(HELLO)
        if loud(listener, since) > LOUD:
            return True
    return False


Way = tuple[str, str, str, str, bool]
WAYS: tuple[Way, ...] = (
    ("384", "hedi", "hans", "3888", False),
    ("385", "alma", "alf", "3890", False),
    ("450", "lotte", "lars", "4501", True),
    ("451", "erna", "emil", "4503", True),
)
"""Number called, who talks, who is asked, his extension, whether by the telephone's own means."""


async def lane(stage: Stage, way: Way, tmp_path: Path, seen: list[Played]) -> None:
    """Asks, comes back, asks again and hands over; the next caller is given away; and so on."""
    number, talks, asked, extension, by_phone = way
    loop = asyncio.get_running_loop()
    deadline, blind = loop.time() + PATIENCE_S, False
    async with stage.desk(talks, 0.05, CALLS) as one, stage.desk(asked, 0.25, CALLS) as other:
        while loop.time() < deadline and len(hits(tmp_path)) < len(INSTANTS):

            async def story(call: str, ear: Ear, blind: bool = blind) -> None:
                await stage.log.event(call, "bridged")
                will = Will(stage, call, one, one.lines[-1], extension)
                await (will.by_phone(blind) if by_phone else will.by_key(blind))
                try:
                    async with asyncio.timeout(LONG_S):
                        await until(lambda: bool(_talk(other)))
                        while not await hears(ear, _talk(other)[-1].ear):
                            await until(lambda: bool(_talk(other)))  # one that was only asked is let go
                except TimeoutError:
                    seen_so_far = [*stage.log.of_call(call), *one.lines, *other.lines]
                    raise AssertionError(
                        "\n".join(["he is heard by nobody", *map(str, seen_so_far)])
                    ) from None
                other.hang_up(_talk(other)[-1])

            seen.append(await stage.call(number, {}, meanwhile=story, stay_ms=STAY_MS))
            blind = not blind


def _talk(phone: DeskPhone) -> list[Line]:
    return [line for line in phone.lines if line.answered_at and not line.ended_at]


@pytest.mark.timeout(300)
async def test_killed_at_every_script_of_a_transfer(stage: Stage, tmp_path: Path) -> None:
    seen: list[Played] = []
    began = asyncio.get_running_loop().time()
    try:
        await asyncio.gather(*(lane(stage, way, tmp_path, seen) for way in WAYS))
    except BaseException:
        print(stage.server.state)
        raise
    struck = hits(tmp_path)
    print(f"{len(struck)} hits, {len(seen)} calls, {asyncio.get_running_loop().time() - began:.0f} s")
    print(*(f"{hit.point} {hit.worker} {hit.call}" for hit in struck), sep="\n")
    for played in seen:
        wrong = violations(played.events)
        assert not wrong, "\n".join([*map(str, wrong), *map(str, played.events)])
        talked = [event.agent for event in played.events if isinstance(event, Bridged)]
        way = next(way for way in WAYS if way[0] == getattr(played.events[0], "to", ""))
        assert talked == list(way[1:3]), "\n".join(map(str, played.events))
    assert {(hit.window, hit.point) for hit in struck} == {instant[:2] for instant in INSTANTS}
    code, said, _ = await stage.server.run("audit")
    assert code == 0, said
