"""The calls behind a figure: which they are, the first of them, and the command that lists all of them.

What a report opens is collected first, and asked for at once: few statements for all its lists.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from shlex import quote
from typing import NamedTuple

from sqlalchemy import Engine, and_, true

from calllog.archive.schema import calls, refusals, surveys, talks
from calllog.figures.contact import not_settled, unresolved
from calllog.figures.figure import Value
from calllog.figures.overtaking import overtaken
from calllog.figures.period import Period
from calllog.figures.thresholds import Thresholds
from calllog.printable import spaced
from calllog.report.chosen import ANY, LEFT
from calllog.report.firsts import Found, Wanted, callers_of, first_of
from calllog.report.listings import (
    ANSWERS,
    CALLS,
    LONGEST_WAITS,
    REFUSED,
    SALES,
    TALKS,
    WAITS,
    Kind,
    Listing,
    cells_of,
    left_as,
    verdict_word,
)
from calllog.report.model import Behind, Cells, Table
from calllog.report.show import period_options
from calllog.report.worked_out import FOLLOWED, OVERTAKEN, SAID

SHOWN = 25
"""Calls that a figure opens at once, at most; the command beside them lists all."""
ROWS = 2000
"""Calls that all lists of one report show together, about: of many lists each shows fewer."""
LISTS = 200
"""Lists of one report that show their first calls. Of more figures the command stands alone: a browser would
be slow with the calls of thousands of agents."""

BEHIND: Mapping[str, str] = {
    "offered": "offered",
    "answered": "answered",
    "abandoned": "abandoned",
    "short": "short",
    "flowed": "flowed",
    "failed": "failed",
    "waiting": "waiting",
    "abandon_rate": "abandoned",
    "abandon_rate_raw": "abandoned",
    "short_share": "short",
    "service_level": "late",
    "service_level_app_queue": "late",
    "service_level_app_queue_all": "late",
    "service_level_genesys": "late",
    "service_level_connect": "late",
    "sla_met": "late",
    "asa_ms": "answered",
    "wait_p50_ms": "answered",
    "wait_p90_ms": "answered",
    "wait_p95_ms": "answered",
    "wait_longest_ms": "answered",
    "abandon_mean_ms": "abandoned",
    "abandoned_ringing": "ringing",
}
"""Figure → the waits that it opens: of a share those that spoil it, of a time the longest first."""


class _Asked(NamedTuple):
    """One list that a figure opens."""

    key: str
    kind: str
    wanted: Wanted
    total: int


class Opener:
    """Collects what the figures of one report open. Nothing is asked for if nobody can open it."""

    def __init__(self, period: Period, thresholds: Thresholds, *, wanted: bool) -> None:
        self._period, self._thresholds = period, thresholds
        self._wanted = wanted
        self._kinds: dict[str, Kind] = {}
        self._asked: dict[tuple[str, Period, tuple[tuple[str, str], ...]], _Asked] = {}

    def waits(self, group: str, total: Value, queue: str | None = None, span: Period | None = None) -> str:
        """The key of the list of waits that ended like that; `total`: how many they are (empty key: none)."""
        listing = WAITS if group in ("offered", "waiting") else LONGEST_WAITS
        kind = Kind(listing, LEFT[group], f"--left {group}", left_as(group, self._thresholds))
        return self._open(f"left {group}", kind, total, {"queue": queue}, span)

    def talks(self, total: Value, queue: str | None = None, agent: str | None = None) -> str:
        """The key of the list of talks that are over, the longest first."""
        kind = Kind(TALKS, "talks", "--talked", talks.c.unbridged_at.is_not(None))
        return self._open("talks", kind, total, {"queue": queue, "agent": agent})

    def calls(self, verdict: str, total: Value, **own: str) -> str:
        """The key of the list of calls with that verdict (empty: any), of a number or flow."""
        if not all(own.values()):
            return ""  # `--number ''` would list the calls to all numbers
        where = calls.c.verdict == verdict if verdict else true()
        option = f"--verdict {quote(verdict)}" if verdict else ""
        kind = Kind(CALLS, verdict_word(verdict) if verdict else "arrived", option, where)
        return self._open(f"calls {verdict}", kind, total, own)

    def surveys(self, total: Value) -> str:
        """The key of the list of answers to surveys, the worst first."""
        answered = surveys.c.score.is_not(None)
        kind = Kind(ANSWERS, "answers, the worst first", "--surveyed", answered)
        return self._open("surveys", kind, total, {})

    def sales(self, total: Value) -> str:
        """The key of the list of what was offered for sale, what took longest first."""
        return self._open("sales", Kind(SALES, "offered for sale", "--sales", true()), total, {})

    def refusals(self, total: Value, queue: str | None = None, reason: str = "") -> str:
        """The key of the list of callers whom a queue did not let in, for that reason (empty: any)."""
        where = refusals.c.reason == reason if reason else true()
        title = "not let in" + (f" because of {spaced(reason)}" if reason else "")
        kind = Kind(REFUSED, title, f"--refused {reason}".rstrip(), where)
        return self._open(f"refused {reason}", kind, total, {"queue": queue})

    def overtaken(self, reason: str, total: Value, queue: str | None = None) -> str:
        """The key of the list of who was overtaken for that reason (empty: any), by most first."""
        where = overtaken.c.reason == reason if reason else true()
        title = "overtaken" + (f" because of {spaced(reason)}" if reason else "")
        kind = Kind(OVERTAKEN, title, f"--overtaken {reason or ANY}", where)
        return self._open(f"overtaken {reason}", kind, total, {"queue": queue})

    def called_again(self, total: Value, now: int, queue: str | None = None) -> str:
        """The key of the list of calls after which the same person soon called again, the soonest first."""
        where = not_settled(self._thresholds, now)
        kind = Kind(FOLLOWED, "called again", "--called-again", where, later=True)
        return self._open("called again", kind, total, {"queue": queue})

    def unresolved(self, total: Value, queue: str | None = None) -> str:
        """The key of the list of talks that have settled nothing, as agents say."""
        where = unresolved(self._thresholds)
        kind = Kind(SAID, "not settled, as agents say", "--unresolved", where, later=True)
        return self._open("unresolved", kind, total, {"queue": queue})

    def denied(self, total: Value, queue: str | None = None) -> str:
        """The key of the list of answers to whether it was settled, the worst first."""
        asked = surveys.c.survey == self._thresholds.resolved_survey
        where = and_(asked, surveys.c.score.is_not(None))
        kind = Kind(ANSWERS, "answers, the worst first", "--surveyed", where)
        return self._open("denied", kind, total, {"queue": queue})

    def found(self, engine: Engine, later: Callable[[], Engine]) -> dict[str, Behind]:
        """All that has been opened, by its key: the first calls of the largest lists of each kind.

        `later` gives an archive that is open for some days more.
        """
        alike: defaultdict[tuple[object, ...], list[_Asked]] = defaultdict(list)
        largest = self._largest()
        shown = min(SHOWN, ROWS // max(1, len(largest)))
        for asked in largest:
            table, parts = self._kinds[asked.kind].listing.table, asked.wanted.period != self._period
            alike[table, parts, *asked.wanted.own].append(asked)  # of parts of the time few kinds are opened
        rows: dict[str, list[Found]] = {}
        for some in alike.values():
            kinds = list(dict.fromkeys(asked.kind for asked in some))
            wanted = {(one.period, *one.own.values()): one for one in (asked.wanted for asked in some)}
            where = later() if self._kinds[kinds[0]].later else engine
            found = first_of(where, [self._kinds[kind] for kind in kinds], [*wanted.values()], shown)
            for asked in some:
                place = [*wanted].index((asked.wanted.period, *asked.wanted.own.values()))
                rows[asked.key] = found.get((kinds.index(asked.kind), place), [])
        callers = callers_of(engine, {row["call"] for some in rows.values() for row in some})
        return {
            asked.key: self._behind(asked, rows.get(asked.key, ()), callers) for asked in self._asked.values()
        }

    def _open(
        self,
        name: str,
        kind: Kind,
        total: Value,
        own: Mapping[str, str | None],
        span: Period | None = None,
    ) -> str:
        if not self._wanted or not isinstance(total, int) or not total:
            return ""
        given = {column: value for column, value in own.items() if value is not None}
        period = span or self._period
        self._kinds.setdefault(name, kind)
        asked = _Asked(f"w{len(self._asked)}", name, Wanted(period, given), total)
        return self._asked.setdefault((name, period, tuple(given.items())), asked).key

    def _largest(self) -> list[_Asked]:
        """The lists that show their calls: by turns the next largest of each kind."""
        turns: list[tuple[int, _Asked]] = []
        kinds: defaultdict[str, list[_Asked]] = defaultdict(list)
        for asked in self._asked.values():
            kinds[asked.kind].append(asked)
        for some in kinds.values():
            turns += enumerate(sorted(some, key=lambda asked: -asked.total))
        return [asked for _, asked in sorted(turns, key=lambda turn: turn[0])[:LISTS]]

    def _behind(self, asked: _Asked, found: Iterable[Found], callers: Mapping[str, str]) -> Behind:
        kind, (period, own) = self._kinds[asked.kind], asked.wanted
        options = [f"--{column} {quote(value)}" for column, value in own.items()]
        words = ["holdfast report calls", period_options(period), kind.options, *options]
        rows = tuple(_cells(kind.listing, row, callers) for row in found)
        return Behind(
            title="".join(f"{value}: " for value in own.values() if value) + kind.title,
            table=Table(name=kind.listing.name, title="", columns=kind.listing.columns, rows=rows),
            total=max(asked.total, len(rows)),
            command=" ".join(filter(None, words)),
        )


def _cells(listing: Listing, row: Found, callers: Mapping[str, str]) -> Cells:
    called = {"caller": callers.get(row["call"]), **row}
    return cells_of(listing, (called[each.name] for each in listing.columns))
