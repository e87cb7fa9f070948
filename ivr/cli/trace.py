"""`holdfast trace`: one call's way through its flows, step by step, while it lives or afterwards."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from calllog.call_events import AnyCallEvent, Arrived, CallEvent, Ended, Input, Step
from calllog.errors import LogAway
from calllog.events import AnyEvent, redacted
from calllog.printable import duration, escaped, printable, printable_json
from calllog.stream import LogStream, call_events
from ivr.cli import AWAY, FINDINGS, OK, json_option, past
from ivr.flow.step import innermost
from ivr.settings import Settings
from queues.errors import StoreAway
from queues.results import CallView
from queues.store import Store

ALL_CALLS = 1_000_000


class Passed(NamedTuple):
    """A step that a call has passed. Times in milliseconds; `at_ms`: since the call came."""

    at_ms: int
    path: str
    outcome: str
    took_ms: int
    keys: str
    changed: dict[str, object]


@click.command()
@click.argument("call", metavar="CALL")
@click.option("--redact", is_flag=True, help="Hide digits and the values of variables.")
@json_option
def trace(call: str, redact: bool, as_json: bool) -> None:
    """Show how CALL went through its flows: each step, its outcome, how long it took, what it changed.

    CALL is an id of `holdfast calls` or `holdfast log`. Of a live call the step it is in comes last.

    \b
    Exit codes: 0 done · 1 no such call · 2 wrong usage · 3 Redis is away
    """
    try:
        events, live = asyncio.run(_read(call))
    except (LogAway, StoreAway) as error:
        click.echo(f"holdfast: {escaped(str(error))}", err=True)
        sys.exit(AWAY)
    if not events:
        click.echo(f"holdfast: the log knows no call {printable(call)}", err=True)
        sys.exit(FINDINGS)
    told = [redacted(event) for event in events] if redact else events
    steps = list(passed([event for event in told if isinstance(event, CallEvent)]))
    if as_json:
        facts = {"call": call, **_came(told), "steps": [step._asdict() for step in steps], "now": _now(live)}
        click.echo(printable_json(msgspec.json.encode(facts).decode()))
    else:
        click.echo(_beginning(told))
        Console(highlight=False).print(_table(steps))
        click.echo(_end(events, live))
    sys.exit(OK)


async def _read(call: str) -> tuple[list[AnyCallEvent], CallView | None]:
    """Its events, and what is known of it now if it is live."""
    settings = Settings()
    store = Store(settings.redis, settings.site)
    try:
        live = next((view for view in await store.calls(ALL_CALLS) if view.call == call), None)
    finally:
        await store.close()
    async with LogStream(settings.redis, settings.site) as stream:
        return call_events(await past.of_call(stream, call)), live


def passed(events: Sequence[AnyCallEvent]) -> Iterator[Passed]:
    """The steps of a call in the order in which they ended."""
    keys: dict[str, str] = {}
    for event in events:
        match event:
            case Input():
                pressed = event.digits or "•" * (event.length or 0)
                path = innermost(event.path)
                keys[path] = f"{keys.get(path, '')} {pressed}".strip()
            case Step():
                began_ms = event.at - events[0].at - event.took_ms
                pressed = keys.pop(event.path, "")
                yield Passed(
                    max(0, began_ms), event.path, event.outcome, event.took_ms, pressed, dict(event.changed)
                )


def _table(steps: Sequence[Passed]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("began", "step", "outcome", "took", "keys", "changed"):
        table.add_column(column, justify="right" if column in ("began", "took") else "left", overflow="fold")
    for step in steps:
        changed = ", ".join(f"{name} = {printable(str(value))}" for name, value in step.changed.items())
        began = f"+{step.at_ms / 1000:.3f} s"
        cells = (began, printable(step.path, 200), step.outcome, duration(step.took_ms), step.keys, changed)
        table.add_row(*(Text(escaped(cell)) for cell in cells))
    return table


def _came(events: Sequence[AnyEvent]) -> dict[str, object]:
    """What the number called has said of the call."""
    came = next((event for event in events if isinstance(event, Arrived)), None)
    if came is None:
        return {}
    return {"from": came.from_, "to": came.to, "campaign": came.campaign, "language": came.language}


def _beginning(events: Sequence[AnyEvent]) -> str:
    came = {name: printable(str(value)) for name, value in _came(events).items() if value}
    told = ", ".join(f"{name} {value}" for name, value in came.items())
    return escaped(told.replace(", to ", " to ", 1) or "nobody has told how it came")


def _now(live: CallView | None) -> dict[str, object] | None:
    if live is None or live.state == "ended":
        return None
    return {"step": live.step, "state": live.state, "queue": live.queue, "agent": live.agent}


def _end(events: Sequence[AnyCallEvent], live: CallView | None) -> str:
    last = events[-1]
    if isinstance(last, Ended):
        return escaped(f"ended after {duration(last.lifetime_ms)}: {last.verdict}, by {last.ended_by}")
    if _now(live) is None or live is None:
        return "it is not over, and no worker has it"
    where = f", queue {live.queue}" if live.queue and live.state != "flow" else ""
    return escaped(f"now in {live.step} ({live.state}{where})")
