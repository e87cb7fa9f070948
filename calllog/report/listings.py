"""Lists of calls, as reports show and open them: their rows, columns, order and words."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple, get_args

from sqlalchemy import (
    ColumnElement,
    Engine,
    Executable,
    FromClause,
    Select,
    and_,
    or_,
    select,
    true,
)

from calllog.archive.schema import calls, refusals, sales, surveys, talks, waits
from calllog.figures.period import Period
from calllog.figures.thresholds import Thresholds
from calllog.printable import spaced
from calllog.report.model import Cell, Cells, Column
from calllog.vocabulary import AbandonReason

PIECE = 100_000
"""Rows of a long list that are asked for at once, about."""
RINGING = tuple(reason for reason in get_args(AbandonReason) if reason != "caller_hangup")


class Listing(NamedTuple):
    """Rows of one table of the archive, with the caller of their call."""

    name: str
    table: FromClause
    at: ColumnElement[int]
    """By which instant a row belongs to a period."""
    columns: tuple[Column, ...]
    rank: ColumnElement[int]
    """By which number they are ordered first …"""
    largest: bool
    """… beginning with the largest, or with the smallest."""
    ties: tuple[Any, ...]
    """By which they are ordered where that is the same."""
    words: Mapping[str, Callable[[str], str]] = {}
    """How a column's values are said."""

    @property
    def order(self) -> tuple[ColumnElement[Any], ...]:
        """Of its rows: it leaves nothing open."""
        return (self.rank.desc() if self.largest else self.rank, *self.ties)


class Kind(NamedTuple):
    """One kind of list: of which rows, how it is titled, and the options that ask for it."""

    listing: Listing
    title: str
    options: str
    where: ColumnElement[bool]
    later: bool = False
    """It is of an archive that is open for some days after the period."""


def left_word(reason: str) -> str:
    """Why somebody left a queue, as people say it."""
    words = {
        "": "still waiting",
        "caller_hangup": "hung up",
        "caller_hangup_ringing": "hung up while an agent rang",
        "caller_hangup_connecting": "hung up while being connected",
    }
    return words.get(reason, spaced(reason))


def verdict_word(verdict: str) -> str:
    """What became of a call, as people say it."""
    words = {"": "goes on", "ivr_exit": "hung up in the menu", "self_served": "served by the flow"}
    return words.get(verdict, spaced(verdict))


CALLER = Column(name="caller", title="Caller", personal=True)
QUEUE, AGENT = Column(name="queue", title="Queue"), Column(name="agent", title="Agent")
CALL = Column(name="call", title="Call")
WAITS = Listing(
    "calls",
    waits,
    waits.c.joined_at,
    (
        Column(name="joined_at", title="Joined", kind="at"),
        QUEUE,
        CALLER,
        Column(name="waited_ms", title="Waited", kind="ms"),
        Column(name="reason", title="Left"),
        AGENT,
        CALL,
    ),
    waits.c.joined_at,
    False,
    (waits.c.call, waits.c.n),
    {"reason": left_word},
)
LONGEST_WAITS = WAITS._replace(rank=waits.c.waited_ms, largest=True, ties=(waits.c.joined_at, *WAITS.ties))
TALKS = Listing(
    "talks",
    talks,
    talks.c.bridged_at,
    (
        Column(name="bridged_at", title="Began", kind="at"),
        AGENT,
        QUEUE,
        CALLER,
        Column(name="talk_ms", title="Talked", kind="ms", tone="answered"),
        Column(name="held_ms", title="On hold", kind="ms"),
        CALL,
    ),
    talks.c.talk_ms + talks.c.held_ms,
    True,
    (talks.c.bridged_at, talks.c.call, talks.c.n),
)
CALLS = Listing(
    "calls",
    calls,
    calls.c.arrived_at,
    (
        Column(name="arrived_at", title="Arrived", kind="at"),
        CALLER,
        Column(name="number", title="Called"),
        Column(name="verdict", title="Became"),
        Column(name="ended_by", title="Hung up", wide=True),
        Column(name="lifetime_ms", title="Lasted", kind="ms"),
        Column(name="flow_ms", title="In the flow", kind="ms", wide=True),
        Column(name="wait_ms", title="Waited", kind="ms"),
        Column(name="talk_ms", title="Talked", kind="ms", tone="answered"),
        Column(name="held_ms", title="On hold", kind="ms", wide=True),
        Column(name="campaign", title="Campaign", wide=True),
        Column(name="flow", title="Flow", wide=True),
        Column(name="version", title="Version", wide=True),
        CALL,
    ),
    calls.c.arrived_at,
    False,
    (calls.c.call,),
    {"verdict": verdict_word},
)
ANSWERS = Listing(
    "answers",
    surveys,
    surveys.c.offered_at,
    (
        Column(name="answered_at", title="Answered", kind="at"),
        Column(name="survey", title="Survey"),
        Column(name="score", title="Answer", kind="count"),
        Column(name="highest", title="of", kind="count"),
        QUEUE,
        AGENT,
        CALL,
    ),
    surveys.c.score,
    False,
    (surveys.c.offered_at, surveys.c.call, surveys.c.survey),
)
SALES = Listing(
    "offers",
    sales,
    sales.c.made_at,
    (
        Column(name="made_at", title="When", kind="at"),
        Column(name="offer", title="Offered"),
        Column(name="accepted_at", title="Accepted", kind="at"),
        Column(name="took_ms", title="Took", kind="ms"),
        QUEUE,
        CALLER,
        CALL,
    ),
    sales.c.took_ms,
    True,
    (sales.c.made_at, sales.c.call, sales.c.n),
)
REFUSED = Listing(
    "refused",
    refusals,
    refusals.c.at,
    (
        Column(name="at", title="When", kind="at"),
        QUEUE,
        CALLER,
        Column(name="reason", title="Why"),
        CALL,
    ),
    refusals.c.at,
    False,
    (refusals.c.call, refusals.c.n),
    {"reason": spaced},
)


