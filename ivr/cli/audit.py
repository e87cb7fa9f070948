"""`holdfast audit` proves that the call log is sound, and that its archive is what was written."""

import asyncio
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import get_args

import click
import msgspec
from click.core import ParameterSource
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from calllog.archive.database import connect
from calllog.audit import AgentCounters, Report
from calllog.audit_log import AuditedLog, Stand
from calllog.balance import QueueCounts
from calllog.errors import ArchiveAway, LogAway
from calllog.figures.period import Interval, Period, local, zone_of
from calllog.grammar import Violation
from calllog.printable import escaped, printable, printable_json
from calllog.scope import EVERYTHING, Scope
from calllog.stream import LogStream
from ivr.cli import AWAY, FINDINGS, OK, json_option
from ivr.cli.period import period_options
from ivr.settings import Settings
from queues.errors import StoreAway
from queues.store import Store

ALL_CALLS = 1_000_000
COMMANDLINE = ParameterSource.COMMANDLINE


@click.command()
@period_options
@click.option(
    "--interval",
    type=click.Choice(get_args(Interval)),
    default="whole",
    show_default=True,
    help="Into what the counts of each queue are cut.",
)
@json_option
def audit(period: Period, interval: Interval, as_json: bool) -> None:
    """Prove that the call log is sound, and that the archive holds it.

    Without a period everything is audited. Of a period each call that began in it is judged wholly, also if
    it went on beyond it, and what happened to agents in it; the counters that routing keeps are compared
    only if everything is.

    Reads the archive, and what is not archived yet, and checks that every call follows the grammar, began
    and ended exactly once and has durations that add up; that for every queue offered = answered +
    abandoned + flowed out + failed + waiting; that every agent was in exactly one state at any instant and
    never had two calls; that of two callers of a queue with the same needs and head start the first was
    offered first; that the counters that routing keeps equal the log; that each row of the archive's tables
    is what the events give; that what was acknowledged is in the archive. Lines that are no events are told.
    Each call that breaks a rule is named.

    \b
    Exit codes: 0 sound · 1 at least one rule is broken · 2 wrong usage
                3 the archive is away; or Redis is, and what is asked is not all in the archive
    """
    asked = period if _asked() else None
    if asked is None and interval != "whole":
        raise click.UsageError("--interval needs a period to cut: add --day, --last or --from")
    try:
        report, stand = asyncio.run(_audit(asked, interval))
    except (LogAway, StoreAway, ArchiveAway) as error:
        click.echo(f"holdfast: {escaped(str(error))}", err=True)
        sys.exit(AWAY)
    except SQLAlchemyError as error:
        click.echo(f"holdfast: the archive cannot be read: {escaped(str(error).splitlines()[0])}", err=True)
        sys.exit(AWAY)
    except KeyboardInterrupt:
        sys.exit(OK)
    if as_json:
        facts = {"sound": not report.violations, **msgspec.to_builtins(report), **msgspec.to_builtins(stand)}
        click.echo(printable_json(msgspec.json.encode(facts).decode()))
    else:
        _tell(report, stand, period.zone)
    sys.exit(FINDINGS if report.violations else OK)


def _asked() -> bool:
    """Whether a period was asked for."""
    context = click.get_current_context()
    return any(context.get_parameter_source(name) is COMMANDLINE for name in ("from_", "to", "day", "last"))


async def _audit(period: Period | None, interval: Interval) -> tuple[Report, Stand]:
    """Audit the log; if Redis is away, a period that the archive has all of."""
    settings = Settings()
    engine = archive(settings)
    store = Store(settings.redis, settings.site)
    scope = Scope(period.from_at, period.to_at) if period else EVERYTHING
    try:
        with _progress() as progress:
            async with LogStream(settings.redis, settings.site) as stream:
                cut = begins(period, interval)
                log = AuditedLog(stream, engine, scope, period is None, progress, cut)
                try:
                    return await _whole(log, store)
                except (LogAway, StoreAway):
                    log = AuditedLog(stream, engine, scope, period is None, progress, cut)
                    if period is None or not log.read_archived():
                        raise
                    return log.fold.finish(), log.stand
    finally:
        await store.close()
        if engine is not None:
            engine.dispose()


