"""A report that is asked for: made from the archive, and shown in the way that is wanted."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click
from sqlalchemy.exc import SQLAlchemyError

from calllog.archive.database import connect
from calllog.errors import ArchiveAway, ColumnsAway
from calllog.figures.period import Interval, Period
from calllog.printable import escaped
from calllog.report.abandoned import abandoned
from calllog.report.agents import agents
from calllog.report.calls import calls
from calllog.report.chosen import Chosen
from calllog.report.compare import compare
from calllog.report.flows import flows
from calllog.report.model import Report, redacted
from calllog.report.numbers import numbers
from calllog.report.page import page_of
from calllog.report.queues import intervals, queues
from calllog.report.routing import routing
from calllog.report.sheet import csv_pieces, json_pieces
from calllog.report.source import Source, Told
from calllog.report.surveys import surveys
from calllog.scratch import Scratch
from ivr.cli import AWAY, OK, REFUSED
from ivr.cli.period import BadPeriod, now_ms, span_of
from ivr.settings import Settings
from ivr.thresholds import thresholds_of


def _calls(source: Source, **chosen: Any) -> Report:
    return calls(source, Chosen(**chosen))


def _compare(source: Source, one: str, other: str) -> Report:
    return compare(source.over(_span(one, source)), source.over(_span(other, source)))


def _span(text: str, source: Source) -> Period:
    try:
        return span_of(text, source.period.zone, source.now)
    except BadPeriod as error:
        raise click.UsageError(str(error)) from None


MAKERS: Mapping[str, Callable[..., Report]] = {
    "abandoned": abandoned,
    "queues": queues,
    "intervals": intervals,
    "calls": _calls,
    "agents": agents,
    "flows": flows,
    "numbers": numbers,
    "surveys": surveys,
    "routing": routing,
    "compare": _compare,
}
"""Report → what makes it, of a Source and of the options that it alone takes."""
DEEP = ("html", "json")
"""Ways to show a report in which figures can be opened."""
MEND = "To make the copy anew: holdfast archive columns"


def show(
    report: str,
    options: Mapping[str, Any],
    period: Period,
    *,
    interval: Interval | None,
    within: float | None,
    short: float | None,
    way: str,
    redact: bool,
    wide: bool,
    output: Path | None,
) -> None:
    """Make one of MAKERS and show it. `way`: html, csv, json, or empty: tables of text. Ends the process."""
    seen = output is None and sys.stdout.isatty()

    def by(columns: Path | None) -> None:
        with ExitStack() as closed:
            with _progress() as told:
                source = _source(period, interval, way in DEEP, told, within, short, columns)
                closed.callback(source.close)
                made = MAKERS[report](source, **options)
                made = redacted(made) if redact else made
                told("the page" if way == "html" else "the tables")
                if not seen:
                    _out(made, way, output=output, wide=wide)
            if seen:  # only now: what it is doing has gone from the terminal
                _out(made, way, output=output, wide=wide)

    with _failing_well():
        _by_columns(by)


def _source(
    period: Period,
    interval: Interval | None,
    deep: bool,
    told: Told,
    within: float | None,
    short: float | None,
    columns: Path | None,
) -> Source:
    settings = Settings()
    archive = connect(settings.archive, read_only=True)
    thresholds = thresholds_of(settings.callflows, within, short)
    return Source(
        archive,
        period,
        thresholds,
        now_ms(),
        columns=columns,
        interval=interval,
        deep=deep,
        told=told,
    )


def _by_columns(show: Callable[[Path | None], None]) -> None:
    """A copy by columns that cannot be read is done without: the archive itself has everything."""
    columns = Settings().columns
    try:
        show(columns)
    except ColumnsAway as error:
        where, why = escaped(str(columns)), escaped(str(error))
        click.echo(f"holdfast: the copy by columns in {where} cannot be read: {why}", err=True)
        click.echo(f"  The archive itself is read, which takes longer. {MEND}", err=True)
        show(None)


@contextmanager
def _failing_well() -> Iterator[None]:
    """An archive that is away is told in a sentence."""
    try:
        yield
    except ArchiveAway as error:
        click.echo(f"holdfast: {escaped(str(error))}", err=True)
        sys.exit(AWAY)
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).splitlines()[0]
        click.echo(f"holdfast: the archive cannot be read: {escaped(said)}", err=True)
        sys.exit(AWAY)


@contextmanager
def _progress() -> Iterator[Told]:
    """What goes on, on standard error if that is a terminal; gone when it is done."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from ivr.cli.report_text import progress  # rich: nobody else need wait for it

    with progress() as told:
        yield told


def _pieces(made: Report, way: str, wide: bool) -> Iterator[str]:
    """The report as text, a piece at a time: its list of calls may be longer than the memory."""
    if way == "csv":
        yield from csv_pieces(made)
    elif way == "json":
        yield from json_pieces(made)
        yield "\n"
    elif way == "html":
        yield page_of(made)
    else:
        from ivr.cli.report_text import as_text  # rich: pages, sheets and programs need not wait for it

        yield as_text(made, wide)


def _out(made: Report, way: str, *, output: Path | None, wide: bool) -> None:
    if output is not None:
        _write(output, _pieces(made, way, wide))
        click.echo(f"wrote {escaped(str(output))}", err=True)
    elif way:
        try:
            for piece in _pieces(made, way, wide):
                sys.stdout.buffer.write(piece.encode("utf-8", "replace"))
        except ColumnsAway as error:  # some of it is out: it cannot be begun anew
            raise ArchiveAway(
                f"what is printed is not all, a copy cannot be read: {error}. {MEND}"
            ) from error
        sys.stdout.flush()
    else:
        from ivr.cli.report_text import print_text  # rich, as above

        print_text(made, wide)
    sys.exit(OK)


def _write(path: Path, pieces: Iterable[str]) -> None:
    """The whole file or none, for its owner alone: it may hold numbers of people."""
    try:
        scratch = Scratch(path.parent)
    except ArchiveAway as error:
        _refuse(path, str(error))
    try:
        beside = scratch.folder / path.name
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(piece.encode("utf-8", "replace") for piece in pieces)
        beside.replace(path)
    except OSError as error:
        _refuse(path, error.strerror)
    finally:
        scratch.remove()


def _refuse(path: Path, why: str | None) -> NoReturn:
    click.echo(f"holdfast: {escaped(str(path))} cannot be written: {escaped(why or '')}", err=True)
    sys.exit(REFUSED)
