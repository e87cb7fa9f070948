"""`holdfast publish --dry-run`: what a publication would change for those who wait now."""

from collections.abc import Sequence
from dataclasses import asdict

import click
import msgspec
from rich.console import Console
from rich.table import Table

from calllog.printable import duration, escaped, printable_json
from ivr.callflows import Callflows
from ivr.cli import OK
from queues.operations import now_ms
from queues.preview import Change, preview
from queues.store import Store

MUCH_S = 30
"""Who loses more is counted apart."""


async def foretell(store: Store, then: Callflows, as_json: bool) -> int:
    """Compare the lines as they are with what they would be by these call flows."""
    callers, serving = await store.standing()
    changes = preview(callers, then.queues, then.agents, serving, then.vip, now_ms())
    told = summary(changes)
    if as_json:
        facts = {"summary": told, "changes": [asdict(change) for change in changes]}
        click.echo(printable_json(msgspec.json.encode(facts).decode()))
        return OK
    if changes:
        Console(highlight=False).print(_table(changes))
    click.echo(told)
    return OK


def summary(changes: Sequence[Change]) -> str:
    """In one line."""
    moved = [change for change in changes if change.before != change.after]
    much = sum(change.loses_s > MUCH_S for change in changes)
    leave = sum(bool(change.leaves) for change in changes)
    if not changes:
        return "changes nothing for those who wait"
    parts = [f"moves {len(moved)} waiting caller{'s' * (len(moved) != 1)}", f"{much} lose over {MUCH_S} s"]
    return ", ".join(parts + ([f"{leave} would leave"] if leave else []))


def _table(changes: Sequence[Change]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("queue", "call"):
        table.add_column(column)
    for column in ("waits", "place", "then", "loses"):
        table.add_column(column, justify="right")
    table.add_column("")
    for change in changes:
        loses = duration(round(1000 * change.loses_s)) if change.loses_s else ""
        waits = duration(round(1000 * change.waited_s))
        place, then = str(change.before), str(change.after)
        table.add_row(escaped(change.queue), escaped(change.call), waits, place, then, loses, change.leaves)
    return table
