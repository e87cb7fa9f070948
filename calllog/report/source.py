"""What a report is made from: an archive, a period, thresholds; and the figures, asked for once each."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table

from calllog.archive.schema import DERIVED, agent_states, calls, offers, talks
from calllog.columns.files import QUARTERS_A_DAY, marks_of
from calllog.columns.reading import AROUND_MS, opened
from calllog.figures.agents import agent_figures_by
from calllog.figures.calls import call_figures
from calllog.figures.catalogue import FIGURES
from calllog.figures.contact import contact_figures_by
from calllog.figures.figure import Figure, Row
from calllog.figures.keys import By
from calllog.figures.period import DAY_MS, Interval, Period, local, zone_of
from calllog.figures.queues import queue_figures
from calllog.figures.routing import Routed, routed
from calllog.figures.surveys import survey_figures
from calllog.figures.thresholds import Thresholds
from calllog.report.behind import Opener
from calllog.report.model import (
    Behind,
    Cell,
    Column,
    Definition,
    Kind,
    Report,
    Section,
    Tile,
    Tone,
    Value,
    definition,
)

Told = Callable[[str], None]
"""Is told what a report is doing now, for who waits for it."""

TONES: dict[str, Tone] = {
    "answered": "answered",
    "abandoned": "abandoned",
    "abandon_rate": "abandoned",
    "abandon_rate_raw": "abandoned",
    "abandoned_before_agent": "abandoned",
    "ivr_exit": "abandoned",
    "hold_abandoned": "abandoned",
    "abandoned_calls": "abandoned",
    "completed": "answered",
    "lost": "failed",
    "failed": "failed",
    "failed_calls": "failed",
    "service_level": "answered",
}
KINDS: dict[str, Kind] = {"count": "count", "share": "share", "ms": "ms", "score": "number", "ratio": "share"}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Source:
    """One report's view of the archive."""

    def __init__(
        self,
        archive: Engine,
        period: Period,
        thresholds: Thresholds,
        now: int,
        *,
        columns: Path | None = None,
        interval: Interval | None = None,
        deep: bool = True,
        told: Told = lambda _: None,
    ) -> None:
        """`columns`: where the archive's files of columns are; `now`: ends what is open.

        `deep`: whether figures can be opened; `told`: hears what goes on.
        """
        self.period, self.thresholds, self.now = period, thresholds, now
        self.interval: Interval = interval or fitting(period)
        self.open = Opener(period, thresholds, wanted=deep)
        self.told = told
        self.queues = cache(self._queues)
        self._archive, self._columns, self._deep = archive, columns, deep
        self._opened = ExitStack()

    @cached_property
    def engine(self) -> Engine:
        """The archive by columns, but for agents' states: the period, and what belongs to its calls."""
        self.told("the archive")
        return self._engine(self.period, (table for table in DERIVED if table is not agent_states))

    @cached_property
    def of_agents(self) -> Engine:
        """What agents did. Their states are a report's largest table, and few reports need it."""
        return self._engine(self.period, (agent_states, offers, talks))

    def over(self, period: Period) -> "Source":
        """The same over another time. It is closed with this one."""
        archive, thresholds, columns = self._archive, self.thresholds, self._columns
        other = Source(
            archive, period, thresholds, self.now, columns=columns, deep=self._deep, told=self.told
        )
        self._opened.callback(other.close)
        return other

    def close(self) -> None:
        """Free what reading has taken. No list of its reports can be read any more."""
        self._opened.close()

    def _engine(self, period: Period, tables: Iterable[Table], after_ms: int = AROUND_MS) -> Engine:
        engine = opened(self._archive, period, self._columns, after_ms=after_ms, tables=tables)
        self._opened.callback(engine.dispose)
        return engine

    def contact(self, *several: By) -> dict[By, list[Row]]:
        """Whether it was settled at the first contact, in the whole period, by each of these."""
        self.told("who called again")
        return contact_figures_by(self.later, self.period, "whole", several, self.thresholds, now=self.now)

    @cached_property
    def later(self) -> Engine:
        """With the calls of the days in which a second one would say that the first has not settled it."""
        queues = ("", *self.thresholds.queues)
        after_ms = max(AROUND_MS, *(self.thresholds.fcr_ms(queue) for queue in queues))
        if not self._called(self.period.to_at + AROUND_MS, self.period.to_at + after_ms):
            return self.engine
        tables = (table for table in DERIVED if table is not agent_states)
        return self._engine(self.period, tables, after_ms)

    def _called(self, after: int, until: int) -> bool:
        """Whether there are calls of days after that of the one instant, until that of the other (ms)."""
        first, last = after // DAY_MS + 1, until // DAY_MS
        with self._archive.connect() as connection:
            return bool(
                marks_of(connection, calls.name, first * QUARTERS_A_DAY, (last + 1) * QUARTERS_A_DAY - 1)
            )

    def _behind(self) -> dict[str, Behind]:
        self.told("the calls behind the figures")
        asked, self.open = self.open, Opener(self.period, self.thresholds, wanted=self._deep)
        return asked.found(self.engine, lambda: self.later)

    def _queues(self, interval: Interval, by: By, *, overtaking: bool = False) -> list[Row]:
        shown = {"": "", "weekday_hour": " by weekday and hour"}.get(by, f" by {by}")
        self.told(f"figures of queues{shown}")
        return queue_figures(self.engine, self.period, interval, by, self.thresholds, overtaking=overtaking)

    def agents(self, *several: By) -> dict[By, list[Row]]:
        """The figures of agents of the whole period, by each of these."""
        self.told("figures of agents")
        return agent_figures_by(self.of_agents, self.period, "whole", several, now=self.now)

    def calls(self, interval: Interval, by: By) -> list[Row]:
        """The figures of calls."""
        self.told("figures of calls" + (f" by {by}" if by else ""))
        return call_figures(self.engine, self.period, interval, by, self.thresholds)

    def surveys(self, by: By, survey: str = "") -> list[Row]:
        """Satisfaction in the whole period: of one survey, or of all that ask for it."""
        self.told("answers of surveys" + (f" by {by}" if by else ""))
        return survey_figures(self.engine, self.period, "whole", by, self.thresholds, survey=survey)

    def routed(self) -> Routed:
        """How well callers were handed to agents, out of the events of the period. Raises TooMany."""
        self.told("what an ideal router would have done")
        return routed(self._archive, self.period)

    def report(self, name: str, title: str, sections: Iterable[Section], subject: str = "") -> Report:
        """The report of these sections, with the definitions of what is in them."""
        made = tuple(sections)
        return Report(
            name=name,
            title=title,
            period=self.period,
            made_at=self.now,
            sections=made,
            subject=subject,
            definitions=definitions_in(made),
            behind=self._behind(),
        )


