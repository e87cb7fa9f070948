"""A worker that hangs: the others take its calls over, and when it wakes up it must not act on them."""

import signal
from contextlib import AsyncExitStack
from pathlib import Path

from tests.chaos.disaster import Disaster, Staff
from tests.chaos.doomed import Plan
from tests.chaos.drill import LONELY, PROMPT, QUEUED, RINGING, unbroken
from tests.rig.ear import Ear

TAKEN_WITHIN_MS = 8000
"""The promise, by the clock of the log."""
BEGINS_MS = (500, 1500, 3000)
"""What was being heard is heard again so long after the take-over; later on a busy machine."""
FOR_EVER = 120_000
STAY_MS = 24_000

STAFF = {
    "drill": Staff("agent_answers", 6, {"ring_ms": 100, "talk_ms": FOR_EVER}),
    "ringing": Staff("agent_does_not_answer", 6, {"ring_ms": FOR_EVER}),
}


async def test_calls_of_a_hung_worker_are_taken_over_and_it_wakes_up_in_vain(tmp_path: Path) -> None:
    """hf-1 hangs and is ended by the others; hf-2 cannot be ended by them and wakes up again."""
    plan = Plan(stranger=["hf-2"])
    async with AsyncExitStack() as around:
        disaster = await around.enter_async_context(Disaster(tmp_path, STAFF, plan, workers=3))
        ear, listener = [await around.enter_async_context(Ear()) for _ in range(2)]
        waiting = [
            await disaster.call(LONELY, stay_ms=STAY_MS, media_port=ear.port),
            await disaster.call(LONELY, 8, stay_ms=STAY_MS),
            await disaster.call(RINGING, 6, stay_ms=STAY_MS),
            await disaster.call(PROMPT, stay_ms=STAY_MS, media_port=listener.port),
            await disaster.call(PROMPT, 6, stay_ms=STAY_MS),
            await disaster.call(QUEUED, 6, stay_ms=STAY_MS),
        ]
        kinds = ("joined", "joined", "offered", "answered", "answered", "bridged")
        for phone, kind in zip(waiting, kinds, strict=True):
            for number in disaster.numbers(phone):
                await disaster.log.event(await disaster.log.call_of(number), kind)
        hung = []
        for number in ("1", "2"):
            before = await disaster.lines()
            owned = await disaster.owned(f"hf-{number}")
            at = disaster.kill(f"worker-{number}", signal.SIGSTOP)
            assert owned
            recovered = await disaster.taken(f"hf-{number}", at, len(owned))
            hung.append((at, recovered[-1].at))
            assert recovered[-1].at - at <= TAKEN_WITHIN_MS
            assert not any(news.lost for news in recovered)
            assert await disaster.lines() == before
        disaster.kill("worker-2", signal.SIGCONT)
        later = await disaster.call(QUEUED, 12, stay_ms=3000, rate=6)
        await disaster.over()
        findings = await disaster.findings()
        assert not findings, "\n".join([*findings, disaster.server.state])
        for from_at, to_at in hung:
            assert unbroken(ear.recording, "music", from_at - 500, to_at + 2000) >= 0.85
            again = [
                unbroken(listener.recording, "long", to_at + late_ms, to_at + late_ms + 1500)
                for late_ms in BEGINS_MS
            ]
            assert max(again) >= 0.85, again
        assert len(later.legs) == 12
