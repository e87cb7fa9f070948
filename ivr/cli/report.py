"""`holdfast report`: what has happened in a time, as tables, as a page, for spreadsheets and for programs."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import SQLAlchemyError

from calllog.archive.database import connect
from calllog.errors import ArchiveAway, ColumnsAway
from calllog.figures.keys import By
from calllog.figures.period import Interval, Period
from calllog.printable import escaped
from calllog.report.abandoned import abandoned as abandoned_report
from calllog.report.agents import agents as agents_report
from calllog.report.behind import ANY
from calllog.report.calls import Chosen
from calllog.report.calls import calls as calls_report
from calllog.report.compare import compare as compare_report
from calllog.report.flows import flows as flows_report
from calllog.report.listings import LEFT
from calllog.report.model import Report, redacted
from calllog.report.numbers import numbers as numbers_report
from calllog.report.page import page_of
from calllog.report.queues import intervals as intervals_report
from calllog.report.queues import queues as queues_report
from calllog.report.sheet import csv_pieces, json_pieces
from calllog.report.source import Source, Told
from calllog.report.surveys import surveys as surveys_report
from calllog.report.terminal import Shown
from calllog.vocabulary import OvertakenReason, RefusedReason
from ivr.cli import AWAY, OK, REFUSED
from ivr.cli.period import BadPeriod, now_ms, period_options, span_of
from ivr.settings import Settings
from ivr.thresholds import thresholds_of

Command = TypeVar("Command", bound=Callable[..., Any])
INTERVALS = click.Choice(["15m", "30m", "60m", "day", "week", "month"])
REFUSED_FOR = click.Choice([ANY, *get_args(RefusedReason)])
OVERTAKEN = click.Choice([ANY, *get_args(OvertakenReason)])
SECONDS = click.FloatRange(min=0, max=86_400)
MEND = "To make the copy anew: holdfast archive columns"
WIDTH = 200
"""Of tables that are not shown on a terminal."""
WIDE = 480
"""With all columns; a pager that scrolls sideways (`less -S`) shows them."""


@click.group()
def report() -> None:
    """Show what has happened: figures first, then the calls behind them.

    Every report is shown for today, unless --day, --last or --from and --to say otherwise. On the terminal
    it is a table; --html makes a page with charts that needs nothing else and can be sent to anybody,
    --csv a sheet for spreadsheets, --json all of it for programs. What each figure means is told with it.

    \b
    holdfast report abandoned --day yesterday
    holdfast report queues --last 7d --html --output queues.html
    holdfast report calls --last 2h --queue sales --left abandoned

    \b
    Exit codes: 0 shown · 2 wrong usage · 3 there is no archive, or it cannot be reached
                4 the file could not be written
    """


def shown_as(command: Command) -> Command:
    """Adds what every report takes: the time, and how it is shown. The command gives a function of Source."""

    @wraps(command)
    def run(
        period: Period,
        html: bool,
        csv: bool,
        as_json: bool,
        redact: bool,
        wide: bool,
        output: Path | None,
        interval: Interval | None,
        within: float | None,
        short: float | None,
        **options: Any,
    ) -> None:
        way = [name for name, on in (("html", html), ("csv", csv), ("json", as_json)) if on]
        if len(way) > 1:
            raise click.UsageError(f"--{way[0]} and --{way[1]} exclude each other: give one of them")
        if html and output is None and sys.stdout.isatty():
            raise click.UsageError("--html makes a page for a browser: name its file, --output report.html")
        make: Callable[[Source], Report] = command(**options)
        deep = bool(html or as_json)
        seen = output is None and sys.stdout.isatty()

        def show(columns: Path | None) -> None:
            with ExitStack() as closed:
                with _progress() as told:
                    opened = _source(period, interval, deep, told, within, short, columns)
                    made = make(closed.enter_context(closing(opened)))
                    made = redacted(made) if redact else made
                    told("the page" if html else "the tables")
                    if not seen:
                        _out(made, *way, output=output, wide=wide)
                if seen:  # only now: what it is doing has gone from the terminal
                    _out(made, *way, output=output, wide=wide)

        with _failing_well():
            _by_columns(show)

    for option in (
        click.option("--within", type=SECONDS, metavar="S", help="In time: answered within S, anywhere."),
        click.option("--short", type=SECONDS, metavar="S", help="A short abandon: before S, anywhere."),
        click.option("--interval", type=INTERVALS, help="How finely curves and intervals are cut."),
        click.option(
            "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it here."
        ),
        click.option("--wide", is_flag=True, help="All columns in the terminal's tables; for `| less -S`."),
        click.option("--redact", is_flag=True, help="Hide numbers of people."),
        click.option(
            "--json", "as_json", is_flag=True, help="Print JSON: everything, with the calls behind."
        ),
        click.option("--csv", is_flag=True, help="Print CSV: its tables, with what the columns mean."),
        click.option("--html", is_flag=True, help="Make a page with charts, of one file."),
        period_options,
    ):
        run = option(run)
    return run  # type: ignore[return-value]


@report.command("abandoned")
@shown_as
def abandoned() -> Callable[[Source], Report]:
    """Who hung up while waiting: when, where, what they had heard; then the rates."""
    return abandoned_report


@report.command("queues")
@shown_as
def queues() -> Callable[[Source], Report]:
    """How long callers waited in each queue, and what became of them."""
    return queues_report


@report.command("intervals")
@click.option(
    "--by",
    type=click.Choice(["queue", "campaign", "flow"]),
    help="A row for each of them in each interval.",
)
@shown_as
def intervals(by: By | None) -> Callable[[Source], Report]:
    """The figures of queues for each interval of the time (--interval)."""
    return lambda source: intervals_report(source, by or "")


@report.command("calls")
@click.option("--queue", default="", metavar="NAME", help="Only those that joined this queue.")
@click.option("--left", type=click.Choice(list(LEFT)), help="… and left it like that.")
@click.option("--agent", default="", metavar="NAME", help="Only those that talked to this agent.")
@click.option("--verdict", default="", metavar="WORD", help="Only those that became that (docs/call-log.md).")
@click.option("--number", default="", metavar="NUMBER", help="Only those to this number of ours.")
@click.option("--flow", default="", metavar="NAME", help="Only those that began in this flow.")
@click.option("--talked", is_flag=True, help="Only those with a talk, by the time at which it began.")
@click.option(
    "--refused",
    is_flag=False,
    flag_value=ANY,
    type=REFUSED_FOR,
    help="Only those that a queue did not let in; for this reason, if one follows.",
)
@click.option("--surveyed", is_flag=True, help="Only those that have answered a survey.")
@click.option("--sales", is_flag=True, help="Only those to whom the flow offered something.")
@click.option("--overtaken", type=OVERTAKEN, help="Only those who were overtaken, for this reason or `any`.")
@click.option("--called-again", is_flag=True, help="Only those after which the same person called again.")
@click.option("--unresolved", is_flag=True, help="Only those that settled nothing, as the agent says.")
@shown_as
def calls(**chosen: Any) -> Callable[[Source], Report]:
    """Each call and what became of it; with options those behind one figure."""
    given = {name: value for name, value in chosen.items() if value is not None}
    return lambda source: calls_report(source, Chosen(**given))


@report.command("agents")
@shown_as
def agents() -> Callable[[Source], Report]:
    """How agents spent their time, what they handled, and their days as bars."""
    return agents_report


@report.command("flows")
@shown_as
def flows() -> Callable[[Source], Report]:
    """Which way callers took through the flows, and where they hung up."""
    return flows_report


@report.command("numbers")
@shown_as
def numbers() -> Callable[[Source], Report]:
    """What became of the calls to each number of ours, and to each campaign."""
    return numbers_report


@report.command("surveys")
@shown_as
def surveys() -> Callable[[Source], Report]:
    """How content callers were: each survey, queue and agent, with how sure that is."""
    return surveys_report


@report.command("compare")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@shown_as
def compare(one: str, other: str) -> Callable[[Source], Report]:
    """Time A beside time B: every figure, and by how much it has changed.

    A and B are a day (2026-11-22, today, yesterday), a week (2026-W47), a month (2026-11), or FROM..TO.
    """
    return lambda source: compare_report(source.over(_span(one, source)), source.over(_span(other, source)))


def _span(text: str, source: Source) -> Period:
    try:
        return span_of(text, source.period.zone, source.now)
    except BadPeriod as error:
        raise click.UsageError(str(error)) from None


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
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("the archive", total=None)
        yield lambda what: progress.update(task, description=escaped(what))


def _pieces(made: Report, way: str, wide: bool) -> Iterator[str]:
    """The report as text, a piece at a time: its list of calls may be longer than the memory."""
    if way == "csv":
        yield from csv_pieces(made)
    elif way == "json":
        yield from json_pieces(made)
        yield "\n"
    else:
        yield page_of(made) if way == "html" else _as_text(made, wide)


def _out(made: Report, way: str = "", *, output: Path | None, wide: bool) -> None:
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
        console = Console(highlight=False)
        if not console.is_terminal and "COLUMNS" not in os.environ:
            console.width = WIDTH
        if wide:
            console.width = max(console.width, WIDE)
        console.print(Shown(made, wide=wide))
    sys.exit(OK)


def _as_text(made: Report, wide: bool) -> str:
    console = Console(highlight=False, width=WIDE if wide else WIDTH, file=open(os.devnull, "w"), record=True)  # noqa: SIM115
    console.print(Shown(made, wide=wide))
    return console.export_text()


def _write(path: Path, pieces: Iterable[str]) -> None:
    """The whole file or none, for its owner alone: it may hold numbers of people."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines(piece.encode("utf-8", "replace") for piece in pieces)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)  # gone already, if it has become the file
    except OSError as error:
        click.echo(f"holdfast: {escaped(str(path))} cannot be written: {error.strerror}", err=True)
        sys.exit(REFUSED)
