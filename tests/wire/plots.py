"""The plots that are recorded: each is a call, or a code dialled by an agent, on real Asterisk."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from shutil import copytree

from tests.rig.server import Server
from tests.rig.sipp import Account, Caller
from tests.rig.site import Played
from tests.rig.voice import speech, write_wav
from tests.wire.recording import Line, Recording, cut, greeting, told

CALLFLOWS = Path(__file__).resolve().parent / "callflows"
PROMPTS = ("menu", "wrong-key", "no-key", "sorry", "goodbye")
PROMPT_S = 0.3
HANNA, BERT, BERTA, NORA, REMO, PIA = range(6101, 6107)
UNREGISTERED = 6190

Plot = Callable[[Server], Awaitable[Played]]


def make_callflows(directory: Path) -> Path:
    """Copy the callflows of the wire tests there, with prompts made for them."""
    copytree(CALLFLOWS, directory)
    folder = directory / "prompts" / "en"
    folder.mkdir(parents=True)
    for seed, name in enumerate(PROMPTS):
        write_wav(folder / f"{name}.wav", speech(seed, PROMPT_S))
    return directory


async def held_by_the_agent(server: Server) -> Played:
    """He presses 1, waits, talks, is put on hold and taken back, hangs up."""
    times = {"ring_ms": 100, "before_ms": 500, "hold_ms": 500, "talk_ms": 30_000}
    account = server.account("hanna-phone", HANNA)
    async with server.agent(HANNA, "agent_holds", **times) as hanna:

        async def meanwhile(call: str, _: object) -> None:
            await server.log.event(call, "joined")
            await server.dials(account, "*45")

        return await server.call(
            "201",
            Caller("4930000001", "Ada", "1"),
            {"hanna": hanna},
            scenario="caller_presses_keys",
            meanwhile=meanwhile,
            think_ms=100,
            stay_ms=4000,
        )


async def abandoned(server: Server) -> Played:
    """He hangs up while waiting."""
    return await server.call("202", Caller("4930000002"), stay_ms=700)


async def wrong_key(server: Server) -> Played:
    """A wrong key, then nothing: the flow lets him go."""
    return await server.call(
        "201",
        Caller("4930000003", "Ada", "9"),
        scenario="caller_presses_keys",
        think_ms=100,
        stay_ms=30_000,
    )


async def busy_then_next(server: Server) -> Played:
    """The first agent is busy, the second one answers; the caller hangs up."""
    async with (
        server.agent(BERT, "agent_is_busy", ring_ms=300) as bert,
        server.agent(BERTA, "agent_answers", ring_ms=100, talk_ms=30_000) as berta,
    ):
        await server.dials(server.account("berta-phone", BERTA), "*45")  # after bert, who is rung first
        return await server.call("203", Caller("4930000004"), {"bert": bert, "berta": berta}, stay_ms=1500)


async def unanswered(server: Server) -> Played:
    """The agent does not answer; the caller's patience is the flow's: it tells him, and lets him go."""
    async with server.agent(NORA, "agent_does_not_answer", ring_ms=30_000) as nora:
        return await server.call("204", Caller("4930000005"), {"nora": nora}, stay_ms=30_000)


async def redirected(server: Server) -> Played:
    """The agent's phone redirects (302): a decline; the caller hangs up while waiting."""
    async with server.agent(REMO, "agent_redirects", forward_to="sip:voicemail@127.0.0.1:6999") as remo:
        return await server.call("205", Caller("4930000006"), {"remo": remo}, stay_ms=1000)


async def agent_leaves(server: Server) -> Played:
    """The agent hangs up first, and the flow goes on."""
    async with server.agent(PIA, "agent_answers", ring_ms=100, talk_ms=500) as pia:
        return await server.call("206", Caller("4930000007"), {"pia": pia}, stay_ms=30_000)


PLOTS: list[Plot] = [
    held_by_the_agent,
    abandoned,
    wrong_key,
    busy_then_next,
    unanswered,
    redirected,
    agent_leaves,
]
CODES = {"ready": "*45", "pause": "*46"}


async def play_all(server: Server) -> dict[str, Played]:
    """Play everything; by name what was seen of it. The codes are dialled one after the other."""
    cody = Account("cody-phone", server.account("cody-phone", 0).password, UNREGISTERED)

    async def codes() -> None:
        for code in CODES.values():
            await server.dials(cody, code)

    dialling = asyncio.ensure_future(codes())
    played = await asyncio.gather(*(plot(server) for plot in PLOTS))
    await dialling
    return {plot.__name__.replace("_", "-"): seen for plot, seen in zip(PLOTS, played, strict=True)}


# Their recordings


def words_for(callflows: Path, data: Path) -> dict[str, str]:
    """What a recording says instead of paths: the names of prompts."""
    sounds = callflows / "prompts" / "en"
    shas = {sha256(file.read_bytes()).hexdigest(): file.stem for file in sounds.glob("*.wav")}
    return {f"{data}/prompts/{sha}": f"prompt:{name}" for sha, name in shas.items()}


def recorded(server: Server, lines: Sequence[Line], played: Mapping[str, Played]) -> list[Recording]:
    """A recording of each plot, of each code, and of what was said before the first of them."""
    words = words_for(server.settings.callflows, server.settings.data)
    codes = {
        tuple(line.m["args"][1:3]): line.m["channel"]["id"]
        for line in lines
        if line.kind == "StasisStart" and line.m["args"][0] == "code"
    }
    beside = {
        "held-by-the-agent": [codes["*45", "hanna-phone"]],
        "busy-then-next": [codes["*45", "berta-phone"]],
    }
    found = [
        Recording(name, cut(lines, [seen.events[0].call, *beside.get(name, ())], words), told(seen.events))
        for name, seen in played.items()
    ]
    states = server.log.agent_states("cody")
    for (name, code), state in zip(CODES.items(), states, strict=True):
        found.append(Recording(name, cut(lines, [codes[code, "cody-phone"]], words), told([state])))
    return [*found, Recording("connect", greeting(lines, words), [])]
