"""`holdfast top`: the wallboard in a terminal."""

import asyncio
import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console

from calllog.printable import escaped, printable_json
from ivr.cli import AWAY, REFUSED, json_option
from ivr.secret import SecretUnfit, private
from ivr.settings import Settings
from ivr.top import once
from ivr.top.source import Source, State, Unanswered, Way


@click.command()
@click.option("--once", "only_once", is_flag=True, help="Print one frame as text, and end.")
@click.option("--filter", "wanted", metavar="TEXT", default="", help="With --once: only lines that have it.")
@click.option("--everybody", is_flag=True, help="With --once: also agents who are offline.")
@click.option("--url", metavar="URL", default="", help="Of the API of another machine, such as https://host.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --url: the file that holds the token, readable by its owner only.",
)
@json_option
def top(
    only_once: bool, wanted: str, everybody: bool, url: str, token_file: Path | None, as_json: bool
) -> None:
    """Show queues and agents as they are now, for as long as it is open.

    Keys: Tab other table, s sort by the next column, r the other way round, / filter, Escape show all, o
    who is offline, arrows and page keys scroll, q quit. It waits for a server that is away, and says so.

    \b
    wait, longest  who waits in line, and for how long the first of them; red: longer than promised
    30 min         how many waited, minute by minute
    in time        share of today's callers answered within the queue's service_level_s
    lost           callers who have hung up today while waiting, the short ones left out

    No caller's number is shown. Without --url it asks the server on this machine, as its administrator.

    \b
    Exit codes: 0 done · 2 wrong usage · 3 the server is away (with --once or --json) · 4 no usable token
    """
    source = Source(_way(url, token_file))
    if only_once or as_json:
        state = _snapshot(source)
        if as_json:
            click.echo(printable_json(msgspec.json.encode(_facts(state)).decode()))
        else:
            once.show(state, Console(highlight=False), everybody, wanted)
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("this is no terminal: write --once or --json")
    from ivr.top.screen import Wallboard  # it takes half a second, which --once need not wait for

    Wallboard(source).run()


def _way(url: str, token_file: Path | None) -> Way:
    if bool(url) != bool(token_file):
        raise click.UsageError("--url and --token-file go together: holdfast token create NAME --role viewer")
    if not url or token_file is None:
        return Way(socket=Settings().api_socket)
    if not url.startswith(("http://", "https://")):
        raise click.UsageError("a URL begins with http:// or https://")
    try:
        return Way(url=url, token=private(token_file))
    except (SecretUnfit, OSError) as error:
        click.echo(f"holdfast: {escaped(str(error))}", err=True)
        sys.exit(REFUSED)


def _snapshot(source: Source) -> State:
    try:
        return asyncio.run(source.once())
    except Unanswered as error:
        click.echo(f"holdfast: {escaped(str(error))}", err=True)
        sys.exit(AWAY)


def _facts(state: State) -> dict[str, object]:
    return {
        "at": state.at,
        "age_ms": state.age_ms,
        "today_complete": state.today_complete,
        "alarms": [alarm.model_dump() for alarm in state.alarms],
        "queues": [queue.model_dump() for _, queue in sorted(state.queues.items())],
        "agents": [agent.model_dump() for _, agent in sorted(state.agents.items())],
    }
