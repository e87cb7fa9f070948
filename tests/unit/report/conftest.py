"""Archives that several tests look at, and never change."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from calllog.archive.database import connect
from calllog.report.model import Report
from calllog.report.source import Source
from ivr.cli import main
from tests.unit.report.archives import EVERY, HOSTILE, source_of
from tests.unit.report.busy_day import DAY, NOW, BusyDay

Holdfast = Callable[..., Result]
Made = Callable[[str], Report]
_KNOWN: dict[tuple[str, ...], Result] = {}


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the busy day in its archive."""
    place = tmp_path_factory.mktemp("data")
    (place / "archive").mkdir()
    BusyDay().fill(place / "archive" / "archive.db").dispose()
    return place


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """The same day in a centre whose names are attacks."""
    engine = BusyDay(names=HOSTILE).fill(tmp_path_factory.mktemp("hostile") / "archive.db")
    with closing(source_of(engine, DAY, NOW, interval="60m")) as source:
        yield source
    engine.dispose()


@pytest.fixture(scope="session")
def day(data: Path) -> Iterator[Source]:
    """What reports of the busy day are made from."""
    engine = connect(data / "archive" / "archive.db", read_only=True)
    with closing(source_of(engine, DAY, NOW)) as source:
        yield source
    engine.dispose()


@pytest.fixture(scope="session")
def made(day: Source) -> Made:
    """Each report of the busy day, by its name, made once."""
    return cache(lambda name: EVERY[name](day))


@pytest.fixture
def holdfast(data: Path, monkeypatch: pytest.MonkeyPatch) -> Holdfast:
    """The command over the busy day. It never changes: what was asked once is not made again."""
    monkeypatch.setenv("HOLDFAST_DATA", str(data))
    monkeypatch.setenv("HOLDFAST_CALLFLOWS", str(data / "none"))
    monkeypatch.setenv("COLUMNS", "140")

    def run(*args: str) -> Result:
        if "-o" in args or "--output" in args or os.environ["HOLDFAST_DATA"] != str(data):
            return CliRunner().invoke(main, args)
        if args not in _KNOWN:
            _KNOWN[args] = CliRunner().invoke(main, args)
        return _KNOWN[args]

    return run
