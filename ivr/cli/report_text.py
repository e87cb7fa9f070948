"""A report as text, and what goes on while it is made, by rich."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from calllog.printable import escaped
from calllog.report.model import Report
from calllog.report.source import Told
from calllog.report.terminal import Shown

WIDTH = 200
"""Of tables that are not shown on a terminal."""
WIDE = 480
"""With all columns; a pager that scrolls sideways (`less -S`) shows them."""


@contextmanager
def progress() -> Iterator[Told]:
    """What goes on, on standard error; gone when it is done."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("the archive", total=None)
        yield lambda what: shown.update(task, description=escaped(what))


def print_text(made: Report, wide: bool) -> None:
    """Print it, as wide as the terminal."""
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH
    if wide:
        console.width = max(console.width, WIDE)
    console.print(Shown(made, wide=wide))


def as_text(made: Report, wide: bool) -> str:
    """The same for a file."""
    console = Console(highlight=False, width=WIDE if wide else WIDTH, file=open(os.devnull, "w"), record=True)  # noqa: SIM115
    console.print(Shown(made, wide=wide))
    return console.export_text()
