"""Small tables made by hand, of which every figure can be worked out on paper."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Connection, Engine, insert

from calllog.archive.database import connect
from calllog.archive.instants import INSTANT, touch_all
from calllog.archive.schema import metadata
from calllog.columns.reading import opened
from calllog.figures.period import Period
from calllog.vocabulary import LEFT_CLASS

Fill = Callable[..., None]
NOON = 1_795_348_800_000
"""22 November 2026, 12:00 UTC."""
ALWAYS = Period(0, 2_000_000_000_000)


class Reading:
    """An archive as figures are given it: by columns, as it is when they are asked for."""

    def __init__(self, rows: Engine) -> None:
        self.rows = rows
        self._columns: Engine | None = None

    def connect(self) -> Connection:
        """As of an Engine, which is all that figures know of it."""
        self._columns = self._columns or opened(self.rows, ALWAYS)
        return self._columns.connect()

    def changed(self) -> None:
        """There are other rows: they are read when somebody asks again."""
        if self._columns is not None:
            self._columns.dispose()
        self._columns = None


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    rows = connect(tmp_path / "archive.db")
    metadata.create_all(rows)
    reading = Reading(rows)
    yield reading
    reading.changed()
    rows.dispose()


@pytest.fixture
def archive(reading: Reading) -> Engine:
    """An empty archive."""
    return cast(Engine, reading)


@pytest.fixture
def fill(reading: Reading) -> Fill:
    """fill("waits", {…}, {…}): rows into a table; each row may name other columns."""

    def fill(table: str, *rows: dict[str, Any]) -> None:
        with reading.rows.begin() as connection:
            for row in rows:
                connection.execute(insert(metadata.tables[table]).values(**_whole(table, row)))
            touch_all(connection)
        reading.changed()

    return fill


def _whole(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """With what the archive always says, too."""
    if table == "waits":
        return {"class": LEFT_CLASS.get(row["reason"], "W"), **row}
    return {INSTANT[table]: NOON, **row}
