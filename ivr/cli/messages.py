"""`holdfast messages`: what callers have left in the boxes. The call log tells of each, its file holds it."""

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from calllog.call_events import Recorded
from calllog.errors import LogAway
from calllog.events import redacted
from calllog.printable import duration, escaped, printable, printable_json
from calllog.stream import LogStream
from ivr.cli import AWAY, FINDINGS, OK, REFUSED, json_option
from ivr.recordings import Recordings
from ivr.settings import Settings

SLACK_MS = 60_000
"""The log tells of a message after its file was written, as far as clocks agree."""


class Message(NamedTuple):
    """One message. `at`: when it was left, ms since the epoch. Personal: `caller`."""

    id: str
    at: int
    box: str
    caller: str
    length_s: float
    heard: bool
    file: Path
    call: str


@click.command()
@click.option("-b", "--box", metavar="BOX", help="Only messages of this box.")
@click.option("--new", "only_new", is_flag=True, help="Only messages that nobody has marked as heard.")
@click.option("--heard", multiple=True, metavar="ID", help="Mark a message as heard.")
@click.option("--delete", multiple=True, metavar="ID", help="Delete a message for ever.")
@click.option("--redact", is_flag=True, help="Hide callers' numbers.")
@json_option
def messages(
    box: str | None,
    only_new: bool,
    heard: tuple[str, ...],
    delete: tuple[str, ...],
    redact: bool,
    as_json: bool,
) -> None:
    """Show the messages that callers have left, the oldest first.

    Each is a WAV file below the data directory. It is deleted by --delete, or after
    HOLDFAST_RECORDINGS_DAYS.

    \b
    holdfast messages --box sales --new
    holdfast messages --heard main-1795314029-2-1
    play "$(holdfast messages --json | jq -r '.messages[0].file')"

    \b
    Exit codes: 0 done · 1 no such message · 2 wrong usage · 3 Redis is away
                4 this user may not see messages
    """
    settings = Settings()
    recordings = Recordings(settings.data)
    try:
        found = asyncio.run(_read(settings, recordings, redact))
        known = {message.id for message in found}
        missing = [name for name in (*heard, *delete) if name not in known]
        for name in heard:
            if name in known:
                recordings.heard(name).touch(mode=0o600)
        for name in delete:
            if name in known:
                recordings.delete(name)
    except LogAway as error:
        _refuse(str(error), AWAY)
    except PermissionError as error:
        _refuse(f"{error.filename}: {error.strerror}: messages are for root and for Asterisk", REFUSED)
    if missing:
        _refuse(f"there is no message {', '.join(map(printable, missing))}", FINDINGS)
    if not heard and not delete:
        _show([m for m in found if box in (None, m.box) and not (only_new and m.heard)], as_json)
    sys.exit(OK)


async def _read(settings: Settings, recordings: Recordings, redact: bool) -> list[Message]:
    """Messages in the log whose files are there."""
    files = recordings.names()
    if not files:
        return []
    found: dict[str, Message] = {}
    async with LogStream(settings.redis, settings.site) as stream:
        async for entry in stream.read(f"{max(0, round(min(files.values()) * 1000) - SLACK_MS)}-0"):
            event = entry.event
            if isinstance(event, Recorded) and event.box and event.recording in files:
                shown = redacted(event) if redact else event
                assert isinstance(shown, Recorded)
                found[event.recording] = _message(shown, recordings)
    return sorted(found.values(), key=lambda message: message.at)


def _message(event: Recorded, recordings: Recordings) -> Message:
    name, length_s = event.recording, event.length_ms / 1000
    heard, file = recordings.heard(name).exists(), recordings.file(name)
    return Message(name, event.at, event.box, event.from_, length_s, heard, file, event.call)


def _show(found: list[Message], as_json: bool) -> None:
    if as_json:
        listed = [message._asdict() | {"file": str(message.file)} for message in found]
        click.echo(printable_json(msgspec.json.encode({"messages": listed}).decode()))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("when", "box", "from", "length", "", "id"):
        table.add_column(column, justify="right" if column == "length" else "left", overflow="fold")
    for message in found:
        when = f"{datetime.fromtimestamp(message.at / 1000).astimezone():%Y-%m-%d %H:%M}"
        new = "" if message.heard else "new"
        length = duration(message.length_s * 1000)
        cells = (when, printable(message.box), printable(message.caller) or "hidden", length, new, message.id)
        table.add_row(*map(Text, cells))
    console = Console(highlight=False)
    if found:
        console.print(table)
    count = sum(not message.heard for message in found)
    console.print(f"{len(found)} message{'' if len(found) == 1 else 's'}, {count} new")


def _refuse(why: str, code: int) -> None:
    click.echo(f"holdfast: {escaped(why)}", err=True)
    sys.exit(code)
