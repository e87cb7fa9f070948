"""What the lines of the stream are: events of this site to be archived, or lines to be kept aside.

Nothing is dropped: each line is a new event, or one that is archived, or is kept aside with the reason.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from calllog.events import AgentStateChanged, AnyEvent, Disposition, decode
from calllog.facts import owner_and_number
from calllog.stream import Entry

ANOTHER = "another event with this id is archived"


class Line(NamedTuple):
    """A line with its place: the entry's position, and its number in it from 1. `event`: see `read`."""

    position: str
    number: int
    raw: bytes
    event: AnyEvent | None
    reason: str = ""
    """Why it is kept aside."""


@dataclass
class Batch:
    """Lines of entries that follow each other, sorted."""

    position: str = ""
    """Of the last entry."""
    lines: int = 0
    events: dict[str, Line] = field(default_factory=dict)
    """By id, in the order of the stream."""
    aside: list[Line] = field(default_factory=list)

    def known(self, archived: Mapping[str, bytes]) -> None:
        """These ids are archived, as these lines; what says something else under such an id is kept aside."""
        for id_, raw in archived.items():
            line = self.events.pop(id_)
            if line.raw != raw:
                self.aside.append(line._replace(reason=ANOTHER))


def sort(entries: Iterable[Entry], site: str) -> Batch:
    """The lines of these entries."""
    batch, number = Batch(), 0
    for entry in entries:
        number = number + 1 if entry.position == batch.position else 1
        batch.position = entry.position
        batch.lines += 1
        line = Line(entry.position, number, entry.raw, entry.event)
        reason = entry.broken if entry.event is None else _foreign(entry.event, site)
        if entry.event is not None and not reason:
            if b"\\u0000" in entry.raw:
                line = line._replace(event=read(entry.raw))
            first = batch.events.setdefault(entry.event.id, line)
            reason = "" if first.raw == entry.raw else ANOTHER
        if reason:
            batch.aside.append(line._replace(reason=reason))
    return batch


def _foreign(event: AnyEvent, site: str) -> str:
    """Why it is no event of this site; its id is what makes it one of its own, so that has to be right."""
    if event.site != site:
        return "an event of another site"
    owner, number = owner_and_number(event)
    if isinstance(event, AgentStateChanged | Disposition) and owner != f"agent:{event.agent}":
        return "its id is not of its agent"
    if not owner or number < 1 or event.id != f"{owner}:{number}":
        return "its id is not of its call (or worker) and number"
    return ""


def read(raw: bytes) -> AnyEvent:
    """An archived line as an event for the tables, whose texts cannot hold NUL. Raises BrokenEntry."""
    return decode(raw.replace(b"\\u0000", b"\\ufffd") if b"\\u0000" in raw else raw)