def left_as(group: str, thresholds: Thresholds) -> ColumnElement[bool]:
    """The condition on `waits` for one of LEFT."""
    kind = waits.c["class"]
    match group:
        case "offered":
            return true()
        case "late":
            return and_(kind == "A", _beyond(thresholds))
        case "short":
            return and_(kind == "B", below_short(thresholds))
        case "ringing":
            return and_(kind == "B", waits.c.reason.in_(RINGING))
        case "waiting":
            return kind == "W"
    return kind == {"answered": "A", "abandoned": "B", "flowed": "F", "failed": "X"}[group]


def within(at: ColumnElement[int], period: Period) -> ColumnElement[bool]:
    """Whether the instant lies in the period."""
    return and_(at >= period.from_at, at < period.to_at)


def listed(listing: Listing, where: Iterable[ColumnElement[bool]]) -> Select[Any]:
    """All the rows for which these conditions hold, in the list's order."""
    return _with_caller(listing, select(*_shown(listing))).where(*where).order_by(*listing.order)


def rows_of(engine: Engine, statement: Executable) -> list[dict[str, Any]]:
    """What a statement finds."""
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(statement)]


def streamed(engine: Engine, statement: Executable) -> Iterator[Any]:
    """What a statement finds, a few rows in memory at a time."""
    with engine.connect() as connection:
        yield from connection.execute(statement.execution_options(yield_per=2000))


def in_pieces(
    engine: Engine, statement: Select[Any], at: ColumnElement[int], period: Period, total: int
) -> Iterator[Any]:
    """What a statement finds, about `total` rows, ordered by `at`: piece by piece.

    So no sort and no join is larger than a piece. The first and the last have what lies outside the period.
    """
    pieces = total // PIECE + 1
    length = period.to_at - period.from_at
    inner = [period.from_at + length * number // pieces for number in range(1, pieces)]
    for begin, end in pairwise([None, *inner, None]):
        where = [at >= begin] if begin is not None else []
        where += [at < end] if end is not None else []
        yield from streamed(engine, statement.where(*where))


def cells_of(listing: Listing, row: Iterable[Any]) -> Cells:
    """A row as cells, in words."""
    words = listing.words
    return tuple(
        Cell(words[each.name](value) if each.name in words else value)
        for each, value in zip(listing.columns, row, strict=True)
    )


def _names(listing: Listing) -> list[str]:
    return [each.name for each in listing.columns]


def _shown(listing: Listing) -> list[ColumnElement[Any]]:
    table = listing.table
    return [table.c[name] if name in table.c else calls.c[name] for name in _names(listing)]


def _with_caller(listing: Listing, statement: Select[Any]) -> Select[Any]:
    if listing.table is calls:
        return statement
    return statement.join_from(listing.table, calls, calls.c.call == listing.table.c.call, isouter=True)


def below_short(thresholds: Thresholds) -> ColumnElement[bool]:
    """Waits shorter than what is short in their queue."""
    own = [
        and_(waits.c.queue == queue, waits.c.waited_ms < thresholds.short_abandon_ms(queue))
        for queue in thresholds.queues
    ]
    usual = waits.c.waited_ms < thresholds.short_abandon_ms("")
    return or_(*own, and_(waits.c.queue.not_in(list(thresholds.queues)), usual))


def _beyond(thresholds: Thresholds) -> ColumnElement[bool]:
    own = [
        and_(waits.c.queue == queue, waits.c.waited_ms > thresholds.service_level_ms(queue))
        for queue in thresholds.queues
    ]
    usual = waits.c.waited_ms > thresholds.service_level_ms("")
    return or_(*own, and_(waits.c.queue.not_in(list(thresholds.queues)), usual))
