"""A log as the archive holds it, written by who writes it in earnest."""

from collections.abc import Sequence
from pathlib import Path

from calllog.archive.database import connect
from calllog.archive.writer import Writer
from calllog.events import AnyEvent, encode
from calllog.stream import Entry


def archived(path: Path | str, events: Sequence[AnyEvent], positions: Sequence[str]) -> None:
    """An archive there (or at that URL) with these events, which stand at these positions of the stream."""
    engine = connect(path)
    writer = Writer(engine, "main")
    writer.open()
    entries = [Entry(at, encode(event), event) for at, event in zip(positions, events, strict=True)]
    if entries:
        writer.write(entries)
    writer.close()
    engine.dispose()
