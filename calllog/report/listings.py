"""Lists of calls, as reports show and open them: their rows, columns, order and words."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, get_args

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Engine,
    Executable,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    column,
    func,
    or_,
    select,
    true,
    values,
)

from calllog.archive.schema import calls, refusals, surveys, talks, waits
from calllog.figures.period import Period
from calllog.figures.thresholds import Thresholds
from calllog.report.model import Cell, Cells, Column
from calllog.vocabulary import AbandonReason

RINGING = tuple(reason for reason in get_args(AbandonReason) if reason != "caller_hangup")
LEFT = {
    "offered": "joined",
    "answered": "answered",
    "late": "answered, but not in time",
    "abandoned": "abandoned",
    "short": "abandoned after a short while",
    "ringing": "abandoned while an agent rang",
    "flowed": "flowed out",
    "failed": "failed",
    "waiting": "still waiting",
}
"""How a wait ended, as figures count it: what `--left` takes, and what a list is called."""


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
    ties: tuple[ColumnElement[Any], ...]
    """By which they are ordered where that is the same."""
    words: Mapping[str, Callable[[str], str]] = {}
    """How a column's values are said."""

    @property
    def order(self) -> tuple[ColumnElement[Any], ...]:
        """Of its rows: it leaves nothing open."""
        return (self.rank.desc() if self.largest else self.rank, *self.ties)


class Wanted(NamedTuple):
    """Rows of a time, of one queue or agent or number."""

    period: Period
    own: Mapping[str, str]


def spaced(word: str) -> str:
    """A word of the log, as people write it."""
    return word.replace("_", " ")


def left_word(reason: str) -> str:
    """Why somebody left a queue, as people say it."""
    words = {
        "": "still waiting",
        "caller_hangup": "hung up",
        "caller_hangup_ringing": "hung up while an agent rang",
        "caller_hangup_connecting": "hung up while being connected",
    }
    return words.get(reason, spaced(reason))


_CALLER = Column(name="caller", title="Caller", personal=True)
_QUEUE, _AGENT = Column(name="queue", title="Queue"), Column(name="agent", title="Agent")
_CALL = Column(name="call", title="Call")
WAITS = Listing(
    "calls",
    waits,
    waits.c.joined_at,
    (
        Column(name="joined_at", title="Joined", kind="at"),
        _QUEUE,
        _CALLER,
        Column(name="waited_ms", title="Waited", kind="ms"),
        Column(name="reason", title="Left"),
        _AGENT,
        _CALL,
    ),
    waits.c.joined_at,
    False,
    (waits.c.call, waits.c.n),
    {"reason": left_word},
)
LONGEST_WAITS = WAITS._replace(rank=waits.c.waited_ms, largest=True, ties=WAITS.order)
TALKS = Listing(
    "talks",
    talks,
    talks.c.bridged_at,
    (
        Column(name="bridged_at", title="Began", kind="at"),
        _AGENT,
        _QUEUE,
        _CALLER,
        Column(name="talk_ms", title="Talked", kind="ms", tone="answered"),
        Column(name="held_ms", title="On hold", kind="ms"),
        _CALL,
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
        _CALLER,
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
        _CALL,
    ),
    calls.c.arrived_at,
    False,
    (calls.c.call,),
    {"verdict": lambda word: spaced(word) or "goes on"},
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
        _QUEUE,
        _AGENT,
        _CALL,
    ),
    surveys.c.score,
    False,
    (surveys.c.offered_at, surveys.c.call, surveys.c.survey),
)
REFUSED = Listing(
    "refused",
    refusals,
    refusals.c.at,
    (
        Column(name="at", title="When", kind="at"),
        _QUEUE,
        _CALLER,
        Column(name="reason", title="Why"),
        _CALL,
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


def first_of(
    engine: Engine,
    listing: Listing,
    where: Iterable[ColumnElement[bool]],
    wanted: list[Wanted],
    most: int,
) -> list[tuple[Cells, ...]]:
    """The first rows of each that is wanted, at most so many, asked for at once.

    All that is wanted is by the same columns.
    """
    names = list(wanted[0].own)
    each = values(
        column("k", Integer),
        column("from_at", BigInteger),
        column("to_at", BigInteger),
        *(column(f"own_{name}", Text) for name in names),
        name="wanted",
        literal_binds=True,
    ).data([
        (number, one.period.from_at, one.period.to_at, *one.own.values()) for number, one in enumerate(wanted)
    ]).cte("wanted")  # fmt: skip
    own = (listing.table.c[name] == each.c[f"own_{name}"] for name in names)
    mine = and_(listing.at >= each.c.from_at, listing.at < each.c.to_at, *own)
    rank, best = listing.rank, func.max if listing.largest else func.min
    far = func.list_last(best(rank, most))  # DuckDB's: of so many that come first, the last
    least = (
        select(each.c.k, far.label("rank"))
        .join_from(listing.table, each, mine)
        .where(*where)
        .group_by(each.c.k)
        .cte("least")
    )
    place = func.row_number().over(partition_by=each.c.k, order_by=listing.order)
    rows = {name for name in _names(listing) if name in listing.table.c} | {"call"}
    ranked = (
        select(each.c.k, place.label("place"), *(listing.table.c[name] for name in rows))
        .join_from(listing.table, each, mine)
        .join(least, least.c.k == each.c.k)
        .where(*where, rank >= least.c.rank if listing.largest else rank <= least.c.rank)
        .subquery("ranked")
    )
    shown = [ranked.c[name] if name in ranked.c else calls.c[name] for name in _names(listing)]
    statement = select(ranked.c.k, *shown).where(ranked.c.place <= most).order_by(ranked.c.k, ranked.c.place)
    if listing.table is not calls:
        statement = statement.join_from(ranked, calls, calls.c.call == ranked.c.call, isouter=True)
    found: list[list[Cells]] = [[] for _ in wanted]
    with engine.connect() as connection:
        for number, *row in connection.execute(statement):
            found[number].append(cells_of(listing, row))
    return [tuple(rows) for rows in found]


def rows_of(engine: Engine, statement: Executable) -> list[dict[str, Any]]:
    """What a statement finds."""
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(statement)]


def streamed(engine: Engine, statement: Executable) -> Iterator[Any]:
    """What a statement finds, a few rows in memory at a time."""
    with engine.connect() as connection:
        yield from connection.execute(statement.execution_options(yield_per=2000))


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
