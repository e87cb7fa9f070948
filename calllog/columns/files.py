"""Where the columns of the archive lie, and which file holds what.

    <folder>/<archive>-<version>/waits/q1995648-5f0c….parquet      a quarter of an hour
                                 waits/d20788-91b2….parquet        a day, UTC

A file's name has the mark of what it holds: once a row of that time is written again the mark is another one,
and the file is no longer asked for. So nothing is ever changed in place, readers need no lock, and who was
killed over a file leaves nothing that is believed.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select

from calllog.archive.schema import progress, quarters
from calllog.errors import ColumnsAway
from calllog.facts import VERSION

QUARTERS_A_DAY = 96
Marks = Mapping[int, str]
"""Quarter → mark, of one table."""


class Held(NamedTuple):
    """What of a table's time lies in files, and what has to be read from the archive."""

    files: list[Path]
    missing: list[int]
    """Quarters, in order."""


def root(connection: Connection, folder: Path) -> Path:
    """Where the files of this archive are: not those of another one, nor of rows by older rules."""
    archive = connection.scalar(select(progress.c.value).where(progress.c.name == "archive")) or "new"
    return folder / f"{archive}-{VERSION}"


def of_archive(folder: Path, archive: str) -> Iterator[tuple[Path, int]]:
    """Where files of that archive are, and by which version of the rules."""
    for path in folder.iterdir() if folder.is_dir() else ():
        name, _, version = path.name.rpartition("-")
        if name == archive and version.isdecimal():
            yield path, int(version)


def marks_of(connection: Connection, name: str, first: int, last: int) -> dict[int, str]:
    """The quarters of a table that have rows, with their marks; `first` to `last`, both included."""
    found = select(quarters.c.quarter, quarters.c.mark).where(
        quarters.c.name == name, quarters.c.quarter >= first, quarters.c.quarter <= last
    )
    return {row.quarter: row.mark for row in connection.execute(found.order_by(quarters.c.quarter))}


def quarter_file(folder: Path, quarter: int, mark: str) -> Path:
    """The file of a quarter, whether it is there or not."""
    return folder / f"q{quarter}-{mark}.parquet"


def day_file(folder: Path, day: int, marks: Marks) -> Path:
    """The file of a day whose quarters have these marks."""
    told = hashlib.blake2b(repr(sorted(marks.items())).encode(), digest_size=6).hexdigest()
    return folder / f"d{day}-{told}.parquet"


def by_day(marks: Marks) -> dict[int, dict[int, str]]:
    """Day (UTC, days since the epoch) → its quarters."""
    days: dict[int, dict[int, str]] = {}
    for quarter, mark in marks.items():
        days.setdefault(quarter // QUARTERS_A_DAY, {})[quarter] = mark
    return days


def held(folder: Path, marks: Marks) -> Held:
    """What of these quarters lies in files of that folder: whole days first. Quarters of whole days.

    Raises ColumnsAway if nobody may look into it.
    """
    try:
        there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    except OSError as error:
        raise ColumnsAway(f"{folder}: {error.strerror}") from error
    files, missing = [], []
    for day, of_day in by_day(marks).items():
        whole = day_file(folder, day, of_day)
        if whole.name in there:
            files.append(whole)
            continue
        for quarter, mark in of_day.items():
            path = quarter_file(folder, quarter, mark)
            if path.name in there:
                files.append(path)
            else:
                missing.append(quarter)
    return Held(files, missing)


def rows_of(files: Iterable[Path]) -> str:
    """In SQL: all rows of these files."""
    return f"read_parquet([{', '.join(map(quoted, files))}])"


def quoted(path: Path) -> str:
    """In SQL: this path."""
    return "'" + str(path).replace("'", "''") + "'"
