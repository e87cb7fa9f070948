"""Workers for `bench.worker_kills`: `python -m bench.told_worker N` instead of `python -m ivr.worker N`.

All but the last do nothing but read what Asterisk tells them. The last has Asterisk tell them: one user event
after another, as many a second as `RATE` says. Without `HELD` nobody holds their sockets: they end with them.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable

import uvloop

from ivr import readiness
from ivr.ari import Link
from ivr.ari.errors import AsteriskAway
from ivr.holder import Cloakroom
from ivr.settings import Settings

RATE = "HOLDFAST_BENCH_RATE"
"""Environment variable: events a second for each worker that is told."""
HELD = "HOLDFAST_BENCH_HELD"
"""Environment variable: not empty where sockets are held."""
TURN_S = 0.01
NEWS = {"variables": {"news": "x" * 400}}
"""Makes an event as long as those of channels."""


async def serve(settings: Settings, number: int) -> None:
    """Until it is killed, or told to stop."""
    name = f"hf-{number}"
    link = Link(
        (settings.secrets / "worker").read_text().strip(),
        lambda _: None,
        readiness.tell,
        lambda: None,
        lambda: True,
        Cloakroom(settings.held, name) if os.environ[HELD] else None,
    )
    server = await link.listen(settings.worker_bind, settings.worker_port + number)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tasks = [asyncio.create_task(link.watch())]
    if number == settings.workers:
        tasks.append(asyncio.create_task(tell(link.send, settings.workers - 1, float(os.environ[RATE]))))
    await stop.wait()
    server.close()
    for task in tasks:
        task.cancel()
    await link.leave(readiness.comes_back())


async def tell(send: Callable[..., None], told: int, rate: float) -> None:
    """Have Asterisk tell workers 1 to `told` of something, each so often a second. Never ends."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        await asyncio.sleep(TURN_S)
        if loop.time() - due > 1.0:
            due = loop.time()  # Asterisk was away: it is not told all at once
        while due <= loop.time():
            due += 1 / rate
            for worker in range(1, told + 1):
                try:
                    send("POST", "events/user/news", {"application": f"hf-{worker}"}, NEWS)
                except AsteriskAway:
                    due = loop.time() + TURN_S


if __name__ == "__main__":
    uvloop.run(serve(Settings(), int(sys.argv[1])))
