"""A worker whose socket is written down: `python -m tests.wire.recorder N`.

It is the worker itself. Each text frame between Asterisk and it is appended, as it is on the wire, to
`<HOLDFAST_RECORDING>/<worker>.jsonl`, one `Line` a line.
"""

import os
import sys
import time
from pathlib import Path

import msgspec

import ivr.worker
from ivr.ari import Link
from tests.wire.recording import Direction, Line


class RecordedLink(Link):
    """Asterisk's socket, with an ear at it."""

    file = Path()

    def take(self, text: bytes) -> None:
        self._write_down("in", text)
        super().take(text)

    def _say(self, text: bytes) -> None:
        self._write_down("out", text)
        super()._say(text)

    def _write_down(self, direction: Direction, data: bytes) -> None:
        line = Line(direction, time.time_ns() // 1_000_000, msgspec.json.decode(data))
        with self.file.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")


def main() -> None:
    RecordedLink.file = Path(os.environ["HOLDFAST_RECORDING"]) / f"hf-{sys.argv[1]}.jsonl"
    vars(ivr.worker)["Link"] = RecordedLink
    ivr.worker.main()


if __name__ == "__main__":
    main()
