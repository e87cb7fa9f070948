"""One frame of the wallboard as text, for a pipe, a mail, or a look."""

from datetime import datetime

from rich.console import Console
from rich.text import Text

from ivr.top.rows import AGENTS, QUEUES, Order, Table, at_work, notes, ordered, summary
from ivr.top.source import State

LONGEST, STATE = Order(2), Order(1)


def show(state: State, console: Console, everybody: bool, wanted: str) -> None:
    """Print it, as wide as the console is."""
    now, width = state.now, console.width
    queues = [*state.queues.values()]
    console.print(summary(queues, [*state.agents.values()], now), _time(state))
    for note in notes(state.alarms, state.problem, 0, "", state.today_complete):
        console.print(note)
    console.print()
    line = Table(QUEUES, width)
    _print(
        console,
        line.head(LONGEST),
        [line.line(q, now) for q in ordered(queues, QUEUES, LONGEST, now, wanted)],
    )
    console.print()
    people = at_work([*state.agents.values()], everybody)
    desk = Table(AGENTS, width)
    _print(
        console, desk.head(STATE), [desk.line(a, now) for a in ordered(people, AGENTS, STATE, now, wanted)]
    )


def _print(console: Console, head: Text, lines: list[Text]) -> None:
    for line in (head, *lines):
        line.rstrip()
        console.print(line, overflow="crop", no_wrap=True)


def _time(state: State) -> str:
    return f"  {datetime.fromtimestamp(state.at / 1000).astimezone():%H:%M:%S}" if state.at else ""
