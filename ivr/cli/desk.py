"""What the people at the desk ask: who is on the line, who waits, who is ready; and workers to leave."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from getpass import getuser
from typing import NamedTuple, get_args

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from calllog.errors import HoldfastError
from calllog.printable import duration, escaped, printable, printable_json
from ivr.asked_of_agents import objection
from ivr.checkpoint import Checkpoint, Peer
from ivr.cli import AWAY, OK, REFUSED, json_option
from ivr.settings import Settings
from queues.errors import (
    DeviceTaken,
    NotNow,
    NotWaiting,
    UnknownAgent,
    UnknownCall,
    UnknownDevice,
    UnknownQueue,
)
from queues.models import is_direct_line
from queues.operations import now_ms
from queues.results import AgentView, CallView, QueueView
from queues.store import AgentAction, Store

LOOK_S = 0.25
RETURN_S = 20.0
"""A drained worker that does not come back within this time is taken as gone."""


@click.command()
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="At most so many."
)
@json_option
def calls(limit: int, as_json: bool) -> None:
    """Show the live calls, the oldest first.

    A call's state is flow (in its call flow), waiting, offered (an agent's phone rings), connecting or
    talking. Callers' numbers are shown with everything unprintable escaped.

    \b
    Exit codes: 0 done · 2 wrong usage · 3 Redis is away
    """

    async def show(store: Store) -> int:
        views = await store.calls(limit)
        if as_json:
            _print_json({"calls": views})
        else:
            _print(_calls_table(views), f"{len(views)} live calls")
        return OK

    run(show)


@click.group(invoke_without_command=True)
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Callers shown per queue.",
)
@json_option
@click.pass_context
def queues(context: click.Context, limit: int, as_json: bool) -> None:
    """Show who waits in each queue, and every agent's state; move callers with `queues move`.

    Lines of agents by name are shown when somebody waits in them; --json has all of them.

    \b
    Exit codes: 0 done · 2 wrong usage · 3 Redis is away
    """
    if context.invoked_subcommand is not None:
        return

    async def show(store: Store) -> int:
        lines, people = await store.waiting(limit), await store.agents()
        if as_json:
            _print_json({"queues": lines, "agents": people})
        else:
            _print(
                _queues_table([line for line in lines if line.waiting or not is_direct_line(line.queue)]), ""
            )
            _print(_agents_table(people), "")
        return OK

    run(show)


by_option = click.option("--by", metavar="NAME", help="Who asks (default: the user who is logged in).")


@queues.command()
@click.argument("call")
@click.option("--to", "queue", metavar="QUEUE", default="", help="The queue he waits in from now on.")
@click.option("--position", type=click.IntRange(min=1), help="His place in line, 1 is next.")
@click.option("--front", is_flag=True, help="The same as --position 1.")
@by_option
@json_option
def move(call: str, queue: str, position: int | None, front: bool, by: str | None, as_json: bool) -> None:
    """Put a waiting caller into another queue, to a place in line, or both.

    It takes effect at once, and is in the log of the call. What he has waited counts in the other queue, too.

    \b
    holdfast queues move pbx-1.7 --front
    holdfast queues move pbx-1.7 --to support --position 3

    \b
    Exit codes: 0 done · 2 wrong usage · 3 Redis is away · 4 no such call or queue, or he does not wait
    """
    if not queue and not front and position is None:
        raise click.UsageError("say where to: --to QUEUE, --position N or --front")
    if front and position is not None:
        raise click.UsageError("--front is --position 1: write one of them")
    _move(as_json, call, queue=queue, position=1 if front else position or 0, by=by)


@queues.command()
@click.argument("call")
@click.argument("seconds", type=click.IntRange(0, 86_400))
@by_option
@json_option
def priority(call: str, seconds: int, by: str | None, as_json: bool) -> None:
    """Serve a waiting caller as if he had come so many SECONDS earlier, instead of what his flow says.

    \b
    Exit codes: 0 done · 2 wrong usage · 3 Redis is away · 4 no such call, or he does not wait
    """
    _move(as_json, call, priority_s=seconds, by=by)


def _move(
    as_json: bool,
    call: str,
    *,
    queue: str = "",
    position: int = 0,
    priority_s: int | None = None,
    by: str | None,
) -> None:
    async def act(store: Store) -> int:
        try:
            moved = await store.move(call, queue, position, priority_s, by or getuser())
        except (UnknownCall, UnknownQueue, NotWaiting) as refused:
            click.echo(f"holdfast: {escaped(str(refused))}", err=True)
            return REFUSED
        if as_json:
            _print_json({"call": call, **moved._asdict()})
        else:
            click.echo(escaped(f"{call}: place {moved.position} in {moved.queue} ({moved.state})"))
        return OK

    run(act)


@click.command()
@click.argument("agent_id", metavar="ID")
@click.argument("action", type=click.Choice(get_args(AgentAction)))
@click.argument("what", required=False, default="")
@click.option("-d", "--device", metavar="NAME", help="The device he is at from now on.")
@click.option("--force", is_flag=True, help="He must: ready, pause and offline only. Needs --by.")
@click.option("--by", metavar="WHO", default="", help="Who forces it; stands in the call log.")
@json_option
def agent(
    agent_id: str, action: AgentAction, what: str, device: str | None, force: bool, by: str, as_json: bool
) -> None:
    """Make an agent ready, pause him for a reason, or log him out; or what he can do after a call.

    During a call it happens when the call is over. Whoever sat at the device before goes offline. `extend`
    makes his wrap-up longer, `ready` ends it; `disposition` says what his call was about, by code or name.

    With `--force` a supervisor decides: an agent who has still to say what his call was about is let go (the
    log says that it is missing), and what is to happen after his call is not for him to change. No call is
    cut.

    \b
    holdfast agent alice ready
    holdfast agent alice pause lunch
    holdfast agent alice extend 30
    holdfast agent alice disposition sold
    holdfast agent alice offline --force --by "Ms. Weber"

    \b
    Exit codes: 0 done · 2 wrong usage · 3 Redis is away · 4 no such agent or device, device in use, or not
    possible now
    """
    if wrong := objection(action, what, device, force, by):
        raise click.UsageError(wrong)

    async def act(store: Store) -> int:
        try:
            status = await store.agent(agent_id, action, what, device, by)
        except (UnknownAgent, UnknownDevice, DeviceTaken, NotNow) as refused:
            click.echo(f"holdfast: {escaped(str(refused))}", err=True)
            return REFUSED
        if as_json:
            _print_json({"agent": agent_id, **status._asdict()})
        else:
            word = f"{status.state} ({status.reason})" if status.reason else status.state
            later = f", after his call: {status.wish.replace(':', ' (', 1) + ')' * (':' in status.wish)}"
            click.echo(escaped(f"{agent_id}: {word}{later if status.wish else ''}"))
        return OK

    run(act)


class Drained(NamedTuple):
    """What became of a worker. `result`: asked, restarted, gone or stays."""

    worker: str
    result: str
    calls: int


@click.command()
@click.argument("workers", nargs=-1, metavar="[WORKER]...")
@click.option("--no-wait", is_flag=True, help="Ask all at once and do not wait.")
@click.option("--undo", is_flag=True, help="Take the request back from workers that have not left yet.")
@click.option(
    "--limit",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    help="Wait at most, seconds each.",
)
@json_option
def drain(workers: tuple[str, ...], no_wait: bool, undo: bool, limit: float, as_json: bool) -> None:
    """Let workers claim no more calls, finish what they can, and leave the rest to the others.

    Without names: every live worker, one after the other, each when the one before has come back. That is
    how new code or settings get in without a caller noticing.

    \b
    Exit codes: 0 done · 2 wrong usage · 3 Redis is away · 4 no such worker, or one does not leave
    """

    async def ask(store: Store) -> int:
        checkpoint = Checkpoint(store)
        alive = {peer.name: peer for peer in await checkpoint.workers() if peer.alive}
        unknown = [name for name in workers if name not in alive]
        if unknown or not alive:
            click.echo(f"holdfast: no live worker: {escaped(', '.join(unknown)) or 'none'}", err=True)
            return REFUSED
        drained = []
        for name in workers or sorted(alive):
            await checkpoint.drain(name, on=not undo)
            result = "asked" if no_wait or undo else await _left(checkpoint, alive[name], limit)
            drained.append(Drained(name, "stays" if undo else result, alive[name].calls))
            if not as_json:
                click.echo(f"{name}: {drained[-1].result} ({drained[-1].calls} calls before)")
        if as_json:
            _print_json({"drained": [one._asdict() for one in drained]})
        return OK if undo or all(one.result != "stays" for one in drained) else REFUSED

    run(ask)


async def _left(checkpoint: Checkpoint, before: Peer, limit_s: float) -> str:
    """Until a worker has left, and its successor has its name or none comes."""
    deadline, gone_since = time.monotonic() + limit_s, 0.0
    while time.monotonic() < deadline:
        now = next((peer for peer in await checkpoint.workers() if peer.name == before.name), None)
        if now is not None and now.inc != before.inc and now.alive:
            return "restarted"
        gone_since = 0.0 if now is not None and now.alive else gone_since or time.monotonic()
        if gone_since and time.monotonic() - gone_since > RETURN_S:
            break
        await asyncio.sleep(LOOK_S)
    return "gone" if gone_since else "stays"


def run(work: Callable[[Store], Awaitable[int]]) -> None:
    """Do it with a store, tell what went wrong in one line, and exit."""

    async def with_store() -> int:
        settings = Settings()
        store = Store(settings.redis, settings.site)
        try:
            return await work(store)
        finally:
            await store.close()

    try:
        code = asyncio.run(with_store())
    except HoldfastError as error:
        click.echo(f"holdfast: {escaped(str(error))}", err=True)
        code = AWAY
    except KeyboardInterrupt:
        code = OK
    sys.exit(code)


def _print(table: Table, below: str) -> None:
    console = Console(soft_wrap=False, highlight=False)
    console.print(table)
    if below:
        console.print(below)


def _print_json(value: object) -> None:
    click.echo(printable_json(msgspec.json.encode(value).decode()))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(
            column, justify="right" if column in ("for", "place", "waiting", "ready") else "left"
        )
    return table


def _row(table: Table, *cells: str) -> None:
    table.add_row(*(Text(printable(cell)) for cell in cells))


def _calls_table(views: Sequence[CallView]) -> Table:
    table = _table("Calls", "call", "from", "to", "state", "where", "agent", "for", "worker")
    for view in views:
        where = view.queue if view.state not in ("flow", "ended") else view.step
        age = duration(max(0, now_ms() - view.arrived_at))
        _row(table, view.call, view.from_, view.to, view.state, where, view.agent, age, view.worker)
    return table


def _queues_table(lines: Sequence[QueueView]) -> Table:
    table = _table("Queues", "queue", "waiting", "ready", "place", "call", "state", "agent", "for")
    for line in lines:
        if is_direct_line(line.queue) and not line.waiting:
            continue
        _row(table, line.title, str(line.waiting), str(line.ready), "", "", "", "", "")
        for caller in line.callers:
            age = duration(max(0, now_ms() - caller.joined_at))
            _row(table, "", "", "", str(caller.position), caller.call, caller.state, caller.agent, age)
    return table


def _agents_table(people: Sequence[AgentView]) -> Table:
    table = _table("Agents", "agent", "name", "state", "for", "device", "queues", "call", "calls")
    for view in people:
        state = f"{view.state} ({view.reason})" if view.reason else view.state
        age = duration(max(0, now_ms() - view.since_at))
        served = ", ".join(queue for queue in view.queues if not is_direct_line(queue))
        _row(table, view.agent, view.name, state, age, view.device, served, view.call, str(view.calls))
    return table
