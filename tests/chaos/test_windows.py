"""Workers, then Redis, killed at chosen instants of every window of a call's life; nobody may notice."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import chain, zip_longest
from pathlib import Path

import pytest

from calllog.call_events import Bridged
from calllog.events import WorkerRecovered
from tests.chaos.disaster import Disaster, Staff
from tests.chaos.doomed import Hit, Plan
from tests.chaos.drill import HOLDING, QUEUED
from tests.chaos.windows import BRIDGE, CLAIM, RESERVE, RING, SETTLE, WINDOWS, Instant

LEAST = 10
"""Recorded instants in each window."""
RING_MS = 200
LANES = 2
PATIENCE_S = 150.0

COMMAND = ("before", "sent", "after")
UNWRITTEN_MS = (15, 25, 35)
"""So long after `settle` both are bridged, and that is written at most 50 ms later, with what goes then."""

PLAN: dict[str, list[Instant]] = {
    CLAIM: [
        *(Instant(CLAIM, f"ari POST events/claim {stage}") for stage in COMMAND[:2]),
        Instant(CLAIM, "ari POST events/claim sent", 2),
        *(Instant(CLAIM, f"event StasisStart {stage}") for stage in ("before", "after")),
        *(Instant(CLAIM, f"script arrive {stage}") for stage in COMMAND),
        *(Instant(CLAIM, f"script arrive {stage}", 3) for stage in COMMAND),
    ],
    RESERVE: [
        Instant(RESERVE, "reserved"),
        Instant(RESERVE, "reserved", 2),
        *(Instant(RESERVE, f"ari POST channels/create {stage}") for stage in COMMAND),
        *(Instant(RESERVE, f"ari POST channels/*/dial {stage}") for stage in COMMAND),
        *(Instant(RESERVE, f"event StasisStart {stage}") for stage in ("before", "after")),
        Instant(RESERVE, "event Ringing before"),
    ],
    RING: [
        Instant(RING, "event Ringing after"),
        *(Instant(RING, f"event Up {stage}") for stage in ("before", "after")),
        *(Instant(RING, f"+{RING_MS * tenth // 10} ms") for tenth in range(2, 10)),
    ],
    SETTLE: [
        *(Instant(SETTLE, f"script settle {stage}") for stage in COMMAND),
        *(Instant(SETTLE, f"ari POST bridges {stage}") for stage in COMMAND[:2]),
        *(Instant(SETTLE, f"ari POST bridges/*/addChannel {stage}") for stage in COMMAND),
        *(Instant(SETTLE, f"script connected {stage}") for stage in COMMAND),
        *(Instant(SETTLE, f"+{after_ms} ms") for after_ms in UNWRITTEN_MS),
    ],
    BRIDGE: [
        Instant(BRIDGE, "script connected after"),
        Instant(BRIDGE, "event ChannelHold before"),
        *(Instant(BRIDGE, f"script hold {stage}") for stage in COMMAND[1:]),
        Instant(BRIDGE, "event ChannelUnhold after"),
        *(Instant(BRIDGE, f"event ChannelHangupRequest {stage}") for stage in ("before", "after")),
        *(Instant(BRIDGE, f"script ended {stage}") for stage in COMMAND),
        Instant(BRIDGE, "ari DELETE channels/* sent"),
        *(Instant(BRIDGE, point) for point in ("event ChannelHold after", "script hold before")),
    ],
}


def interleaved() -> Iterator[Instant]:
    """The plan, one window after another and again, so that neighbours are never killed in a row."""
    return (instant for instant in chain(*zip_longest(*PLAN.values())) if instant is not None)


def bare(instants: list[Instant]) -> list[Instant]:
    """No more of each window than are asked for."""
    return [instant for instant in instants if PLAN[instant.window].index(instant) < LEAST]


async def _keep_calling(disaster: Disaster, number: str, count: int) -> None:
    """One wave of callers after the other, until the whole plan has been carried out, or time is up."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE_S
    while len(disaster.hits) < len(disaster.plan.instants) and loop.time() < deadline:
        wave = await disaster.call(number, count, stay_ms=2500, rate=count / 2)
        await wave.done()


def unwritten(disaster: Disaster) -> Iterator[str]:
    """A talk that had begun and was not written when its worker died: it begins with the take-over, once.

    Who has hung up before that has not talked as far as the log knows: that is the price of writing later.
    """
    news = [event for event in disaster.log.events if isinstance(event, WorkerRecovered)]
    for hit in disaster.hits:
        if hit.window != SETTLE or not hit.point.startswith("+"):
            continue
        events = disaster.log.of_call(hit.call)
        begun = [event.at for event in events if isinstance(event, Bridged)]
        taken_at = min(event.at for event in news if event.peer == hit.worker and event.at >= hit.at)
        if len(begun) != 1 and (begun or events[-1].at > taken_at):
            yield f"{hit.call} was bridged at {begun}, its worker died at {hit.at}, was missed at {taken_at}"


def report(hits: list[Hit]) -> str:
    """Hits per window, and at which instants."""
    counted = Counter(hit.window for hit in hits)
    lines = [f"{window}: {counted[window]} hits" for window in WINDOWS]
    return "\n".join([*lines, *(f"  {hit.window}: {hit.point} ({hit.nth}) {hit.worker}" for hit in hits)])


@pytest.mark.timeout(240)  # on a machine with nothing else to do it is a minute
@pytest.mark.parametrize("victim", ["worker", "redis"])
async def test_killed_at_every_instant_nobody_notices(victim: str, tmp_path: Path) -> None:
    staff = {
        "drill": Staff("agent_answers", 8, {"ring_ms": RING_MS, "talk_ms": 60_000}),
        "holding": Staff(
            "agent_holds", 4, {"ring_ms": RING_MS, "before_ms": 100, "hold_ms": 300, "talk_ms": 60_000}
        ),
    }
    instants = list(interleaved())
    plan = Plan(instants if victim == "worker" else bare(instants), victim)
    async with Disaster(tmp_path, staff, plan, workers=3) as disaster:
        async with asyncio.TaskGroup() as lanes:
            for number, count in ((QUEUED, 6), (HOLDING, 3)):
                for _ in range(LANES):
                    lanes.create_task(_keep_calling(disaster, number, count))
        await disaster.over()
        print(report(disaster.hits))
        findings = [*await disaster.findings(), *unwritten(disaster)]
        if lost := disaster.server.lost_sockets():
            findings.append(f"Asterisk has lost {lost} sockets: they had not outlived their workers")
        assert not findings, "\n".join([report(disaster.hits), *findings, disaster.server.state])
    counted = Counter(hit.window for hit in disaster.hits)
    assert all(counted[window] >= LEAST for window in WINDOWS), report(disaster.hits)
