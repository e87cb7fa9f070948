"""`holdfast queue-log` writes the call log in the format of Asterisk's queue_log."""

import asyncio
import heapq
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
import msgspec
from sqlalchemy.exc import SQLAlchemyError

from calllog.append import Appender
from calllog.errors import ArchiveAway, LogAway
from calllog.figures.period import Period
from calllog.printable import escaped, printable_json
from calllog.queue_log import Line, QueueLog
from calllog.reading import LogReader
from calllog.stream import LogStream
from ivr.cli import AWAY, OK, REFUSED, json_option
from ivr.cli.audit import archive
from ivr.cli.period import period_options
from ivr.settings import Settings
from queues.errors import StoreAway
from queues.models import is_direct_line
from queues.store import Store

POLL_S = 0.5
RETRY_S = 1.0
LATE_MS = 3_600_000
"""What happened while Redis was away is written later, rarely by more than this."""
BESIDE_S = 60
"""A worker at its limit may write an event so much later than others have those of that time."""


@click.command("queue-log")
@period_options
@click.option(
    "-f",
    "--follow",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append to this file, and go on with whatever happens next, until Ctrl-C.",
)
@json_option
@click.option("--redact", is_flag=True, help="Hide callers' numbers and the keys they pressed.")
def queue_log(period: Period, follow: Path | None, as_json: bool, redact: bool) -> None:
    """Write the log as Asterisk's queue_log, for tools that read that.

    Prints the records of a period (today) in their order, as Asterisk would have written them to
    /var/log/asterisk/queue_log; docs/queue-log.md says what becomes of what Asterisk does not know.

    With --follow the records are appended to a file as they come, at first those since the beginning of the
    period. Beside the file stands how far that was (FILE.position): started again, the command goes on from
    there, and nothing is written twice. If the file was moved away, a new one begins.

    \b
    Exit codes: 0 done · 2 wrong usage · 3 Redis or the archive is away
                4 the file cannot be written
    """
    if follow and as_json:
        raise click.UsageError("--json and --follow exclude each other")
    _run(_follow(follow, period, redact) if follow else _print(period, as_json, redact))


def _run(work: Coroutine[None, None, None]) -> None:
    code = OK
    try:
        asyncio.run(work)
    except (LogAway, StoreAway, ArchiveAway) as error:
        click.echo(f"holdfast: {escaped(str(error))}", err=True)
        code = AWAY
    except SQLAlchemyError as error:
        click.echo(f"holdfast: the archive cannot be read: {escaped(str(error).splitlines()[0])}", err=True)
        code = AWAY
    except KeyboardInterrupt:
        code = OK  # the way to end --follow
    sys.exit(code)


@asynccontextmanager
async def _opened(redact: bool) -> AsyncIterator[tuple[LogReader, QueueLog]]:
    settings = Settings()
    engine = archive(settings)
    store = Store(settings.redis, settings.site)
    try:
        queues_of = {
            view.agent: [queue for queue in view.queues if not is_direct_line(queue)]
            for view in await store.agents()
        }
        async with LogStream(settings.redis, settings.site) as stream:
            reader = LogReader(stream, engine)
            yield reader, QueueLog(reader.earlier, queues_of, redact=redact)
    finally:
        await store.close()
        if engine is not None:
            engine.dispose()


async def _print(period: Period, as_json: bool, redact: bool) -> None:
    ordered = _Ordered()
    begin, end = -(-period.from_at // 1000), -(-period.to_at // 1000)
    async with _opened(redact) as (reader, log):
        reader.begin_at(period.from_at - period.from_at % 1000)
        async for events in reader.pages():
            for event in events:
                for line in log.add(event):
                    ordered.put(line)
                written, open_since = event.logged_at // 1000 - BESIDE_S, log.undecided_since
                for line in ordered.until(written if open_since is None else min(written, open_since)):
                    _show(line, begin, end, as_json)
                if event.logged_at >= period.to_at + LATE_MS and log.undecided_since is None:
                    return
        for line in ordered.until(None):
            _show(line, begin, end, as_json)


def _show(line: Line, begin: int, end: int, as_json: bool) -> None:
    if not begin <= line.at < end:
        return
    if as_json:
        at, call, queue, agent, record, *data = line.text.split("|")
        said = {"at": int(at), "call": call, "queue": queue, "agent": agent, "record": record, "data": data}
        click.echo(printable_json(msgspec.json.encode(said).decode()))
    else:
        click.echo(line.text)


class _Ordered:
    """Lines by their seconds: events come as they were written; how a talk ended is known after its end."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, int, Line]] = []
        self._count = 0

    def put(self, line: Line) -> None:
        self._count += 1
        heapq.heappush(self._lines, (line.at, self._count, line))

    def until(self, second: int | None) -> Iterator[Line]:
        """Take out the lines of before this second; None: all."""
        while self._lines and (second is None or self._lines[0][0] < second):
            yield heapq.heappop(self._lines)[2]


async def _follow(path: Path, period: Period, redact: bool) -> None:
    try:
        appender = Appender(path, period.from_at)
        async with _opened(redact) as (reader, log):
            after = appender.noted.after
            if not after:
                reader.begin_at(appender.noted.since)
            elif reader.begin_behind(after):
                after = ""
            await _go_on(reader, log, appender, after)
    except OSError as error:
        click.echo(f"holdfast: {path}: {error.strerror}", err=True)
        sys.exit(REFUSED)


async def _go_on(reader: LogReader, log: QueueLog, appender: Appender, skip_to: str) -> None:
    """Append what comes. `skip_to`: the event up to which everything is in the file already."""
    away = False
    begin = appender.noted.since // 1000
    while True:
        try:
            async for events in reader.pages():
                away = False
                lines = []
                for event in events:
                    said = log.add(event)
                    if not skip_to:
                        lines += [line.text for line in said if line.at >= begin]
                    elif event.id == skip_to:
                        skip_to = ""
                if lines:
                    appender.append(lines, events[-1].id)
            if skip_to:
                click.echo(
                    "holdfast: the log does not know any more what was written last; going on", err=True
                )
                skip_to = ""
        except (LogAway, SQLAlchemyError) as error:
            if not away:
                click.echo(f"holdfast: {escaped(str(error).splitlines()[0])}; waiting for it", err=True)
            away = True
            await asyncio.sleep(RETRY_S)
        await asyncio.sleep(POLL_S)
