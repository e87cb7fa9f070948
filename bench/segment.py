"""One stretch of calls at one rate against one server, and all that is measured in it."""

import subprocess
import time
from pathlib import Path
from typing import Protocol

import msgspec

from bench.capture import Capture
from bench.cpu import machine_ms, snapshot, spent
from bench.figures import Wire, wire_figures
from bench.sip_trace import Address, parse_message, trace_calls
from bench.telephones import Counts, Telephones
from bench.world import AGENTS, CALLERS

_SETTLE_S = 1.0
"""After the last call: what belongs to it and is done later (logs, ended channels) is still counted."""
_PROBE_PAUSE_S = 0.5


class Server(Protocol):
    """What can be measured."""

    name: str
    address: Address
    directory: Path


class Segment(msgspec.Struct, frozen=True):
    """What was measured. CPU figures are ms per served call, by process."""

    server: str
    rate: int
    seconds: int
    wire: Wire
    sipp: Counts
    cpu_ms_per_call: dict[str, float]
    machine_ms_per_call: float
    """CPU time of the whole machine, kernel and strangers included: how far the parts can be trusted."""
    capture_dropped: int

    @property
    def failed(self) -> int:
        """Calls that failed by SIPp's or by the wire's account, whichever saw more."""
        return max(self.wire.failed, self.sipp.failed, self.sipp.placed - self.wire.served)


class NotServing(Exception):  # noqa: N818
    """A server did not serve a single call in time."""


def run_segment(server: Server, phones: Telephones, rate: int, seconds: int, native_dir: Path) -> Segment:
    """Drive the server for so many seconds. Both servers may be up; the other one is idle meanwhile."""
    agents = phones.agents()
    tap = Capture()
    tap.start()
    try:
        before, busy_before = snapshot(native_dir), machine_ms()
        counts = phones.call(server.address, rate, rate * seconds)
        time.sleep(_SETTLE_S)
        after, busy_after = snapshot(native_dir), machine_ms()
    finally:
        datagrams, dropped = tap.stop()
        agents.terminate()
        agents.wait(10)
    messages = [message for datagram in datagrams if (message := parse_message(datagram))]
    wire = wire_figures(trace_calls(messages, CALLERS, AGENTS))
    served = max(1, wire.served)
    return Segment(
        server=server.name,
        rate=rate,
        seconds=seconds,
        wire=wire,
        sipp=counts,
        cpu_ms_per_call={role: round(ms / served, 3) for role, ms in spent(before, after).items()},
        machine_ms_per_call=round((busy_after - busy_before) / served, 3),
        capture_dropped=dropped,
    )


def wait_until_serving(server: Server, phones: Telephones, native_dir: Path, within_s: float = 90) -> None:
    """Calls until one call is served. Raises NotServing."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if run_segment(server, phones, rate=1, seconds=1, native_dir=native_dir).failed == 0:
                return
        except subprocess.TimeoutExpired:
            continue
        time.sleep(_PROBE_PAUSE_S)
    raise NotServing(
        f"{server.name} did not serve a call within {within_s:.0f} s; its logs: {server.directory}"
    )
