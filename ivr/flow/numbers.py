"""What is written as numbers called: what is none, and what is written twice."""

from collections.abc import Iterator, Mapping

from ivr.flow.document import Place, Problem
from ivr.flow.folder import Folder
from ivr.flow.naming import Misnamed
from ivr.numbering import Entry, read_entry


def check_numbers(folder: Folder) -> Iterator[Problem]:
    """Every number in numbers.yaml, and of a VIP, of which nobody could say what it means."""
    yield from _table(folder, folder.names("numbers.yaml", "numbers") or {})
    yield from _table(folder, folder.names("queues.yaml", "vips") or {})


def _table(folder: Folder, places: Mapping[str, Place]) -> Iterator[Problem]:
    entries: list[tuple[Entry, Place]] = []
    for written, place in places.items():
        try:
            entries.append((read_entry(written, folder.country), place))
        except Misnamed as error:
            yield Problem(place, str(error), error.hint)
    yield from _clashes(entries)


def _clashes(entries: list[tuple[Entry, Place]]) -> Iterator[Problem]:
    """Of two entries that a number fits the narrower counts: none is, if they are equally wide."""
    sized: dict[int | tuple[int, str], list[tuple[Entry, Place]]] = {}
    for entry, place in entries:
        alike = sized.setdefault((1, entry.first) if entry.size == 1 else entry.size, [])
        other = next((known for known in alike if known[0].clashes(entry)), None)
        if other is None:
            alike.append((entry, place))
            continue
        text = f"`{entry.written[:40]}` and `{other[0].written[:40]}` in line {other[1].line} "
        same = (
            "are the same number" if entry.size == 1 else "both stand for a number, and neither is narrower"
        )
        yield Problem(place, text + same, "keep one of them")
