"""A made-up log on a stream, an archive of its beginning, and the audit of both."""

import asyncio
from pathlib import Path
from typing import Any

from calllog.archive.database import connect
from calllog.audit import Report
from calllog.audit_log import AuditedLog, Stand
from calllog.events import AnyEvent, decode, encode
from calllog.scope import EVERYTHING, Scope
from calllog.stream import LogStream
from tests.figures.days import day
from tests.unit.calllog.archived import archived
from tests.unit.calllog.conftest import Planted


def log_of(seed: int, **options: Any) -> list[AnyEvent]:
    return [decode(line) for line in day(seed, now=1 << 60, **options)]


def busy_log() -> list[AnyEvent]:
    """A day on which every table has rows."""
    return log_of(0, calls=60, days=1, faults=True)


class Site:
    """A log on a stream, and an archive of its beginning."""

    def __init__(self, planted: Planted, path: Path, log: list[AnyEvent]) -> None:
        self.planted, self.path, self.log = planted, path, log
        pipe = planted.client.pipeline(transaction=False)
        for event in log:
            pipe.xadd(planted.key, {"e": encode(event)}, id=f"{event.logged_at}-*")
        self.positions: list[str] = pipe.execute()

    def archive(self, count: int) -> None:
        """Its first `count` events."""
        archived(self.path, self.log[:count], self.positions[:count])

    def archive_anew(self, count: int) -> None:
        """The archive has gone on meanwhile."""
        for end in ("", "-wal", "-shm"):
            Path(f"{self.path}{end}").unlink(missing_ok=True)
        self.archive(count)

    def trim(self, count: int) -> None:
        """Take the first `count` events from the stream."""
        self.planted.client.xdel(self.planted.key, *self.positions[:count])

    def audit(self, scope: Scope = EVERYTHING, path: Path | None = None) -> tuple[Report, Stand]:
        return asyncio.run(self._audit(scope, path or self.path))

    async def _audit(self, scope: Scope, path: Path) -> tuple[Report, Stand]:
        engine = connect(path, read_only=True)
        whole = scope is EVERYTHING
        try:
            async with LogStream(self.planted.url, self.planted.site) as stream:
                log = AuditedLog(stream, engine, scope, everything=whole, progress=lambda *_: None)
                await log.read()
                await log.compare_acknowledged()
                return log.fold.finish(log.fold.open_calls), log.stand
        finally:
            engine.dispose()
