"""Makes the files of columns, behind the archiver: of quarters of an hour that are at rest, then of days."""

import os
import shutil
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, Table, select

from calllog.archive.database import upkept
from calllog.archive.instants import INSTANT, QUARTER_MS
from calllog.archive.schema import metadata, quarters
from calllog.columns.dialect import in_memory
from calllog.columns.files import (
    QUARTERS_A_DAY,
    day_file,
    held,
    marks_of,
    of_archive,
    quarter_file,
    quoted,
    root,
    rows_of,
)
from calllog.columns.rows import copy, create
from calllog.errors import ArchiveAway, ColumnsAway
from calllog.scratch import Scratch

SETTLED_MS = 300_000
"""A quarter is at rest if nothing of it has been written for so long. No report takes longer to be read, so
whatever has been out of date for so long can be removed."""
DAYS_KEPT = 7
"""So many days after a day has a file its quarters keep theirs: a late event then costs one of them anew."""
MEMORY = "128MB"


class Maker:
    """Files of one archive. Methods raise ArchiveAway for what the archive or the disk cannot do now."""

    def __init__(
        self, archive: Engine, folder: Path, *, settled_ms: int = SETTLED_MS, doubting: bool = False
    ) -> None:
        """`doubting`: files that are there are read once, whole, before they are believed."""
        self._archive, self._folder, self._settled_ms = archive, folder, settled_ms
        self._doubting = doubting
        self._duck = in_memory(MEMORY, threads=1)
        self._seen_at = 0
        """What was touched before has been looked at."""
        self._waiting: set[tuple[str, int]] = set()
        """Tables and days (UTC, since the epoch) that may lack a file."""

    def close(self) -> None:
        """Leave the archive, free the memory."""
        self._archive.dispose()
        self._duck.dispose()

    def make(self, now: int) -> Iterator[Path]:
        """Make what can be made now (ms), one file for each step."""
        with upkept(self._archive), _upkept(self._folder):
            with self._archive.connect() as connection:
                folder = root(connection, self._folder)
                self._look(connection, now)
            self._remove_older(folder)
            for name, day in sorted(self._waiting, key=lambda each: each[1]):
                at_rest = yield from self._of_day(folder / name, metadata.tables[name], day, now)
                if at_rest:
                    self._waiting.discard((name, day))

    def _remove_older(self, folder: Path) -> None:
        """Rows by older rules: nobody reads them any more."""
        archive, _, version = folder.name.rpartition("-")
        for path, of_version in list(of_archive(self._folder, archive)):
            if of_version < int(version):
                shutil.rmtree(path)

    def _look(self, connection: Connection, now: int) -> None:
        touched = select(quarters.c.name, quarters.c.quarter).where(quarters.c.touched_at >= self._seen_at)
        found = {(name, quarter // QUARTERS_A_DAY) for name, quarter in connection.execute(touched)}
        self._waiting |= found
        self._seen_at = now - SETTLED_MS  # a transaction is seen later than it says

    def _of_day(self, folder: Path, table: Table, day: int, now: int) -> Generator[Path, None, bool]:
        """Make what is missing of a day; returns whether nothing of it will be, unless it is touched."""
        first, at = day * QUARTERS_A_DAY, (day + 1) * QUARTERS_A_DAY * QUARTER_MS
        with self._archive.connect() as connection:
            marks = marks_of(connection, table.name, first, first + QUARTERS_A_DAY - 1)
        if self._doubting:
            self._remove_broken(held(folder, marks).files)
        for quarter in held(folder, marks).missing:
            path = self._quarter(folder, table, quarter, now)
            if path is not None:
                yield path
        there = held(folder, marks)
        over = now > at + self._settled_ms
        if over and not there.missing and len(there.files) > 1:
            path = day_file(folder, day, marks)
            try:
                self._write(folder, path, rows_of(there.files), table)
            except ColumnsAway:
                if not self._remove_broken(there.files):
                    raise
                return False  # next time they are made anew
            self._tidy(folder, f"d{day}-", path)
            self._remove_quarters(folder, day - DAYS_KEPT)
            yield path
        return over and not there.missing

    def _quarter(self, folder: Path, table: Table, quarter: int, now: int) -> Path | None:
        """The file of a quarter, unless that is not at rest."""
        if now < (quarter + 1) * QUARTER_MS + self._settled_ms:
            return None
        with self._archive.connect() as connection, self._duck.connect() as duck:
            told = select(quarters.c.mark, quarters.c.touched_at).where(
                quarters.c.name == table.name, quarters.c.quarter == quarter
            )
            row = connection.execute(told).first()
            if row is None or now - row.touched_at < self._settled_ms:
                return None
            path = quarter_file(folder, quarter, row.mark)
            create(duck, table, "made")
            try:
                copy(connection, table, [quarter], duck, "made")
                self._write(folder, path, "made", table)
            finally:
                duck.exec_driver_sql("DROP TABLE made")
        self._tidy(folder, f"q{quarter}-", path)
        return path

    def _write(self, folder: Path, path: Path, source: str, table: Table) -> None:
        """The whole file or none."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        rows = f'SELECT * FROM {source} ORDER BY "{INSTANT[table.name]}"'  # noqa: S608  (names of ours)
        scratch = Scratch(self._folder)
        try:
            beside = scratch.folder / path.name
            with self._duck.connect() as duck:
                duck.exec_driver_sql(f"COPY ({rows}) TO {quoted(beside)} (FORMAT parquet, COMPRESSION zstd)")
            with beside.open("rb") as file:
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            scratch.remove()

    def _remove_broken(self, files: Iterable[Path]) -> bool:
        """Remove those of which not every row can be read; returns whether there were any."""
        broken = [path for path in files if not self._readable(path)]
        for path in broken:
            path.unlink(missing_ok=True)
        return bool(broken)

    def _readable(self, path: Path) -> bool:
        try:
            with self._duck.connect() as duck:
                duck.exec_driver_sql(f"SELECT bit_xor(hash(row)) FROM {rows_of([path])} row").all()  # noqa: S608
        except ColumnsAway:
            return False
        return True

    def _tidy(self, folder: Path, begin: str, kept: Path) -> None:
        """Remove what is out of date of the same time."""
        for path in folder.glob(f"{begin}*.parquet"):
            if path != kept:
                path.unlink(missing_ok=True)

    def _remove_quarters(self, folder: Path, day: int) -> None:
        """Of days up to this one that have a file."""
        days = {int(path.name[1:].partition("-")[0]) for path in folder.glob("d*.parquet")}
        for path in folder.glob("q*.parquet"):
            of_day = int(path.name[1:].partition("-")[0]) // QUARTERS_A_DAY
            if of_day <= day and of_day in days:
                with suppress(FileNotFoundError):
                    path.unlink()


@contextmanager
def _upkept(folder: Path) -> Iterator[None]:
    """Raises ArchiveAway for what the disk cannot do now."""
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        raise ArchiveAway(f"the copy by columns at {where} cannot be written: {error.strerror}") from error
