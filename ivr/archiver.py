"""The archiver, `python -m ivr.archiver`: brings the call log from Redis into the archive.

    Redis stream ── Feed ──► Writer ──► archive        acknowledged, and later trimmed, only once it is there
         ▲                                  │
         └── how far, how late, what is wrong ──► `holdfast archive status`, the API

While the archive cannot be written (no space left, locked, PostgreSQL down) the log waits in Redis; calls do
not notice. It goes on by itself.
"""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import uvloop

from calllog.archive.database import connect, is_sqlite, place
from calllog.archive.writer import Writer
from calllog.columns.making import Maker
from calllog.errors import ArchiveAway, ArchiveHeld, LogAway
from calllog.stream import ArchiveState, Entry, Feed
from ivr import readiness
from ivr.first import first_over
from ivr.settings import Settings

log = logging.getLogger(__name__)
T = TypeVar("T")

BATCH = 2000
"""Entries of the stream that are archived in one transaction."""
BLOCK_MS = 100
"""Whoever stops the server waits for no longer."""
GATHER_S = 0.25
"""A quiet log is looked at so often: each transaction is a write to the disk that has to be waited for."""
RETRY_S = 1.0
TELL_S = 1.0
TRIM_S = 10.0
LATE_MS = 60_000
"""The log may wait for so long before that is an alarm."""
COLUMNS_S = 30.0
"""So often it is seen what of the archive has come to rest, to be copied by columns."""
LAST_S = 5.0
"""How long a stopping archiver may take for what is left."""
EARLIER_MS = 60_000
"""A live call's first entry was written at most so long before it arrived, by the clocks of two machines."""
LONGEST_CALL_MS = 86_400_000
"""A call without an end that is older keeps the log from being trimmed no longer."""