def fitting(period: Period) -> Interval:
    """An interval of which the period has a few dozen."""
    days = (period.to_at - period.from_at) / DAY_MS
    steps: tuple[tuple[float, Interval], ...] = ((0.26, "15m"), (1.1, "30m"), (3.1, "60m"), (63, "day"))
    return next((interval for limit, interval in steps if days <= limit), "week" if days <= 430 else "month")


def definitions_in(sections: Iterable[Section]) -> dict[str, Definition]:
    """The definitions of all figures that columns and tiles of these sections name, in their order."""
    named: dict[str, None] = {}
    for section in sections:
        for block in section.blocks:
            for part in (*getattr(block, "columns", ()), *getattr(block, "tiles", ())):
                if getattr(part, "defined", "") in FIGURES:
                    named[part.defined] = None
    return {name: definition(FIGURES[name]) for name in named}


def column(name: str, *, wide: bool = False, bar: bool = False, title: str = "") -> Column:
    """The column of a figure: titled, shown and defined as the figure is."""
    figure: Figure = FIGURES[name]
    return Column(
        name=name,
        title=title or figure.title,
        kind=KINDS[figure.unit],
        tone=TONES.get(name, ""),
        wide=wide,
        bar=bar,
        defined=name,
    )


def text_column(name: str, title: str, **more: Any) -> Column:
    """A column that names something."""
    return Column(name=name, title=title, **more)


def tile(
    values: Mapping[str, Value],
    name: str,
    detail: str = "",
    *,
    calls: str = "",
    title: str = "",
    tone: Tone | None = None,
) -> Tile:
    """One of these figures, to be seen first: titled, shown, coloured and defined as the figure is.

    `title` and `tone`: its own instead.
    """
    shown = column(name, title=title)
    return Tile(
        title=shown.title,
        value=values[name],
        kind=shown.kind,
        tone=shown.tone if tone is None else tone,
        detail=detail,
        calls=calls,
        defined=name,
    )


def value_cells(row: Row, columns: Iterable[Column], calls: Mapping[str, str] | None = None) -> list[Cell]:
    """The figures of a row for these columns."""
    keys = calls or {}
    return [Cell(row.values.get(each.name), keys.get(each.name, "")) for each in columns]


def when(span_at: int, period: Period, interval: Interval) -> str:
    """What stands below the interval that begins then."""
    clock = local(span_at, zone_of(period.zone))
    if interval in ("15m", "30m", "60m"):
        return f"{clock:%H:%M}"
    return f"{clock:%b %Y}" if interval == "month" else f"{clock.day} {clock:%b}"


def when_in_full(span: tuple[int, int], period: Period, interval: Interval) -> str:
    """The interval with its day and its end."""
    zone = zone_of(period.zone)
    begin, end = local(span[0], zone), local(span[1], zone)
    day = f"{begin:%a} {begin.day} {begin:%b}"
    if interval in ("15m", "30m", "60m"):
        twice = f" {begin:%Z}" if begin.utcoffset() != end.utcoffset() or begin.fold or end.fold else ""
        return f"{day}, {begin:%H:%M} to {end:%H:%M}{twice}"
    return day if interval == "day" else f"{begin:%B %Y}" if interval == "month" else f"week of {day}"
