"""Asterisk as a witness: its channel event log (CEL) and its own record of SIP messages, for a while.

Neither is on in a server of ours, and nothing in `ivr/` knows of them: they are switched on in a running
Asterisk, by its command line, and off again. What is written there takes no part of our way: no ARI, no
worker, no Redis.
"""

import asyncio
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from ivr.provision import write
from ivr.runtime import Account
from tests.rig.server import Server

LAST_WORDS_S = 1.0
"""Asterisk writes what has happened within milliseconds; a busy machine may take longer."""

CEL = """[general]
enable = yes
events = CHAN_START,ANSWER,HANGUP,BRIDGE_ENTER,BRIDGE_EXIT,STREAM_BEGIN,STREAM_END
"""
CUSTOM = """[{file}]
format = json
fields = eventenum, eventtime(double), channame, uniqueid, num, userdeftype, eventextra
"""


class NotListening(Exception):  # noqa: N818
    """Asterisk does not tell what it is asked to; the text says what it answered."""


class Listening:
    """`async with Listening(server) as asterisk`: `asterisk.cel` and `asterisk.sip` are there afterwards."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._etc = server.settings.data / "etc" / "asterisk"
        self._owner = Account(0, 0)
        spool = server.settings.data / "spool"
        self._cel = spool / f"witness-{os.getpid()}.json"
        self._sip = spool / f"witness-{os.getpid()}.pcap"
        self.cel = ""
        """Lines of JSON."""
        self.sip = b""
        """A capture file."""

    async def __aenter__(self) -> Self:
        self._owner = Account(self._etc.stat().st_uid, self._etc.stat().st_gid)
        self._before = (self._etc / "cel.conf").read_text()
        write(self._etc / "cel.conf", CEL, self._owner)
        write(self._etc / "cel_custom.conf", CUSTOM.format(file=self._cel), self._owner)
        await self.order("module load cel_custom.so")
        await self.order("module reload cel")
        for order in (f"pcap {self._sip}", "verbose off", "on"):
            await self.order(f"pjsip set logger {order}")
        said = await self.order("cel show status")
        if "CEL Logging: Enabled" not in said or "Custom" not in said:
            raise NotListening(said)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.sleep(LAST_WORDS_S)
        write(self._etc / "cel.conf", self._before, self._owner)
        (self._etc / "cel_custom.conf").unlink()
        await self.order("pjsip set logger off")  # closes the file
        await self.order("module reload cel")
        await self.order("module unload cel_custom.so")
        self.cel, self.sip = _taken(self._cel).decode("utf-8", "replace"), _taken(self._sip)

    async def order(self, order: str) -> str:
        """What Asterisk's command line answers."""
        command = ["chroot", f"/proc/{self._server.pid('asterisk')}/root", "asterisk", "-rx", order]
        process = await asyncio.create_subprocess_exec(
            *command, "-C", str(self._etc / "asterisk.conf"), stdout=asyncio.subprocess.PIPE
        )
        return (await process.communicate())[0].decode("utf-8", "replace")


def _taken(file: Path) -> bytes:
    """Its content; it is not left behind. Nothing, if it is not there."""
    data = file.read_bytes() if file.exists() else b""
    file.unlink(missing_ok=True)
    return data
