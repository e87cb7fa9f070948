"""`holdfast log` shows what has happened."""

import asyncio
import sys
from collections.abc import Coroutine
from contextlib import aclosing

import click
import msgspec
from rich.console import Console

from calllog.call_events import CallEvent
from calllog.errors import LogAway
from calllog.events import Disposition, encode, redacted
from calllog.printable import escaped, printable, printable_json
from calllog.stream import Entry, LogStream, is_about
from calllog.table import CallTable
from calllog.words import line
from ivr.cli import AWAY, FINDINGS, OK, json_option, past
from ivr.settings import Settings

TAIL = 10
RETRY_S = 1.0
LOOK_BACK = 5000


class Printer:
    """Entries of the log on the terminal, as words or as JSON lines; counts those that cannot be read."""

    def __init__(self, as_json: bool, redact: bool) -> None:
        self.as_json, self.redact = as_json, redact
        self.broken = 0

    def entry(self, entry: Entry) -> None:
        """One line for this entry. What cannot be read is told by place and reason, never by content."""
        if entry.event is None:
            self.broken += 1
            note = {"position": entry.position, "broken": entry.broken}
            if self.as_json:
                click.echo(printable_json(msgspec.json.encode(note).decode()))
            else:
                click.echo(f"entry {entry.position} cannot be read: {escaped(entry.broken)}", err=True)
            return
        if self.as_json:
            raw = encode(redacted(entry.event)) if self.redact else entry.raw
            click.echo(printable_json(raw.decode()))
        else:
            click.echo(line(redacted(entry.event) if self.redact else entry.event))

    @property
    def exit_code(self) -> int:
        """1 if something could not be read."""
        return FINDINGS if self.broken else OK


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with whatever happens next, until Ctrl-C.")
@click.option(
    "-c", "--call", metavar="ID", help="Only this call, as a table; `last`: the call that came last."
)
@click.option("-n", "--last", type=click.IntRange(min=0), metavar="N", help="Only the last N events.")
@json_option
@click.option("--redact", is_flag=True, help="Hide callers' numbers and digits.")
def log(follow: bool, call: str | None, last: int | None, as_json: bool, redact: bool) -> None:
    """Show the call log.

    Without options the whole log is printed, one line per event, oldest first. --follow prints the last
    10 events and goes on; with --call it prints that call's events until the call has ended.
    --json prints one JSON object per line; its fields are in docs/call-log.md.

    Text that callers choose (numbers, names) is shown with everything unprintable escaped. Entries that
    cannot be read are told with their place and the reason.

    \b
    Exit codes: 0 done · 1 no such call, or entries could not be read
                2 wrong usage · 3 Redis is away
    """
    printer = Printer(as_json, redact)
    if call and last is not None:
        raise click.UsageError("--last and --call exclude each other")
    if follow:
        work = _follow(printer, call, TAIL if last is None else last)
    elif call:
        work = _one_call(printer, call)
    else:
        work = _whole(printer, last)
    _run(work)


def _run(work: Coroutine[None, None, int]) -> None:
    try:
        code = asyncio.run(work)
    except LogAway as error:
        click.echo(f"holdfast: {escaped(str(error))}", err=True)
        code = AWAY
    except KeyboardInterrupt:
        code = OK
    sys.exit(code)


def _stream() -> LogStream:
    settings = Settings()
    return LogStream(settings.redis, settings.site)


async def _whole(printer: Printer, last: int | None) -> int:
    async with _stream() as stream:
        if last is not None:
            for entry in await stream.last(last):
                printer.entry(entry)
        else:
            async for entry in stream.read():
                printer.entry(entry)
    return printer.exit_code


async def _one_call(printer: Printer, call: str) -> int:
    async with _stream() as stream:
        call = await _named(stream, call)
        entries = await past.of_call(stream, call)
    if not entries:
        click.echo(f"holdfast: the log knows no call {printable(call)}", err=True)
        return FINDINGS
    if printer.as_json:
        for entry in entries:
            printer.entry(entry)
        return printer.exit_code
    told = [entry.event for entry in entries if isinstance(entry.event, CallEvent | Disposition)]
    Console(highlight=False).print(CallTable(told, redact=printer.redact))
    for entry in entries:
        if entry.event is None:
            printer.entry(entry)
    return printer.exit_code


async def _named(stream: LogStream, call: str) -> str:
    """The call that is meant: its id, or `last`."""
    if call != "last":
        return call
    for entry in reversed(await stream.last(LOOK_BACK)):
        if isinstance(entry.event, CallEvent):
            return entry.event.call
    return past.last_call() or call


async def _follow(printer: Printer, call: str | None, tail: int) -> int:
    """Print what there is, then what comes; a Redis that goes away is waited for, and nothing is missed."""
    async with _stream() as stream:
        if call:
            call = await _named(stream, call)
            entries = await past.of_call(stream, call)
        else:
            entries = await stream.last(max(tail, 1))
        position = entries[-1].position if entries else "0-0"
        for entry in entries if call or tail else []:
            printer.entry(entry)
        if not (call and _over(entries)):
            await _go_on(printer, stream, call, position)
    return printer.exit_code


async def _go_on(printer: Printer, stream: LogStream, call: str | None, position: str) -> None:
    away = False
    while True:
        try:
            async with aclosing(stream.follow(position)) as coming:
                async for entry in coming:
                    position, away = entry.position, False
                    if call and not is_about(entry.event, call):
                        continue
                    printer.entry(entry)
                    if call and _over([entry]):
                        return
        except LogAway as error:
            if not away:
                click.echo(f"holdfast: {escaped(str(error))}; waiting for it", err=True)
            away = True
            await asyncio.sleep(RETRY_S)


def _over(entries: list[Entry]) -> bool:
    return any(entry.event is not None and entry.event.kind == "ended" for entry in entries)
