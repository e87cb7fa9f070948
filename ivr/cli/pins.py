"""`holdfast agent-pin`: by which an agent logs in at a telephone that is not his."""

import json
import re
import sys

import click

from ivr import pin
from ivr.cli import REFUSED, json_option
from ivr.secret import SecretUnfit
from ivr.settings import Settings


@click.command()
@click.argument("agent_id", metavar="ID")
@json_option
def agent_pin(agent_id: str, as_json: bool) -> None:
    """Keep the PIN of the agent ID of agents.yaml, by which he logs in at any telephone (`*40`).

    It is asked for at the terminal without being shown, or read from the standard input: 4 to 12 digits. What
    is kept is a hash. A running server uses it at once.

    \b
    Exit codes: 0 it is kept · 2 wrong usage · 4 it cannot be used
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", agent_id):
        raise click.BadParameter("the name of an agent has a-z, 0-9, - and _, at most 40 characters")
    if sys.stdin.isatty():
        given = click.prompt("PIN", hide_input=True, confirmation_prompt=True)
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    try:
        file = pin.give(Settings().secrets, agent_id, given)
    except SecretUnfit as error:
        click.echo(f"holdfast: {error}", err=True)
        sys.exit(REFUSED)
    click.echo(json.dumps({"kept_in": str(file)}) if as_json else f"kept in {file}")
