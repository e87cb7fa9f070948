"""Recorded again on real Asterisk: what is kept in `recordings/` is what Asterisk still says.

To keep new recordings: `python -m tests.wire.record` where `make test` would run (in name spaces of its own).
"""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.rig.server import Server, alone_in_network
from tests.wire.plots import make_callflows, play_all, recorded
from tests.wire.recording import Recording, read, recordings, shape

PORTS = {"sip_bind": "127.0.0.1:5090", "worker_port": 7950, "agi_port": 4576, "rtp_ports": "31000-31999"}


async def record(directory: Path) -> Mapping[str, Recording]:
    """Start a server, play every plot on it, and return what was recorded."""
    os.environ["HOLDFAST_RECORDING"] = str(directory)
    callflows = make_callflows(directory / "callflows")
    async with Server(callflows, workers=1, worker_module="tests.wire.recorder", **PORTS) as server:
        played = await play_all(server)
        lines = read(directory / "hf-1.jsonl")
        return {recording.name: recording for recording in recorded(server, lines, played)}


async def test_the_recordings_are_what_asterisk_says(tmp_path: Path) -> None:
    if not alone_in_network():
        pytest.fail("live tests want name spaces of their own: make test")
    new, kept = await record(tmp_path), recordings()
    assert sorted(new) == sorted(kept)
    for name, recording in kept.items():
        assert shape(new[name]) == shape(recording), name


def test_a_recording_names_nobody() -> None:
    """No number, no address, no path of the machine that recorded it."""
    for name, recording in recordings().items():
        text = str(recording.lines)
        for private in ("4930", "127.0.0", "/tmp/", "sip:", "Ada"):
            assert private not in text, (name, private)
