"""An Asterisk of the runtime root with `Queue()`, as people have it who do without us: what does *it* log?"""

import asyncio
import tempfile
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.native_queue import NativeQueue
from bench.world import NATIVE, REPOSITORY, Stage
from ivr.runtime import find
from ivr.settings import Settings

MANAGER_PORT = 5038
START_S = 20.0
_CONF = Path(__file__).with_name("app_queue")
_MODULES = (
    "app_dial",
    "app_stack",
    "app_verbose",
    "bridge_builtin_features",
    "func_callerid",
    "res_pjsip_dtmf_info",
    "res_pjsip_refer",
)
"""Besides those of the bench: transfers, and keys while waiting."""
_MANAGER = f"""[general]
enabled = yes
port = {MANAGER_PORT}
bindaddr = {NATIVE[0]}
[test]
secret = test
read = all
write = all
"""


class AppQueue:
    """`async with AppQueue(phones) as asterisk`: running, with the dialplan and queues of `app_queue/`."""

    def __init__(self, phones: Mapping[str, int], directory: Path) -> None:
        """`phones`: name → port of each telephone. Everybody can get into `directory`."""
        bench = (REPOSITORY / "bench" / "native" / "modules.conf").read_text()
        own = {
            "agents.conf": "\n".join(_phone(name, port) for name, port in phones.items()),
            "modules.conf": bench + "".join(f"load = {name}.so\n" for name in _MODULES),
            "manager.conf": _MANAGER,
            "stasis.conf": "",  # the manager wants messages that the bench does without
            **{path.name: path.read_text() for path in _CONF.glob("*.conf")},
        }
        stage = Stage(find(Settings().runtime), Path(tempfile.mkdtemp(prefix="queue-", dir=directory)))
        stage.directory.chmod(0o755)
        stage.prepare()
        self._asterisk = NativeQueue(stage, 0, own, "127.0.0.0/8")
        self._actions = count(1)
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._asterisk.start)
        try:
            await self._connect()
        except BaseException as error:  # also one who waits no longer: Asterisk is not to stay
            await asyncio.to_thread(self._asterisk.stop)
            error.add_note(self.said)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        await asyncio.to_thread(self._asterisk.stop)

    @property
    def target(self) -> str:
        """host:port to call."""
        return f"{NATIVE[0]}:{NATIVE[1]}"

    @property
    def lines(self) -> list[str]:
        """Its queue_log so far."""
        return (self._asterisk.directory / "log" / "queue_log").read_text().splitlines()

    @property
    def said(self) -> str:
        """Its console and its messages."""
        log = self._asterisk.directory / "log"
        return "\n".join(path.read_text("utf-8", "replace") for path in log.glob("[cm]*") if path.is_file())

    async def until(self, wanted: str, times: int = 1) -> str:
        """The first line with this text in it, once there are so many."""
        async with asyncio.timeout(START_S):
            while len(found := [line for line in self.lines if wanted in line]) < times:  # noqa: ASYNC110
                await asyncio.sleep(0.02)  # it tells nobody but its file
        return found[0]

    async def channel(self, unique_id: str) -> str:
        """The name of a channel."""
        listed = await self.act("Command", Command="core show channels concise")
        names = [line.split(": ", 1)[1].split("!") for line in listed.splitlines() if "!" in line]
        return next(name for name, *_, last in names if last == unique_id)

    async def _connect(self) -> None:
        async with asyncio.timeout(START_S):
            while True:
                try:
                    self._reader, self._writer = await asyncio.open_connection(NATIVE[0], MANAGER_PORT)
                    break
                except OSError:
                    await asyncio.sleep(0.05)
            await self._reader.readline()
            await self.act("Login", Username="test", Secret="test", Events="off")
            while "fully booted" not in await self.act("Command", Command="core waitfullybooted"):
                pass

    async def act(self, action: str, **fields: str) -> str:
        """A manager action; what it answers. Raises RuntimeError if it refuses."""
        number = str(next(self._actions))
        lines = [f"Action: {action}", f"ActionID: {number}", *(f"{k}: {v}" for k, v in fields.items())]
        block = ""
        async with self._one_at_a_time:
            self._writer.write("\r\n".join([*lines, "", ""]).encode())
            while f"ActionID: {number}\r\n" not in block:
                block = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        if "Response: Success" not in block:
            raise RuntimeError(f"{action} {fields}: {block}")
        return block


def _phone(name: str, port: int) -> str:
    """An agent's telephone, which may dial too."""
    contact = f"[{name}]\ntype = aor\ncontact = sip:{name}@127.0.0.1:{port}\n"
    return f"[{name}](phone)\ncontext = callers\naors = {name}\n{contact}"
