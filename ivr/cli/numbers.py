"""`holdfast numbers`: where calls to which numbers go."""

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from calllog.printable import escaped, printable_json
from ivr.callflows import Callflows, Route
from ivr.cli import OK, json_option
from ivr.cli.simulate import company_of, directory_option

DEFAULT = "(any other)"


@click.command()
@click.argument("called", required=False, metavar="[NUMBER]")
@directory_option
@json_option
def numbers(called: str | None, directory: Path | None, as_json: bool) -> None:
    """List the numbers that can be called, with flow, language, campaign and title; or where NUMBER leads.

    \b
    holdfast numbers
    holdfast numbers 004930901825

    \b
    Exit codes: 0 done · 1 the call flows have errors · 2 wrong usage
    """
    _, company = company_of(directory)
    known = company.callflows
    found = _all(known) if called is None else [(known.numbers.entry(called) or DEFAULT, known.route(called))]
    if as_json:
        facts = [{"number": written, **route.model_dump()} for written, route in found]
        click.echo(printable_json(msgspec.json.encode({"numbers": facts}).decode()))
        sys.exit(OK)
    table = Table(box=None, pad_edge=False)
    for column in ("number", "flow", "language", "campaign", "title"):
        table.add_column(column, overflow="fold")
    for written, route in found:
        cells = (written, route.flow, route.language, route.campaign, route.title)
        table.add_row(*(Text(escaped(cell)) for cell in cells))
    Console(highlight=False).print(table)


def _all(known: Callflows) -> list[tuple[str, Route]]:
    return [*known.numbers.items(), (DEFAULT, known.default)]
