"""Every figure is the same of the columns of a SQLite file and of those of a PostgreSQL."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from calllog.archive.database import connect
from calllog.archive.schema import metadata
from calllog.figures.abandoned import abandoned_waits
from calllog.figures.agent_days import agent_bars
from calllog.figures.agents import AGENT_BY, agent_figures
from calllog.figures.calls import CALL_BY, call_figures
from calllog.figures.contact import CONTACT_BY, contact_figures
from calllog.figures.line import line_figures, refused_reasons
from calllog.figures.overtaking import overtaking_reasons
from calllog.figures.paths import passages, steps_of
from calllog.figures.patience import PATIENCE_BY, patience_curves
from calllog.figures.period import Period
from calllog.figures.queues import QUEUE_BY, queue_figures
from calllog.figures.sales import SALES_BY, sales_figures
from calllog.figures.surveys import SURVEY_BY, survey_figures
from calllog.figures.thresholds import Thresholds
from tests.archive.postgres_process import PostgresProcess
from tests.figures.days import day, setting
from tests.figures.filled import columns_of, facts_of, fill

SEED = 7
LIMITS = Thresholds(csat_min_answers=1, fcr_days=0.01)


@pytest.fixture
def both(postgres: PostgresProcess, tmp_path: Path) -> Iterator[tuple[Engine, Engine]]:
    """The columns of the same made-up day, read from either."""
    facts = facts_of(day(SEED))
    engines = connect(tmp_path / "archive.db"), connect(postgres.new_database())
    for engine in engines:
        metadata.create_all(engine)
        fill(engine, facts)
    columns = columns_of(engines[0]), columns_of(engines[1])
    yield columns
    for engine in (*engines, *columns):
        engine.dispose()


def everything(engine: Engine, period: Period, now: int) -> Iterator[tuple[Any, ...]]:
    """Name and result of every figure there is, by everything it can be shown by."""
    families: tuple[tuple[Any, Any, dict[str, Any]], ...] = (
        (queue_figures, QUEUE_BY, {}),
        (call_figures, CALL_BY, {}),
        (agent_figures, AGENT_BY, {"now": now}),
        (contact_figures, CONTACT_BY, {"now": now}),
        (survey_figures, SURVEY_BY, {}),
        (sales_figures, SALES_BY, {}),
    )
    for work, ways, more in families:
        for by, interval in product(ways, ("whole", "60m")):
            yield work.__name__, by, interval, work(engine, period, interval, by, LIMITS, **more)
    for by in PATIENCE_BY:
        curves = patience_curves(engine, period, by, now=now)
        yield "patience", by, [(curve.key, curve.callers, curve.points()) for curve in curves]
    yield "overtaking", overtaking_reasons(engine, period, "60m")
    yield "steps", tuple(steps_of(passages(engine, period)))
    yield "line", line_figures(engine, period, "60m", now=now)
    yield "refused", refused_reasons(engine, period, "60m")
    yield "bars", list(agent_bars(engine, period, now=now))
    yield "gave up", list(abandoned_waits(engine, period))


def test_both_say_the_same(both: tuple[Engine, Engine]) -> None:
    told = setting(SEED)
    period = Period(told.from_at, told.to_at, told.zone)
    sqlite, postgresql = (everything(engine, period, told.now) for engine in both)
    many = 0
    for one, other in zip(sqlite, postgresql, strict=True):
        assert one == other
        if isinstance(one[-1], list):
            assert repr(one[-1]) == repr(other[-1]), "numbers of other types: they would be written otherwise"
        many += len(one[-1])
    assert many > 500
