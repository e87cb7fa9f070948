"""One reader, any number of writers, nothing lost, no time slept."""

import asyncio

import uvloop

from ivr.mailbox import Mailbox


async def test_takes_in_order() -> None:
    box: Mailbox[int] = Mailbox()
    for number in range(3):
        box.put(number)
    assert [await box.take() for _ in range(3)] == [0, 1, 2]


async def test_wakes_a_waiting_reader() -> None:
    box: Mailbox[str] = Mailbox()
    reader = asyncio.create_task(box.take())
    await asyncio.sleep(0)
    box.put("ring")
    box.put("answer")
    assert await reader == "ring"
    assert await box.take() == "answer"


async def test_time_limit_gives_none_and_loses_nothing() -> None:
    box: Mailbox[str] = Mailbox()
    now = asyncio.get_running_loop().time()
    assert await box.take(now) is None
    box.put("late")
    assert await box.take(now) == "late"


async def test_cancelled_reader_leaves_the_message() -> None:
    box: Mailbox[str] = Mailbox()
    reader = asyncio.create_task(box.take())
    await asyncio.sleep(0)
    box.put("kept")
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    assert await box.take() == "kept"


def test_a_time_limit_wakes_its_reader_once() -> None:
    """Though uvloop, whose timers count in whole milliseconds, rings a little early."""
    wakes = 0

    class Counting(Mailbox[str]):
        def _wake(self, over: bool = False) -> None:
            nonlocal wakes
            wakes += 1
            super()._wake(over)

    async def limited() -> None:
        box = Counting()
        for _ in range(30):
            assert await box.take(asyncio.get_running_loop().time() + 0.0013) is None

    uvloop.run(limited())
    assert wakes == 30
