"""`holdfast report`: what has happened in a time, as tables, as a page, for spreadsheets and for programs."""

import gc
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

import click

from calllog.figures.period import Interval, Period
from calllog.report.chosen import ANY, LEFT
from calllog.vocabulary import OvertakenReason, RefusedReason
from ivr.cli.period import period_options

Command = TypeVar("Command", bound=Callable[..., Any])
INTERVALS = click.Choice(["15m", "30m", "60m", "day", "week", "month"])
REFUSED_FOR = click.Choice([ANY, *get_args(RefusedReason)])
OVERTAKEN = click.Choice([ANY, *get_args(OvertakenReason)])
SECONDS = click.FloatRange(min=0, max=86_400)


class Asked(NamedTuple):
    """What a command is about: the name of its report, and what it takes besides how it is shown."""

    report: str
    options: Mapping[str, Any] = {}


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
    """Adds what every report takes: the time, and how it is shown. The command gives what is `Asked`."""

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
        # What is imported and made are many small things without cycles: looking for them after every 700
        # took a tenth of the time.
        gc.set_threshold(20_000, 20, 100)
        from ivr.cli.reporting import show  # half a second, for which neither --help nor a mistake waits

        asked: Asked = command(**options)
        show(
            asked.report,
            asked.options,
            period,
            interval=interval,
            within=within,
            short=short,
            way=way[0] if way else "",
            redact=redact,
            wide=wide,
            output=output,
        )

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
def abandoned() -> Asked:
    """Who hung up while waiting: when, where, what they had heard; then the rates."""
    return Asked("abandoned")


@report.command("queues")
@shown_as
def queues() -> Asked:
    """How long callers waited in each queue, and what became of them."""
    return Asked("queues")


@report.command("intervals")
@click.option(
    "--by",
    type=click.Choice(["queue", "campaign", "flow"]),
    help="A row for each of them in each interval.",
)
@shown_as
def intervals(by: str | None) -> Asked:
    """The figures of queues for each interval of the time (--interval)."""
    return Asked("intervals", {"by": by or ""})


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
def calls(**chosen: Any) -> Asked:
    """Each call and what became of it; with options those behind one figure."""
    return Asked("calls", {name: value for name, value in chosen.items() if value is not None})


@report.command("agents")
@shown_as
def agents() -> Asked:
    """How agents spent their time, what they handled, and their days as bars."""
    return Asked("agents")


@report.command("flows")
@shown_as
def flows() -> Asked:
    """Which way callers took through the flows, and where they hung up."""
    return Asked("flows")


@report.command("numbers")
@shown_as
def numbers() -> Asked:
    """What became of the calls to each number of ours, and to each campaign."""
    return Asked("numbers")


@report.command("surveys")
@shown_as
def surveys() -> Asked:
    """How content callers were: each survey, queue and agent, with how sure that is."""
    return Asked("surveys")


@report.command("routing")
@shown_as
def routing() -> Asked:
    """How much longer callers waited than with an ideal router, and who was served out of turn."""
    return Asked("routing")


@report.command("compare")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@shown_as
def compare(one: str, other: str) -> Asked:
    """Time A beside time B: every figure, and by how much it has changed.

    A and B are a day (2026-11-22, today, yesterday), a week (2026-W47), a month (2026-11), or FROM..TO.
    """
    return Asked("compare", {"one": one, "other": other})
