"""The same queues and agents in Holdfast and in Asterisk's own `Queue()`, and how to act on either side."""

from pathlib import Path
from typing import Protocol

import yaml

from tests.rig.app_queue import AppQueue
from tests.rig.server import Server

PEOPLE = {
    "anna": "q701",
    "bert": "q702",
    "carl": "q700",
    "dora": "q704",
    "emil": "q705",
    "frida": "q706",
    "fred": "",
    "gerd": "q707",
    "hugo": "q708",
    "helen": "",
    "ivy": "q710",
}
"""Agents, and the queue of each."""
PLACE = {name: number for number, name in enumerate(PEOPLE)}
EXTENSIONS = {"fred": "7061", "helen": "7081"}
"""Whom callers are given to."""
OURS_AT, THEIRS_AT = 6700, 6750


def callflows(directory: Path) -> Path:
    """The queues of `tests/rig/app_queue/queues.conf`, as ours."""
    queues: dict[str, dict[str, object]] = {f"q{number}": {} for number in range(699, 711)}
    queues["q704"] = {"exit_key": "9"}
    queues["q705"] = {"ring_s": 1, "cooldown_s": 60, "max_wait_s": 4}
    queues["q707"] = {"cooldown_s": 60, "leave_if": ["paused"]}
    ways = {"q704": "exit", "q705": "timeout", "q707": "no_agents"}
    flows = {
        f"flows/f{number}": {
            "steps": {
                "wait": {"queue": queue, "next": dict.fromkeys(["answered", *way], "end")},
                "end": {"hangup": "normal"},
            }
        }
        for number in range(700, 710)
        for queue in [f"q{number}"]
        for way in [[ways[queue]] if queue in ways else []]
    }
    agents = {
        name: {
            "device": f"{name}-phone",
            "queues": [queue] if queue else [],
            **({} if name == "ivy" else {"at_start": "ready"}),
            **({"extension": EXTENSIONS[name]} if name in EXTENSIONS else {}),
        }
        for name, queue in PEOPLE.items()
    }
    contacts = {
        f"{name}-phone": {"contact": f"sip:{name}@127.0.0.1:{OURS_AT + at}"} for name, at in PLACE.items()
    }
    numbers = {str(number): {"flow": f"f{number}"} for number in range(700, 710)}
    files = {
        "queues": {"queues": queues},
        "numbers": {"default": {"flow": "f703"}, "numbers": numbers},
        "agents": {"agents": agents, "devices": contacts},
        "trunks": {"trunks": {"local": {"match": ["127.0.0.0/8"]}}},
        "policy": {"transfers": {}},
        **flows,
    }
    (directory / "flows").mkdir(parents=True)
    for name, content in files.items():
        (directory / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return directory


class Side(Protocol):
    """A server under the scenes."""

    first_port: int
    target: str

    async def entered(self, number: str) -> None: ...
    async def tried(self, agent: str) -> None: ...
    async def talks(self, agent: str) -> None: ...
    async def held(self) -> None: ...
    async def pause(self, agent: str) -> None: ...
    async def withdraw(self, number: str) -> None: ...
    async def shift(self, agent: str) -> None: ...


class Ours:
    first_port = OURS_AT

    def __init__(self, server: Server) -> None:
        self.server = server
        self.target = server.target

    async def entered(self, number: str) -> None:
        await self.server.log.event(await self.server.log.call_of(number), "joined")

    async def tried(self, agent: str) -> None:
        """Somebody was offered to him in vain."""
        await self.server.log.until(
            lambda event: event.kind == "declined" and getattr(event, "agent", "") == agent
        )

    async def talks(self, agent: str) -> None:
        await self.server.log.until(
            lambda event: event.kind == "bridged" and getattr(event, "agent", "") == agent
        )

    async def held(self) -> None:
        """The agent holds his caller."""
        await self.server.log.until(
            lambda event: event.kind == "hold_started" and getattr(event, "by", "") == "agent"
        )

    async def _holdfast(self, *words: str) -> None:
        code, out, err = await self.server.run(*words)
        assert code == 0, out + err

    async def pause(self, agent: str) -> None:
        await self._holdfast("agent", agent, "pause", "lunch")

    async def withdraw(self, number: str) -> None:
        await self._holdfast("queues", "move", await self.server.log.call_of(number), "--to", "q699")

    async def shift(self, agent: str) -> None:
        """He comes, has lunch, and goes."""
        for words in (["ready"], ["pause", "lunch"], ["ready"], ["offline"]):
            await self._holdfast("agent", agent, *words)


class Theirs:
    first_port = THEIRS_AT

    def __init__(self, asterisk: AppQueue) -> None:
        self.asterisk = asterisk
        self.target = asterisk.target

    async def entered(self, number: str) -> None:
        await self.asterisk.until(f"ENTERQUEUE||{number}|")

    async def tried(self, agent: str) -> None:
        await self.asterisk.until(f"|{agent}|RINGNOANSWER|")

    async def talks(self, agent: str) -> None:
        await self.asterisk.until(f"|{agent}|CONNECT|")

    async def held(self) -> None:
        """Its queue_log does not tell."""

    async def pause(self, agent: str) -> None:
        await self.asterisk.act("QueuePause", Interface=f"PJSIP/{agent}", Paused="true", Reason="lunch")

    async def withdraw(self, number: str) -> None:
        line = await self.asterisk.until(f"ENTERQUEUE||{number}|")
        await self.asterisk.act(
            "QueueWithdrawCaller",
            Queue=line.split("|")[2],
            Caller=await self.asterisk.channel(line.split("|")[1]),
            WithdrawInfo="transferred",
        )

    async def shift(self, agent: str) -> None:
        who = {"Interface": f"PJSIP/{agent}"}
        await self.asterisk.act("QueueAdd", **who, Queue="q710", MemberName=agent)
        await self.asterisk.act("QueuePause", **who, Paused="true", Reason="lunch")
        await self.asterisk.act("QueuePause", **who, Paused="false")
        await self.asterisk.act("QueueRemove", **who, Queue="q710")
