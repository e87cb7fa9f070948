"""`holdfast audit` proves that the call log is sound, and that its archive is what was written."""

import asyncio
import sys

import click
import msgspec
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
from calllog.grammar import Violation
from calllog.printable import escaped, printable, printable_json
from calllog.scope import EVERYTHING
from calllog.stream import LogStream
from ivr.cli import AWAY, FINDINGS, OK, json_option
from ivr.settings import Settings
from queues.errors import StoreAway
from queues.store import Store

ALL_CALLS = 1_000_000


@click.command()
@json_option
def audit(as_json: bool) -> None:
    """Prove that the call log is sound, and that the archive holds it.

    Reads the archive, and what is not archived yet, and checks that every call follows the grammar, began
    and ended exactly once and has durations that add up; that for every queue offered = answered +
    abandoned + flowed out + failed + waiting; that every agent was in exactly one state at any instant and
    never had two calls; that of two callers of a queue with the same needs and head start the first was
    offered first; that the counters that routing keeps equal the log; that each row of the archive's tables
    is what the events give; that what was acknowledged is in the archive. Lines that are no events are told.
    Each call that breaks a rule is named.

    \b
    Exit codes: 0 sound · 1 at least one rule is broken · 2 wrong usage
                3 Redis or the archive is away
    """
    try:
        report, stand = asyncio.run(_audit())
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
        _tell(report, stand)
    sys.exit(FINDINGS if report.violations else OK)


async def _audit() -> tuple[Report, Stand]:
    """Audit a log that grows while it is read: what is live, and what was counted, is asked on both sides."""
    settings = Settings()
    engine = archive(settings)
    store = Store(settings.redis, settings.site)
    try:
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("reading the archive", visible=False)

            def progress(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total, visible=True)

            async with LogStream(settings.redis, settings.site) as stream:
                log = AuditedLog(stream, engine, EVERYTHING, everything=True, progress=progress)
                before = await _counters(store)
                await log.read()
                live = {view.call for view in await store.calls(ALL_CALLS)}
                known = log.fold.open_calls
                await log.read()
                live |= log.fold.open_calls - known
                await log.compare_acknowledged()
                return log.fold.finish(live, before, await _counters(store)), log.stand
    finally:
        await store.close()
        if engine is not None:
            engine.dispose()


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


def _tell(report: Report, stand: Stand) -> None:
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
    if report.queues:
        console.print()
        console.print(_balance(report.queues))
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


def _balance(queues: dict[str, QueueCounts]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="")
    table.add_column("queue", overflow="fold")
    for heading in ("offered =", "answered +", "abandoned +", "flowed out +", "failed +", "waiting"):
        table.add_column(heading, justify="right")
    for name, counts in queues.items():
        numbers = (
            counts.offered,
            counts.answered,
            counts.abandoned,
            counts.flowed_out,
            counts.failed,
            counts.waiting,
        )
        table.add_row(Text(printable(name)), *(f"{number:,}" for number in numbers))
    return table
