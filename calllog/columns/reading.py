"""The archive by columns, for figures and reports: all of one period in a DuckDB in memory.

    archive (SQLite, PostgreSQL) ──► what has no file yet ──┐
    <data>/archive/columns/*.parquet ──► views ─────────────┴──► DuckDB ──► figures, reports

Under the name of each derived table DuckDB has its rows of the period and of some days around it. What is in
files is read when it is asked for, and only the columns that are asked for.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import CTE, Connection, Engine, Select, Table, and_, func, or_, select

from calllog.archive.schema import DERIVED, agent_states, system
from calllog.columns.dialect import in_memory
from calllog.columns.files import QUARTERS_A_DAY, held, marks_of, root, rows_of
from calllog.columns.rows import copy, create, insert
from calllog.figures.period import DAY_MS, Period

AROUND_MS = 2 * DAY_MS
"""A call, with all that belongs to it, lasts no longer."""
MEMORY = "256MB"
THREADS = 2


def opened(
    archive: Engine,
    period: Period,
    folder: Path | None = None,
    *,
    before_ms: int = AROUND_MS,
    after_ms: int = AROUND_MS,
    tables: Iterable[Table] = DERIVED,
) -> Engine:
    """A DuckDB with these tables, as the archive is at this instant. Dispose of it to free its memory.

    `folder`: where the archiver keeps files of columns; without it everything is read from the archive.
    `before_ms`, `after_ms`: how much around the period is wanted, rounded up to whole days. Of agents' states
    that began before, the last one of each agent is there too; of Asterisks, whether they could be reached.
    Raises ColumnsAway, as does whoever asks it, if a file cannot be read: then do without `folder`.
    """
    first = (period.from_at - before_ms) // DAY_MS
    last = (period.to_at + after_ms) // DAY_MS
    duck = in_memory(MEMORY, THREADS)
    with ExitStack() as failing:
        failing.callback(duck.dispose)
        with archive.connect() as rows, duck.connect() as columns:
            files = None if folder is None else root(rows, folder)
            for table in tables:
                _open(rows, table, columns, files, first, last)
        failing.pop_all()
    return duck


def _open(
    rows: Connection, table: Table, columns: Connection, folder: Path | None, first: int, last: int
) -> None:
    """One table under its name: those days, both included."""
    marks = marks_of(rows, table.name, first * QUARTERS_A_DAY, (last + 1) * QUARTERS_A_DAY - 1)
    files, missing = ([], list(marks)) if folder is None else held(folder / table.name, marks)
    name = f"{table.name}_in_memory" if files else table.name
    create(columns, table, name)
    copy(rows, table, missing, columns, name)
    if table is agent_states:
        _reaching(rows, first * DAY_MS, columns, name)
    if table is system:
        insert(rows, _reached(first * DAY_MS), table, columns, name)
    if files:
        every = ", ".join(f'"{each.name}"' for each in table.columns)
        columns.exec_driver_sql(
            f'CREATE VIEW "{table.name}" AS SELECT {every} FROM "{name}" '  # noqa: S608  (names of ours)
            f"UNION ALL SELECT {every} FROM {rows_of(files)}"
        )


def _reaching(rows: Connection, begin: int, columns: Connection, name: str) -> None:
    """States that began before and go on into the days that are read."""
    last = agent_states.alias("last")
    agents = _agents()
    latest = select(func.max(last.c.from_at)).where(last.c.agent == agents.c.agent, last.c.from_at < begin)
    of_agent = and_(
        agent_states.c.agent == agents.c.agent, agent_states.c.from_at == latest.scalar_subquery()
    )
    over = or_(agent_states.c.to_at.is_(None), agent_states.c.to_at > begin)
    insert(rows, select(agent_states).join(agents, of_agent).where(over), agent_states, columns, name)


def _agents() -> CTE:
    """Everybody who has been in a state: a look-up in the index for each, however many states there are."""
    found = select(func.min(agent_states.c.agent).label("agent")).cte("agents", recursive=True)
    after = select(func.min(agent_states.c.agent)).where(agent_states.c.agent > found.c.agent)
    following = after.correlate(found).scalar_subquery()
    return found.union_all(select(following).where(found.c.agent.is_not(None)))


def _reached(begin: int) -> Select[Any]:
    """What was told last, before then, of each Asterisk: that it is there, and since when it is not."""
    back = (
        select(system.c.asterisk, func.max(system.c.at).label("at"))
        .where(system.c.kind == "asterisk_connected", system.c.at < begin)
        .group_by(system.c.asterisk)
        .subquery("back")
    )
    is_back = and_(system.c.kind == "asterisk_connected", system.c.at == back.c.at)
    is_lost = and_(system.c.kind == "asterisk_lost", or_(back.c.at.is_(None), system.c.at > back.c.at))
    told = select(system).join(back, back.c.asterisk == system.c.asterisk, isouter=True)
    return told.where(system.c.at < begin, or_(is_back, is_lost))
