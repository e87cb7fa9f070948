"""`holdfast trunk-password`: what a telephone company has given us, kept where nobody else reads it."""

import json
import re
import sys

import click

from ivr import secret
from ivr.cli import REFUSED, json_option
from ivr.secret import SecretUnfit
from ivr.settings import Settings


@click.command()
@click.argument("name")
@json_option
def trunk_password(name: str, as_json: bool) -> None:
    """Keep the password of the trunk NAME of trunks.yaml, where nobody but root reads it.

    It is asked for at the terminal without being shown, or read from the standard input. A running server
    uses it within a second.

    \b
    Exit codes: 0 it is kept · 2 wrong usage · 4 it cannot be used
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name):
        raise click.BadParameter("the name of a trunk has a-z, 0-9, - and _, at most 40 characters")
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    file = secret.of_trunk(Settings().secrets, name)
    try:
        secret.give(file, password)
    except SecretUnfit as error:
        click.echo(f"holdfast: {error}", err=True)
        sys.exit(REFUSED)
    click.echo(json.dumps({"kept_in": str(file)}) if as_json else f"kept in {file}")
