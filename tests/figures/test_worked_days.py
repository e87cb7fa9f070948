"""The numbers that docs/worked-days.md works out by hand are those that the figures give."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Engine

from calllog.events import decode
from calllog.figures.figure import Value
from calllog.figures.keys import By
from tests.figures import naive_answers, naive_people, naive_queues
from tests.figures.families import FAMILIES
from tests.figures.filled import columns_of, empty_archive, facts_of, fill
from tests.figures.naive import Log, Record
from tests.figures.naive_queues import LIMITS
from tests.figures.test_days import violations
from tests.figures.views import View
from tests.figures.worked import Expected, Told, WorkedDay, read

TEXT = (Path(__file__).parents[2] / "docs/worked-days.md").read_text()
DAYS = read(TEXT)
TABLES = [(day, table) for day in DAYS for table in day.expected]


def plainly(day: WorkedDay, table: Expected) -> Record:
    """The same figures by the naive twin."""
    log, period = Log(day.lines), (table.from_at, table.to_at, day.zone)
    begin, end = table.from_at, table.to_at
    match table.family:
        case "queues":
            rows = naive_queues.queue_rows(log, period, "whole", table.by, LIMITS)
        case "calls":
            rows = naive_queues.call_rows(log, period, "whole", table.by)
        case "agents":
            rows = naive_people.agent_rows(log, period, "whole", table.by, day.now)
        case "surveys":
            rows = naive_answers.survey_rows(log, period, "whole", table.by, LIMITS)
        case "sales":
            rows = naive_answers.sales_rows(log, period, "whole", table.by)
        case _:
            rows = naive_answers.contact_rows(log, period, "whole", table.by, LIMITS, day.now)
    return rows[begin, end, table.key]


@pytest.fixture(scope="module")
def archives() -> Iterator[Callable[[WorkedDay], Engine]]:
    """The columns of a worked day's archive, in memory."""
    made: dict[str, Engine] = {}

    def of(day: WorkedDay) -> Engine:
        if day.title not in made:
            archive = empty_archive()
            fill(archive, facts_of(day.lines))
            made[day.title] = columns_of(archive)
            archive.dispose()
        return made[day.title]

    yield of
    for engine in made.values():
        engine.dispose()


def really(engine: Engine, day: WorkedDay, table: Expected) -> Mapping[str, Value]:
    """The figures as reports show them."""
    seen = View((table.from_at, table.to_at, day.zone), "whole", LIMITS, day.now)
    real = FAMILIES[table.family][1]
    return next(row.values for row in real(engine, seen, cast(By, table.by)) if row.key == table.key)


def wrong(found: Mapping[str, Value], table: Expected) -> list[str]:
    """Every figure of the table that is another number, to seven digits."""
    return [
        f"{name}: {found[name]}, {value} by hand"
        for name, value in table.values.items()
        if (found[name] is None) != (value is None)
        or (value is not None and found[name] != pytest.approx(value, rel=1e-6))
    ]


def test_the_document_has_three_days_with_numbers() -> None:
    assert len(DAYS) == 3
    assert sum(len(table.values) for _, table in TABLES) > 100
    assert all(day.lines and day.from_at < day.to_at <= day.now for day in DAYS)


@pytest.mark.parametrize("day", DAYS, ids=lambda day: str(day.title)[:1])
def test_what_happened_is_a_sound_log(day: WorkedDay) -> None:
    assert violations([decode(line) for line in day.lines]) == []


@pytest.mark.parametrize(("day", "table"), TABLES, ids=lambda x: str(getattr(x, "family", "day")))
def test_the_twin_gives_the_numbers_worked_out_by_hand(day: WorkedDay, table: Expected) -> None:
    assert wrong(plainly(day, table), table) == []


@pytest.mark.parametrize(("day", "table"), TABLES, ids=lambda x: str(getattr(x, "family", "day")))
def test_the_figures_are_the_numbers_worked_out_by_hand(
    day: WorkedDay, table: Expected, archives: Callable[[WorkedDay], Engine]
) -> None:
    assert wrong(really(archives(day), day, table), table) == []


def test_a_phrase_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="nobody knows what `dances` means"):
        Told().tell(0, "A", "dances")
