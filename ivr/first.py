"""Several things at the same time, of which the first that is over ends them all."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def first_over(*work: Coroutine[Any, Any, object]) -> None:
    """Until one of them is over; the others are cancelled then. Raises what that one raised."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