async def _whole(log: AuditedLog, store: Store) -> tuple[Report, Stand]:
    """Audit a log that grows while it is read: what is live, and what was counted, is asked on both sides."""
    before = await _counters(store) if log.everything else None
    await log.read()
    live = {view.call for view in await store.calls(ALL_CALLS)}
    known = log.fold.open_calls
    await log.read()
    live |= log.fold.open_calls - known
    await log.compare_acknowledged()
    after = await _counters(store) if log.everything else None
    return log.fold.finish(live, before, after), log.stand


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal's error output, once there is something to wait for."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading the archive", visible=False)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, visible=True)

        yield progress


def begins(period: Period | None, interval: Interval) -> Callable[[int], int]:
    """An instant of the period → the beginning of its interval, on the clock of the period's zone."""
    edges = [span.from_at for span in period.intervals(interval)] if period else [0]
    return lambda at: edges[bisect_right(edges, at) - 1]


def archive(settings: Settings) -> Engine | None:
    """The archive to be read; None: there is none yet, everything is on the stream."""
    try:
        return connect(settings.archive, read_only=True)
    except ArchiveAway:
        if settings.archive_url:
            raise
        return None


async def _counters(store: Store) -> dict[str, AgentCounters]:
    return {view.agent: AgentCounters(view.calls, view.talk_ms) for view in await store.agents()}


def _tell(report: Report, stand: Stand, zone: str) -> None:
    console = Console(highlight=False)
    console.print(
        f"{report.events:,} events, {report.calls:,} calls ({report.ended:,} ended, {report.live:,} live), "
        f"{report.agents:,} agents; {report.broken:,} entries unreadable"
    )
    if stand.compared or stand.acknowledged:
        console.print(
            f"{stand.compared:,} rows of the archive compared with their events, "
            f"{stand.acknowledged:,} lines with the stream; {stand.waiting:,} not archived yet"
        )
    if stand.without_stream:
        console.print(
            "Redis is away: the stream was not looked at. The archive has all of the period; that it holds "
            "what the stream held was not compared."
        )
    if report.queues:
        console.print()
        console.print(_balance(report, zone))
    console.print()
    if report.violations:
        _tell_findings(console, report)
    else:
        console.print("✓ Sound: no rule is broken.")


def _tell_findings(console: Console, report: Report) -> None:
    """Every finding, under the call it was found in."""
    by_owner: dict[str, list[Violation]] = {}
    for violation in report.violations:
        by_owner.setdefault(violation.call, []).append(violation)
    console.print(f"✗ {len(report.violations):,} findings, in {len(by_owner):,} places:")
    for owner, violations in by_owner.items():
        table = Table(box=None, show_header=False, padding=(0, 1))
        table.add_column(min_width=9, no_wrap=True)
        table.add_column(min_width=8, no_wrap=True)
        table.add_column(overflow="fold")
        for violation in violations:
            where = f"event {violation.seq}" if violation.seq else ""
            table.add_row(where, violation.rule, Text(escaped(violation.what)))
        console.print()
        console.print(Text(printable(owner), style="bold"))
        console.print(table)


def _balance(report: Report, zone: str) -> Table:
    """One line per queue, and before it one for each of its intervals if there are several."""
    table = Table(box=None, padding=(0, 1), header_style="")
    table.add_column("queue", overflow="fold")
    cut = len({begins_at for _, begins_at, _ in report.intervals}) > 1
    if cut:
        table.add_column("joined from")
    for heading in ("offered =", "answered +", "abandoned +", "flowed out +", "failed +", "waiting"):
        table.add_column(heading, justify="right")
    for name, total in report.queues.items():
        for queue, begins_at, counts in report.intervals if cut else ():
            if queue == name:
                when = f"{local(begins_at, zone_of(zone)):%d %b %Y %H:%M %Z}"
                table.add_row(Text(printable(name)), when, *_row(counts))
        table.add_row(Text(printable(name)), *(["all"] if cut else []), *_row(total))
    return table


def _row(counts: QueueCounts) -> list[str]:
    return [f"{number:,}" for number in vars(counts).values()]
