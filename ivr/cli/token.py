"""`holdfast token`: who may ask the API."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NoReturn

import click

from ivr.api import tokens
from ivr.api.tokens import Token
from ivr.cli import REFUSED, json_option
from ivr.secret import SecretUnfit
from ivr.settings import Settings


@click.group()
def token() -> None:
    """Make, list and take back the tokens by which programs and people use the API (docs/api.md).

    Each of `create`, `list` and `revoke` takes --json.

    \b
    Exit codes: 0 done · 2 wrong usage · 4 refused, with the reason
    """


@token.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["viewer", "supervisor"]),
    required=True,
    help="viewer looks; supervisor also moves callers and sets agents' states.",
)
@click.option("--redacted", is_flag=True, help="It is not told callers' numbers.")
@json_option
def create(name: str, role: str, redacted: bool, as_json: bool) -> None:
    """Make a token called NAME, and print it: it is shown this once only.

    NAME says whose it is, such as wallboard or ms-weber; it stands in the call log beside what is done with
    the token. A running server takes it at once.

    \b
    holdfast token create wallboard --role viewer --redacted

    \b
    Exit codes: 0 here it is · 2 wrong usage · 4 there is such a name, or it is none
    """
    try:
        made, text = tokens.create(
            Settings().secrets, name, "viewer" if role == "viewer" else "supervisor", redacted
        )
    except SecretUnfit as error:
        _refused(error)
    click.echo(json.dumps(_shown(made) | {"token": text}) if as_json else text)


@token.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Show which tokens there are, without what makes them good.

    \b
    Exit codes: 0 done · 4 a file of theirs is broken, or can be read by others
    """
    found = _every()
    if as_json:
        click.echo(json.dumps({"tokens": [_shown(each) for each in found]}))
    elif not found:
        click.echo("no tokens; `holdfast token create NAME --role viewer` makes one")
    for each in [] if as_json else found:
        at = datetime.fromtimestamp(each.created_at / 1000, UTC)
        sight = "redacted" if each.redacted else ""
        click.echo(f"{each.id}  {each.name:<20}  {each.role:<10}  {sight:<8}  since {at:%d %b %Y, %H:%M} UTC")


@token.command()
@click.argument("which", metavar="NAME|ID")
@json_option
def revoke(which: str, as_json: bool) -> None:
    """Take a token back: it is good for nothing from now on, and whoever watches by it is cut off.

    \b
    Exit codes: 0 done · 4 there is none of that name
    """
    try:
        gone = tokens.revoke(Settings().secrets, which)
    except SecretUnfit as error:
        _refused(error)
    if not gone:
        click.echo("holdfast: no token is called that: holdfast token list", err=True)
        sys.exit(REFUSED)
    names = ", ".join(each.name for each in gone)
    click.echo(json.dumps({"revoked": [_shown(each) for each in gone]}) if as_json else f"revoked: {names}")


def _every() -> Sequence[Token]:
    try:
        return tokens.every(Settings().secrets)
    except SecretUnfit as error:
        _refused(error)


def _shown(token: Token) -> dict[str, object]:
    return {key: value for key, value in token._asdict().items() if key != "digest"}


def _refused(error: SecretUnfit) -> NoReturn:
    click.echo(f"holdfast: {error}", err=True)
    sys.exit(REFUSED)
