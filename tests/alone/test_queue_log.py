"""`holdfast queue-log` beside the queue_log of a real `Queue()`: the same callers, agents and reader."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.alone.sides import PLACE, THEIRS_AT, Ours, Side, Theirs, callflows
from tests.rig.app_queue import AppQueue
from tests.rig.desk_phone import DeskPhone
from tests.rig.queue_log import LEAVES, TALKS_END, Read, by_caller, read
from tests.rig.server import Server, alone_in_network
from tests.rig.sip_view import Leg
from tests.rig.sipp import Account, Caller, Phone, Play

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG_MS = 60_000
SLACK_S = 3
"""Each second of the log is cut off, and phones hear of things a little later or earlier."""


class Seen(NamedTuple):
    """What the phones saw of a call. `agent`: who was rung first, if SIPp plays him."""

    caller: Leg
    agent: Leg | None = None


class Scenes:
    """What happens on either side. Callers are told apart by their numbers, which begin with 555."""

    def __init__(self, side: Side, rig: Server, password: str) -> None:
        """`password`: of the telephone with two lines."""
        self._side = side
        self._rig = rig
        self._password = password
        self.seen: dict[str, Seen] = {}

    def _port(self, agent: str) -> int:
        return self._side.first_port + PLACE[agent]

    def _agent(self, name: str, scenario: str, **keys: int | str) -> Phone:
        return self._rig.phone(Play(scenario, keys, port=self._port(name)))

    async def _call(self, to: str, stay_ms: int, agent: Phone | None = None, suffix: str = "") -> None:
        caller, keys = f"5550{to}{suffix}", {"stay_ms": stay_ms}
        play = Play("caller_waits", keys, [Caller(caller)], self._side.target, to)
        if to == "704":
            keys["think_ms"] = 1500
            play = Play("caller_presses_keys", keys, [Caller(caller, keys="9")], self._side.target, to)
        async with self._rig.phone(play) as phone:
            (leg,) = await phone.done()
        self.seen[caller] = Seen(leg, (await agent.quiet())[0] if agent else None)

    async def caller_hangs_up(self) -> None:
        async with self._agent("anna", "agent_answers", ring_ms=1300, talk_ms=LONG_MS) as anna:
            await self._call("701", 3600, anna)

    async def agent_hangs_up(self) -> None:
        async with self._agent("bert", "agent_answers", ring_ms=100, talk_ms=2200) as bert:
            await self._call("702", LONG_MS, bert)

    async def abandons_while_it_rings(self) -> None:
        async with self._agent("carl", "agent_does_not_answer", ring_ms=LONG_MS) as carl:
            await self._call("700", 2500, carl)

    async def three_abandon(self) -> None:
        async def behind(other: str, suffix: str, stay_ms: int) -> None:
            await self._side.entered(other)
            await self._call("703", stay_ms, suffix=suffix)

        await asyncio.gather(
            self._call("703", 12_000, suffix="1"),
            behind("55507031", "2", 6000),
            behind("55507032", "3", 13_000),
        )

    async def presses_a_key(self) -> None:
        async with self._agent("dora", "agent_does_not_answer", ring_ms=LONG_MS) as dora:
            await self._call("704", LONG_MS, dora)

    async def nobody_answers(self) -> None:
        async with self._agent("emil", "agent_does_not_answer", ring_ms=LONG_MS) as emil:
            await self._call("705", LONG_MS, emil)

    async def given_away(self) -> None:
        to = f"sip:7061@{self._side.target}"
        async with (
            self._agent(
                "frida", "agent_transfers", ring_ms=100, before_ms=1500, refer_to=to, talk_ms=500
            ) as frida,
            self._agent("fred", "agent_answers", ring_ms=100, talk_ms=1000),
        ):
            await self._call("706", LONG_MS, frida)

    async def last_agent_pauses(self) -> None:
        async def lunch() -> None:
            await self._side.tried("gerd")
            await self._side.pause("gerd")

        async with self._agent("gerd", "agent_is_busy", ring_ms=500) as gerd:
            await asyncio.gather(self._call("707", LONG_MS, gerd), lunch())

    async def handed_over(self) -> None:
        async def hand_over(hugo: DeskPhone) -> None:
            first = await hugo.rung()
            await self._side.talks("hugo")
            hugo.hold(first)
            await self._side.held()
            second = hugo.dial("7081")
            await hugo.until(second, "answered")
            await asyncio.sleep(0.5)  # they talk for a while
            hugo.transfer(first, second)
            await hugo.told(first, "200 OK")  # and the phone hangs up both, as it leaves

        account = Account("hugo-phone", self._password, self._port("hugo"))
        async with (
            DeskPhone(account, self._side.target) as hugo,
            self._agent("helen", "agent_answers", ring_ms=100, talk_ms=2000),
        ):
            await asyncio.gather(self._call("708", LONG_MS), hand_over(hugo))

    async def taken_out(self) -> None:
        async def away() -> None:
            await self._side.entered("5550709")
            await self._side.withdraw("5550709")

        await asyncio.gather(self._call("709", 3500), away())

    async def a_shift(self) -> None:
        await self._side.shift("ivy")

    async def play(self) -> None:
        """All at once."""
        async with asyncio.TaskGroup() as scenes:
            for scene in (
                self.caller_hangs_up,
                self.agent_hangs_up,
                self.abandons_while_it_rings,
                self.three_abandon,
                self.presses_a_key,
                self.nobody_answers,
                self.given_away,
                self.last_agent_pauses,
                self.handed_over,
                self.taken_out,
                self.a_shift,
            ):
                scenes.create_task(scene())


class Log(NamedTuple):
    """A queue_log, and what telephones saw of its calls."""

    lines: list[Read]
    seen: dict[str, Seen]

    @property
    def calls(self) -> dict[str, list[Read]]:
        """Without talks of who was given to an agent: Asterisk dials him, ours stands in a line for him."""
        return by_caller([line for line in self.lines if not line.queue.startswith("_")])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def logs() -> AsyncIterator[tuple[Log, Log]]:
    """Ours and Asterisk's."""
    if not alone_in_network():
        pytest.fail("live tests want name spaces of their own: make test")
    made = tempfile.TemporaryDirectory(prefix="holdfast-queue-log-", ignore_cleanup_errors=True)
    directory = Path(made.name)
    directory.chmod(0o755)  # Asterisk has a user of its own
    phones = {name: THEIRS_AT + at for name, at in PLACE.items()}
    async with (
        Server(callflows(directory / "callflows"), workers=1) as server,
        AppQueue(phones, directory) as asterisk,
    ):
        password = server.account("hugo-phone", 0).password
        ours, theirs = Scenes(Ours(server), server, password), Scenes(Theirs(asterisk), server, "")
        await asyncio.gather(ours.play(), theirs.play())
        await asterisk.act("Command", Command="logger reload")
        await asterisk.until("CONFIGRELOAD")
        code, out, err = await server.run("queue-log")
        assert code == 0, err
        yield (
            Log([read(line) for line in out.splitlines()], ours.seen),
            Log([read(line) for line in asterisk.lines], theirs.seen),
        )
    made.cleanup()


