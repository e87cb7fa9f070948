"""`holdfast publish`, `versions`, `diff`, `rollback`: what is live, who made it so, when and why."""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from difflib import unified_diff
from getpass import getuser
from os import environ
from pathlib import Path
from typing import TypeVar

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from calllog.printable import escaped, printable_json
from ivr.cli import FINDINGS, OK, REFUSED, json_option
from ivr.cli.desk import run
from ivr.cli.foretelling import foretell
from ivr.cli.problems import as_dicts, as_text
from ivr.flow.check import BrokenCallflows, files_of
from ivr.flow.document import visible
from ivr.publish import Published, Record, UnknownVersion, Unsaved, Versions
from ivr.rehearsal import Rehearsal
from ivr.settings import Settings

Done = TypeVar("Done")

by_option = click.option("--by", metavar="NAME", help="Who publishes (default: the user who is logged in).")


@click.command()
@click.option("-m", "--message", default="", help="Why, for `holdfast versions`.")
@click.option("--dry-run", is_flag=True, help="Only tell what it would change for those who wait now.")
@by_option
@json_option
def publish(message: str, dry_run: bool, by: str | None, as_json: bool) -> None:
    """Take what is in callflows/ live as the next version, if the check and its tests pass.

    New calls follow it within a second; calls under way stay on theirs. If it went live by itself when it
    was saved, it gets your name and MESSAGE now. HOLDFAST_WATCH=no makes this the only way to live.

    With --dry-run nothing is published: it tells whose place would change, and who would have to leave.

    \b
    Exit codes: 0 it is live · 1 it has errors, the last version stays · 2 wrong usage
                3 Redis is away (--dry-run)
    """
    settings = Settings()
    if dry_run:
        then = _or_problems(settings, as_json, lambda versions: versions.try_out(settings.callflows))
        run(lambda store: foretell(store, then, as_json))
    _act(settings, as_json, lambda versions: versions.publish(settings.callflows, by or _user(), message))


@click.command()
@click.argument("version", type=click.IntRange(min=1))
@click.option("--discard", is_flag=True, help="Throw away what in callflows/ was never published.")
@click.option("-m", "--message", default="", help="Why, for `holdfast versions`.")
@by_option
@json_option
def rollback(version: int, discard: bool, message: str, by: str | None, as_json: bool) -> None:
    """Make callflows/ what it was in VERSION, and take that live as the next version.

    VERSION may be the live one: with --discard that undoes every change since, broken ones, too.

    \b
    Exit codes: 0 it is live · 1 that version does not pass today's check · 2 wrong usage
                4 no such version, or callflows/ has changes that were never published
    """
    settings = Settings()
    who = by or _user()
    place = settings.callflows
    _act(settings, as_json, lambda versions: versions.roll_back(version, place, who, message, discard))


@click.command()
@json_option
def versions(as_json: bool) -> None:
    """List the versions that are kept, the newest first. The first line is what new calls follow.

    \b
    Exit codes: 0 done · 2 wrong usage
    """
    records = Versions(Settings().data).records()
    if as_json:
        click.echo(printable_json(msgspec.json.encode({"versions": records}).decode()))
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("version", justify="right")
    for column in ("when (UTC)", "who", "why"):
        table.add_column(column, overflow="fold")
    for record in records:
        when = datetime.fromtimestamp(record.at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        why = escaped(record.message) or _by_itself(record)
        table.add_row(str(record.version), when, Text(escaped(record.by)), Text(why))
    Console(highlight=False).print(table if records else "nothing was published here yet")


def _by_itself(record: Record) -> str:
    return {"watch": "(saved in callflows/)", "start": "(the server started)"}.get(record.by, "")


@click.command()
@click.argument("old", required=False, type=click.IntRange(min=1))
@click.argument("new", required=False, type=click.IntRange(min=1))
@json_option
def diff(old: int | None, new: int | None, as_json: bool) -> None:
    """Show what differs between version OLD (the live one) and version NEW (what is in callflows/ now).

    \b
    holdfast diff          what would change if callflows/ were published
    holdfast diff 3        what has changed since version 3
    holdfast diff 3 4      what version 4 changed

    \b
    Exit codes: 0 no difference · 1 they differ · 2 wrong usage · 4 no such version
    """
    settings = Settings()
    known = Versions(settings.data)
    newest = known.newest()
    try:
        if old is None and newest is None:
            raise UnknownVersion("nothing was published here yet")
        before = known.directory_of(old if old is not None else newest.version if newest else 0)
        after = known.directory_of(new) if new is not None else settings.callflows
    except UnknownVersion as unknown:
        click.echo(f"holdfast: {unknown}", err=True)
        sys.exit(REFUSED)
    found = {name: list(lines) for name, lines in _changes(before, after)}
    if as_json:
        click.echo(printable_json(msgspec.json.encode({"files": found}).decode()))
    else:
        for lines in found.values():
            click.echo("\n".join(lines))
        if not found:
            click.echo("no difference")
    sys.exit(FINDINGS if found else OK)


def _changes(before: Path, after: Path) -> Iterator[tuple[str, list[str]]]:
    """File → the lines of its difference, for each file that differs."""
    old, new = ({str(path.relative_to(top)): path for path in files_of(top)} for top in (before, after))
    for name in sorted(old.keys() | new.keys()):
        was, now = (found[name].read_bytes() if name in found else None for found in (old, new))
        if was == now:
            continue
        if name.endswith(".wav"):
            word = "added" if was is None else "deleted" if now is None else "recorded anew"
            yield name, [f"{name}: {word}"]
        else:
            yield name, list(unified_diff(_lines(was), _lines(now), f"a/{name}", f"b/{name}", lineterm=""))


def _lines(content: bytes | None) -> list[str]:
    return [visible(line) for line in (content or b"").decode("utf-8", "replace").splitlines()]


def _act(settings: Settings, as_json: bool, work: Callable[[Versions], Published]) -> None:
    done = _or_problems(settings, as_json, work)
    number = done.callflows.version
    if as_json:
        facts = {"live": True, "version": number, "new": done.fresh}
        click.echo(printable_json(msgspec.json.encode(facts).decode()))
    else:
        click.echo(f"version {number} is live" + ("" if done.fresh else ": it has the same content"))


def _or_problems(settings: Settings, as_json: bool, work: Callable[[Versions], Done]) -> Done:
    """What comes of it; if nothing can, why, and the end."""
    try:
        return work(Versions(settings.data, Rehearsal.of(settings)))
    except BrokenCallflows as broken:
        place = settings.callflows
        if as_json:
            facts = {"live": False, "problems": as_dicts(place, broken.problems)}
            click.echo(printable_json(msgspec.json.encode(facts).decode()))
        else:
            click.echo(as_text(place, broken.problems))
        sys.exit(FINDINGS)
    except (UnknownVersion, Unsaved) as refused:
        click.echo(f"holdfast: {escaped(str(refused))}", err=True)
        sys.exit(REFUSED)


def _user() -> str:
    return environ.get("SUDO_USER") or getuser()