class Archiver:
    """One process' work, from start to stop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopping = asyncio.Event()
        self.alarm = ""
        """Why nothing is archived now; empty while it is."""
        self.waiting = False
        """Another archiver, of another host, does the work: there is nothing to be told."""
        engine = connect(settings.archive)
        self.writer = Writer(engine, settings.site)
        where = place(engine)
        self.place = f"{socket.gethostname()}:{where}" if is_sqlite(engine) else where
        self._thread = ThreadPoolExecutor(1)
        self._trimmed_at = time.monotonic()

    async def run(self) -> None:
        """Archive until it is stopped, and then what is left.

        An error of ours beside that ends it, too: it is seen then, and whoever supervises starts it again.
        """
        try:
            await first_over(self._work(), self._look(), self._copy())
        finally:
            await self._in_thread(self.writer.close)
            self.writer.engine.dispose()
            self._thread.shutdown()

    async def _work(self) -> None:
        while not self.stopping.is_set():
            try:
                await self._archive()
            except ArchiveHeld as held:
                if not self.waiting:
                    log.info("%s: this one waits to take its place", held)
                self.waiting = True
                await self._wait(RETRY_S)
            except (ArchiveAway, LogAway) as error:
                self._away(str(error))
                await self._wait(RETRY_S)

    async def _archive(self) -> None:
        """What was given before and not acknowledged, then what comes."""
        await self._in_thread(self.writer.open)
        async with Feed(self.settings.redis, self.settings.site, self.writer.archive) as feed:
            if not await feed.attach(self.writer.position):
                log.warning("the log in Redis begins after the end of the archive: what was between is lost")
            self._goes_on()
            if self.writer.outdated:
                log.warning(
                    "an older version has derived the tables of the archive: `holdfast archive rebuild`"
                )
            readiness.tell()
            while entries := await feed.pending(BATCH):
                await self._write(feed, entries)
            deadline = 0.0
            while True:
                entries = await feed.coming(BATCH, 1 if self.stopping.is_set() else BLOCK_MS)
                if entries:
                    await self._write(feed, entries)
                if self.stopping.is_set():
                    deadline = deadline or time.monotonic() + LAST_S
                    if not entries or time.monotonic() > deadline:
                        return
                elif len(entries) < BATCH:
                    await self._wait(GATHER_S)

    async def _write(self, feed: Feed, entries: list[Entry]) -> None:
        written = await self._in_thread(lambda: self.writer.write(entries))
        if written.aside:
            log.warning("%d lines kept aside, no events: see `holdfast archive kept`", written.aside)
        await feed.acknowledge(entries)

    # The copy by columns

    async def _copy(self) -> None:
        """Make files of columns, one at a time, in a thread of its own."""
        loop, thread = asyncio.get_running_loop(), ThreadPoolExecutor(1)
        maker: Maker | None = None
        try:
            while True:
                await asyncio.sleep(COLUMNS_S)
                try:
                    if maker is None:
                        maker = Maker(connect(self.settings.archive, read_only=True), self.settings.columns)
                    await loop.run_in_executor(thread, self._make, maker)
                except ArchiveAway as error:
                    log.warning("no copy of the archive by columns, reports will be slow: %s", error)
        finally:
            thread.shutdown()
            if maker is not None:
                maker.close()

    def _make(self, maker: Maker) -> None:
        """What can be made now, until the archiver is to stop."""
        for _ in maker.make(int(time.time() * 1000)):
            if self.stopping.is_set():
                return

    # Telling

    async def _look(self) -> None:
        """Tell how it is, and trim, beside the work: also while that hangs."""
        while True:
            archive = self.writer.archive
            async with Feed(self.settings.redis, self.settings.site, archive) as feed:
                while archive == self.writer.archive:
                    with suppress(LogAway):  # the archiver itself says so
                        await self._tell(feed)
                    await asyncio.sleep(TELL_S)

    async def _tell(self, feed: Feed) -> None:
        writer = self.writer
        if self.waiting:
            return
        count, ms = await feed.lag(writer.position)
        alarm = self.alarm or (f"archiving is {ms / 1000:.0f} s late" if ms > LATE_MS else "")
        await feed.tell(
            ArchiveState(
                place=self.place,
                archive=writer.archive,
                position=writer.position,
                lag_entries=count,
                lag_ms=ms,
                alarm=alarm,
                lines=writer.lines,
                kept_aside=writer.kept_aside,
                seen_at=int(time.time() * 1000),
            )
        )
        if not alarm and writer.position and time.monotonic() - self._trimmed_at > TRIM_S:
            self._trimmed_at = time.monotonic()
            await feed.trim(writer.position, self.keep_from_ms(int(time.time() * 1000)))

    def keep_from_ms(self, now_ms: int) -> int:
        """From when on the log stays in Redis, archived or not: some time, and as long as a call goes on."""
        bound = now_ms - self.settings.log_minutes * 60_000
        lately = [at for at in list(self.writer.live.values()) if at > now_ms - LONGEST_CALL_MS]
        return min(bound, *(at - EARLIER_MS for at in lately)) if lately else bound

    def _away(self, reason: str) -> None:
        if reason != self.alarm:
            log.error("archiving has stopped, the call log waits in Redis: %s", reason)
        self.alarm = reason

    def _goes_on(self) -> None:
        if self.alarm:
            log.info("archiving goes on")
        self.alarm, self.waiting = "", False

    # Waiting

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _wait(self, seconds: float) -> None:
        """So long, or until it is to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()


async def _main(settings: Settings) -> None:
    archiver = Archiver(settings)
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, archiver.stopping.set)
    await archiver.run()


def main() -> None:
    logging.basicConfig(
        level=os.environ.get("HOLDFAST_LOG", "INFO"), format="%(asctime)s %(levelname)s %(message)s"
    )
    os.nice(5)  # calls come first
    logging.getLogger("alembic").setLevel(logging.WARNING)
    uvloop.run(_main(Settings()))


if __name__ == "__main__":
    main()
