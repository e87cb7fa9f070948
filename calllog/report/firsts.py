"""The first rows of the lists behind figures: many lists of one table by one statement.

First the numbers alone, by which rows are ordered, say how far each list goes; so the rest of a row is read
of few. Who called is asked for once it is known of whom.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Engine,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    column,
    func,
    literal_column,
    or_,
    select,
    union_all,
    values,
)

from calllog.archive.schema import calls
from calllog.figures.period import Period
from calllog.figures.read import by_quarters, in_quarter, in_span, table_of
from calllog.report.listings import Kind, rows_of

Found = Mapping[str, Any]
"""A row: the columns of a list that its table has, and `call`."""


class Wanted(NamedTuple):
    """Rows of a time, of one queue or agent or number."""

    period: Period
    own: Mapping[str, str]


def first_of(
    engine: Engine, kinds: Sequence[Kind], wanted: Sequence[Wanted], most: int
) -> dict[tuple[int, int], list[Found]]:
    """The first rows, at most so many, of each kind and each that is wanted, by the numbers of these.

    The kinds are of one table, and all that is wanted is by the same columns.
    """
    table, at = kinds[0].listing.table, kinds[0].listing.at
    rows, k = _each(table, at, wanted)
    around = and_(
        at >= min(one.period.from_at for one in wanted), at < max(one.period.to_at for one in wanted)
    )
    leasts = (_least(kind, most).label(f"least_{g}") for g, kind in enumerate(kinds))
    least = (
        select(k.label("k"), *leasts)
        .select_from(rows)
        .where(around, or_(*(kind.where for kind in kinds)))
        .group_by("k")
        .cte("least")
    )
    reached = [_reaches(kind, least.c[f"least_{g}"]) for g, kind in enumerate(kinds)]
    names = {each.name for each in kinds[0].listing.columns}
    ties = {tie.name for kind in kinds for tie in kind.listing.ties}
    candidates = (
        select(
            k.label("k"),
            *(one for one in table.c if one.name in {*names, *ties, "call"}),
            *(kind.listing.rank.label(f"rank_{g}") for g, kind in enumerate(kinds)),
            *(holds.label(f"is_{g}") for g, holds in enumerate(reached)),
        )
        .select_from(rows.join(least, least.c.k == k))
        .where(around, or_(*reached))
        .cte("candidates")
    )
    ranked = union_all(*(_ranked(g, kind, candidates) for g, kind in enumerate(kinds))).subquery("ranked")
    shown = (each for each in ranked.c if each.name in {*names, "g", "k", "call"})
    statement = select(*shown).where(ranked.c.place <= most)
    found: dict[tuple[int, int], list[Found]] = {}
    for row in rows_of(engine, statement.order_by(ranked.c.g, ranked.c.k, ranked.c.place)):
        found.setdefault((row["g"], row["k"]), []).append(row)
    return found


def callers_of(engine: Engine, some: Iterable[str]) -> dict[str, str]:
    """Call → who called, of some calls."""
    asked = table_of("asked", {"call": Text()}, ((call,) for call in some))
    statement = select(calls.c.call, calls.c.caller).where(calls.c.call.in_(select(asked.c.call)))
    return {row["call"]: row["caller"] for row in rows_of(engine, statement)}


def _each(
    table: FromClause, at: ColumnElement[int], wanted: Sequence[Wanted]
) -> tuple[FromClause, ColumnElement[int]]:
    """The rows that are wanted, once for each one that wants them, and that one's number.

    Nothing is joined that does not tell them apart.
    """
    timed = len({one.period for one in wanted}) > 1
    own = list(wanted[0].own)
    if not timed and not own:
        return table, literal_column("0", Integer)
    each = _wanted(wanted)
    if timed and not own:
        each = by_quarters(each, "wanted_by_quarters")
        return table.join(each, in_quarter(at, each)), each.c.k
    mine = [table.c[name] == each.c[f"own_{name}"] for name in own]
    return table.join(each, and_(*mine, *([in_span(at, each.c)] if timed else []))), each.c.k


def _wanted(wanted: Sequence[Wanted]) -> CTE:
    columns = [column("k", Integer), column("from_at", BigInteger), column("to_at", BigInteger)]
    own = [column(f"own_{name}", Text) for name in wanted[0].own]
    rows = [(k, one.period.from_at, one.period.to_at, *one.own.values()) for k, one in enumerate(wanted)]
    return values(*columns, *own, name="wanted", literal_binds=True).data(rows).cte("wanted")


def _least(kind: Kind, most: int) -> ColumnElement[Any]:
    """The last of so many numbers that come first. (`max` and `min` of several: DuckDB's.)"""
    best = func.max if kind.listing.largest else func.min
    return func.list_last(best(kind.listing.rank, most).filter(kind.where))


def _reaches(kind: Kind, least: ColumnElement[int]) -> ColumnElement[bool]:
    rank = kind.listing.rank
    return and_(kind.where, rank >= least if kind.listing.largest else rank <= least)


def _ranked(g: int, kind: Kind, candidates: CTE) -> Select[Any]:
    rank, ties = candidates.c[f"rank_{g}"], (candidates.c[tie.name] for tie in kind.listing.ties)
    order = (rank.desc() if kind.listing.largest else rank, *ties)
    place = func.row_number().over(partition_by=candidates.c.k, order_by=order)
    rows = (each for each in candidates.c if each.name in kind.listing.table.c)
    return select(literal_column(str(g)).label("g"), candidates.c.k, place.label("place"), *rows).where(
        candidates.c[f"is_{g}"]
    )
