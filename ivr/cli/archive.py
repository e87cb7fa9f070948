"""`holdfast archive`: how the archive of the call log is, what it has kept aside, and tables made anew."""

import asyncio
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from sqlalchemy import select

from calllog.archive.database import connect, upkept
from calllog.archive.rebuild import rebuild as make_anew
from calllog.archive.schema import kept_aside
from calllog.columns.files import of_archive
from calllog.columns.making import Maker
from calllog.errors import ArchiveAway, LogAway
from calllog.events import HIDDEN
from calllog.printable import duration, escaped, printable, printable_json
from calllog.stream import GIVEN_UP_S, ArchiveState, LogStream
from ivr.cli import AWAY, FINDINGS, OK, json_option
from ivr.settings import Settings

UNSEEN_MS = 10_000
"""An archiver tells how it is once a second: one that has not for so long does not run, or hangs."""


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def archive(ctx: click.Context, as_json: bool) -> None:
    """The archive: the call log in SQL, which every figure comes from.

    Without a command: `status`.

    \b
    Exit codes: 0 done · 1 archiving stands still or is late, or lines are kept aside
                2 wrong usage · 3 Redis or the archive is away
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(status, as_json=as_json)


@archive.command()
@json_option
def status(as_json: bool) -> None:
    """How far the archive is, what waits in Redis, and what is wrong.

    \b
    Exit codes: 0 all is well · 1 an alarm, or lines are kept aside · 2 wrong usage · 3 Redis is away
    """
    states = _guarded(lambda: asyncio.run(_states()))
    now = int(time.time() * 1000)
    facts = [msgspec.to_builtins(state) | {"alarm": _alarm(state, now)} for state in states]
    if as_json:
        click.echo(printable_json(msgspec.json.encode(facts).decode()))
    else:
        _tell(states, now)
    found = not states or any(fact["alarm"] or fact["kept_aside"] for fact in facts)
    sys.exit(FINDINGS if found else OK)


def _alarm(state: ArchiveState, now: int) -> str:
    unseen = now - state.seen_at
    if unseen > UNSEEN_MS:
        return f"its archiver has said nothing for {duration(unseen)}: is `holdfast serve` running?"
    return state.alarm


def _tell(states: list[ArchiveState], now: int) -> None:
    console = Console(highlight=False)
    if not states:
        console.print("No archiver has run yet: `holdfast serve` starts it.")
    for state in states:
        table = Table(box=None, show_header=False, padding=(0, 1))
        reached = int(state.position.partition("-")[0] or 0)
        until = (
            f"{datetime.fromtimestamp(reached / 1000).astimezone():%d %b %Y, %H:%M:%S %Z}" if reached else "-"
        )
        table.add_row("archive", Text(escaped(state.place)))
        table.add_row("until", until)
        table.add_row("lines", f"{state.lines:,}, of them kept aside {state.kept_aside:,}")
        waits = f"{state.lag_entries:,} entries in Redis, for {duration(state.lag_ms)}"
        known = now - state.seen_at <= UNSEEN_MS
        table.add_row("waiting", (waits if state.lag_entries else "nothing") if known else "not known")
        console.print(table)
        if alarm := _alarm(state, now):
            console.print(Text(f"✗ {escaped(alarm)}"))
            if now - state.seen_at > UNSEEN_MS:
                days = GIVEN_UP_S // 86_400
                console.print(
                    Text(f"  No more used? holdfast archive forget {state.archive} (else after {days} days)")
                )
        elif state.kept_aside:
            console.print("  Lines that are no events of this site: holdfast archive kept")
        else:
            console.print("✓ All is well.")
        console.print()


@archive.command()
@json_option
@click.option("--redact", is_flag=True, help="Hide the lines themselves: numbers of people may be in them.")
def kept(as_json: bool, redact: bool) -> None:
    """Lines of the log that are no events of this site: place, reason, and the line.

    \b
    Exit codes: 0 there are none · 1 there are some · 2 wrong usage · 3 the archive is away
    """
    rows = _guarded(_kept)
    for row in rows:
        raw = row["raw"].decode(errors="replace")
        said = HIDDEN if redact and raw else raw
        if as_json:
            click.echo(printable_json(msgspec.json.encode(row | {"raw": said}).decode()))
        else:
            click.echo(f"{row['position']} line {row['line']}: {escaped(row['reason'])}: {escaped(said)}")
    sys.exit(FINDINGS if rows else OK)


def _kept() -> list[dict[str, Any]]:
    engine = connect(Settings().archive, read_only=True)
    try:
        with upkept(engine), engine.connect() as connection:
            rows = connection.execute(select(kept_aside).order_by(kept_aside.c.n)).mappings()
            return [dict(row) for row in rows]
    finally:
        engine.dispose()


@archive.command()
@json_option
def rebuild(as_json: bool) -> None:
    """Make every table that is derived from the events anew. They are the same afterwards, if all was well.

    The server may go on meanwhile. What is interrupted can be begun again.

    \b
    Exit codes: 0 done · 2 wrong usage · 3 the archive is away
    """
    bar = Progress(
        TextColumn("rebuilding"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} events"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    began, events = time.monotonic(), 0
    with bar:
        task = bar.add_task("rebuild", total=0)

        def tell(done: int, total: int) -> None:
            nonlocal events
            events = total
            bar.update(task, completed=done, total=total)

        _guarded(lambda: _rebuild(tell))
    took_s = round(time.monotonic() - began, 1)
    if as_json:
        click.echo(msgspec.json.encode({"events": events, "took_s": took_s}).decode())
    else:
        click.echo(f"✓ Rebuilt from {events:,} events in {duration(took_s * 1000)}.")


def _rebuild(tell: Callable[[int, int], None]) -> None:
    settings = Settings()
    connect(settings.archive, read_only=True).dispose()  # else one would be begun here
    engine = connect(settings.archive)
    try:
        make_anew(engine, tell)
    finally:
        engine.dispose()


@archive.command()
def columns() -> None:
    """Make the copy by columns that reports are answered from, as far as it is missing or cannot be read.

    The archiver does it by itself, some minutes after something has been written; this is for an archive
    that has come from elsewhere, and for files that a report could not read. Reports are right without the
    copy, but take longer.

    \b
    Exit codes: 0 made · 2 wrong usage · 3 the archive is away, or the copy cannot be written
    """
    settings = Settings()

    def make() -> int:
        archive = connect(settings.archive, read_only=True)
        with closing(Maker(archive, settings.columns, settled_ms=0, doubting=True)) as maker:
            return sum(1 for _ in maker.make(int(time.time() * 1000)))

    click.echo(f"files made: {_guarded(make):,}")
    sys.exit(OK)


@archive.command()
@click.argument("name", metavar="ARCHIVE")
@json_option
def forget(name: str, as_json: bool) -> None:
    """Wait no longer for an archive that is not used any more; the archive itself stays as it is.

    Its name is told by `status`. Redis keeps the log for every archive that it knows of. Its copy by columns
    in this data directory is removed, unless its archiver still runs.

    \b
    Exit codes: 0 done · 1 there is none of this name · 2 wrong usage · 3 Redis is away
    """
    state = _guarded(lambda: asyncio.run(_forget(name)))
    if state is None:
        click.echo(f"holdfast: no archive {printable(name)} is known: holdfast archive status", err=True)
        sys.exit(FINDINGS)
    text = (
        msgspec.json.encode(state).decode()
        if as_json
        else f"✓ Not waited for any more: {escaped(state.place)}"
    )
    click.echo(text)


async def _states() -> list[ArchiveState]:
    settings = Settings()
    async with LogStream(settings.redis, settings.site) as stream:
        return sorted(await stream.archives(), key=lambda state: state.place)


async def _forget(name: str) -> ArchiveState | None:
    settings = Settings()
    async with LogStream(settings.redis, settings.site) as stream:
        known = [state for state in await stream.archives() if name in (state.archive, state.place)]
        if known:
            await stream.forget(known[0])
            if int(time.time() * 1000) - known[0].seen_at > UNSEEN_MS:
                _remove_columns(known[0].archive)
        return known[0] if known else None


def _remove_columns(archive: str) -> None:
    try:
        for path, _ in list(of_archive(Settings().columns, archive)):
            shutil.rmtree(path)
    except OSError as error:
        raise ArchiveAway(f"{error.filename} cannot be removed: {error.strerror}") from error


def _guarded(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except (ArchiveAway, LogAway) as error:
        click.echo(f"holdfast: {escaped(str(error))}", err=True)
        sys.exit(AWAY)
