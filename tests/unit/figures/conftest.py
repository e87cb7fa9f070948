"""Small tables made by hand, of which every figure can be worked out on paper."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from calllog.archive.database import connect
from calllog.archive.schema import metadata

Fill = Callable[..., None]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Engine]:
    """An empty archive."""
    engine = connect(tmp_path / "archive.db")
    metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def fill(archive: Engine) -> Fill:
    """fill("waits", {…}, {…}): rows into a table; each row may name other columns."""

    def fill(table: str, *rows: dict[str, Any]) -> None:
        with archive.begin() as connection:
            for row in rows:
                connection.execute(insert(metadata.tables[table]).values(**row))

    return fill