Logs = tuple[Log, Log]


async def test_each_call_reads_the_same(logs: Logs) -> None:
    """The same records in the same order, with the same agents, positions, keys, numbers and reasons."""

    def told(log: Log) -> dict[str, list[tuple[object, ...]]]:
        times = {"holdtime", "calltime", "waittime", "ringtime"}
        names = {"bridgedchanneluniqueid", "method-data", "extension", "context"}
        return {
            caller: [
                (
                    line.queue,
                    line.agent,
                    line.record,
                    *(v for k, v in line.data.items() if k not in times | names),
                )
                for line in lines
                if line.record != "DID" or line.queue != "q699"  # the test's dialplan does not write it anew
            ]
            for caller, lines in log.calls.items()
        }

    ours, theirs = logs
    assert told(ours) == told(theirs)
    assert len(told(theirs)) == 12


async def test_a_tool_counts_the_same(logs: Logs) -> None:
    ours, theirs = (
        Counter((line.queue, line.record) for lines in log.calls.values() for line in lines) for log in logs
    )
    ours.pop(("q699", "DID"))
    assert ours == theirs
    for log in logs:
        for caller, lines in log.calls.items():
            entered = sum(line.record == "ENTERQUEUE" for line in lines)
            assert entered == sum(line.record in (*LEAVES, "CONNECT") for line in lines), caller
            assert sum(line.record == "CONNECT" for line in lines) == sum(
                line.record in TALKS_END for line in lines
            ), caller


@pytest.mark.parametrize("whose", [0, 1], ids=["ours", "asterisk"])
async def test_times_are_what_the_telephones_saw(logs: Logs, whose: int) -> None:
    """So both mean the same by each time, in the same unit."""
    log, seen_of = logs[whose], Counter[str]()
    for caller, (caller_leg, agent) in log.seen.items():
        for line in log.calls[caller]:
            true: dict[str, float] = {}
            if line.record in LEAVES and line.record != "WITHDRAW" and line.queue != "q699":
                true["waittime"] = caller_leg.talked_ms / 1000
            if agent and line.record in ("CONNECT", *TALKS_END):
                true["holdtime"] = (agent.answered_at - caller_leg.answered_at) / 1000
            if agent and line.record == "CONNECT":
                true["ringtime"] = (agent.answered_at - agent.invited_at) / 1000
            if agent and line.record in TALKS_END:
                true["calltime"] = agent.talked_ms / 1000
            if line.record in ("RINGNOANSWER", "RINGCANCELED"):
                assert line.data["ringtime"] <= caller_leg.talked_ms + SLACK_S * 1000
                if line.agent != "gerd":  # who was busy after 0.5 s: Asterisk counts 0 or 1000
                    assert line.data["ringtime"] >= 900, "milliseconds"
            for name, value in true.items():
                assert line.data[name] == pytest.approx(value, abs=SLACK_S), (line, name)
                seen_of[name] += 1
    assert min(seen_of[name] for name in ("waittime", "holdtime", "ringtime", "calltime")) >= 3


async def test_an_agent_s_shift_reads_the_same(logs: Logs) -> None:
    ours, theirs = (
        [(line.queue, line.record, *line.data.values()) for line in log.lines if line.agent == "ivy"]
        for log in logs
    )
    assert ours == theirs
    assert [record for _, record, *_ in theirs] == [
        "ADDMEMBER", "PAUSEALL", "PAUSE", "UNPAUSEALL", "UNPAUSE", "REMOVEMEMBER",
    ]  # fmt: skip
    assert {line.call for line in logs[0].lines if line.agent == "ivy"} == {"NONE"}
    assert {line.call for line in logs[1].lines if line.agent == "ivy"} == {"NONE", "MANAGER"}


async def test_files_begin_and_go_on_the_same(logs: Logs) -> None:
    ours, _ = logs
    assert [line.at for line in ours.lines] == sorted(line.at for line in ours.lines)
    for log in logs:
        first = log.lines[0]
        assert (first.call, first.queue, first.agent, first.record) == ("NONE", "NONE", "NONE", "QUEUESTART")
        reload = next(line for line in log.lines if line.record == "CONFIGRELOAD")
        assert (reload.call, reload.queue, reload.agent) == ("NONE", "NONE", "NONE")
