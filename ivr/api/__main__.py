"""The process of the API: `python -m ivr.api`. Started and watched like a worker."""

import asyncio
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack, suppress

import uvloop
from aiohttp import web

from calllog.stream import LogStream
from ivr import readiness
from ivr.api.board import Board
from ivr.api.guard import Guard
from ivr.api.metrics import Exposition, Traffic
from ivr.api.past import Archive
from ivr.api.service import Service
from ivr.api.site import Calendar
from ivr.api.tally import Tally
from ivr.api.tokens import Tokens
from ivr.api.watch import Watch
from ivr.first import first_over
from ivr.settings import Settings
from queues.store import Store

log = logging.getLogger(__name__)

NICE = 5
"""Callers go before those who look."""
CLOSE_S = 2.0


async def serve(settings: Settings) -> None:
    """Serve until told to stop."""
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    async with AsyncExitStack() as stack:
        store = Store(settings.redis, settings.site)
        stack.push_async_callback(store.close)
        stream = await stack.enter_async_context(LogStream(settings.redis, settings.site))
        board, tally, traffic = Board(), Tally(), Traffic()
        archive = Archive(settings.archive)
        watch = Watch(store, stream, board, tally, Calendar(settings).day, archive.today)
        exposition = Exposition(board, tally, watch, traffic)
        guard = Guard(Tokens(settings.secrets), settings.api_hosts)
        service = Service(board, watch, store, guard, traffic, exposition)
        runner = web.AppRunner(service.application(), access_log=None, shutdown_timeout=CLOSE_S)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        stack.push_async_callback(service.watchers.close)
        await _listen(runner, settings)
        readiness.tell()
        await first_over(watch.run(), watch.catch_up(), stop.wait())


async def _listen(runner: web.AppRunner, settings: Settings) -> None:
    """On the Unix socket, which its mode guards, and on the port, which tokens guard."""
    before = os.umask(0o177)
    try:
        await web.UnixSite(runner, settings.api_socket).start()
    finally:
        os.umask(before)
    if settings.api_bind:
        host, _, port = settings.api_bind.rpartition(":")
        await web.TCPSite(runner, host.strip("[]"), int(port)).start()
    log.info("the API listens on %s and %s", settings.api_bind or "no port", settings.api_socket)


def main() -> int:
    logging.basicConfig(
        level=os.environ.get("HOLDFAST_LOG", "INFO"), format="%(asctime)s %(levelname)s %(message)s"
    )
    with suppress(OSError):
        os.nice(NICE)
    uvloop.run(serve(Settings()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
