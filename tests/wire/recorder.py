"""A worker whose socket is written down: `python -m tests.wire.recorder N`.

It is the worker itself. Each text frame between Asterisk and it is appended, as it is on the wire, to
`<HOLDFAST_RECORDING>/<worker>.jsonl`, one `Line` a line.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

import ivr.worker
from tests.wire.recording import Direction, Line


class RecordedSocket(web.WebSocketResponse):
    """Asterisk's socket, with an ear at it."""

    file = Path()

    async def receive(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109  (aiohttp's signature)
        message = await super().receive(timeout)
        if message.type is WSMsgType.TEXT:
            self._write_down("in", message.data)
        return message

    async def send_str(self, data: str, compress: int | None = None) -> None:
        self._write_down("out", data)
        await super().send_str(data, compress)

    def _write_down(self, direction: Direction, data: str) -> None:
        line = Line(direction, time.time_ns() // 1_000_000, msgspec.json.decode(data))
        with self.file.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")


def main() -> None:
    RecordedSocket.file = Path(os.environ["HOLDFAST_RECORDING"]) / f"hf-{sys.argv[1]}.jsonl"
    vars(web)["WebSocketResponse"] = RecordedSocket
    ivr.worker.main()


if __name__ == "__main__":
    main()
