"""Columns read by index: everything, once, and exact percentiles of it."""

from array import array
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from calllog.archive.schema import waits
from calllog.figures import read
from calllog.figures.period import Period
from calllog.figures.read import Numbers, fine_spans, keys_of
from calllog.figures.waits import wait_cells
from tests.unit.figures.conftest import Fill

DAY = Period.of_day(date(2026, 11, 22))


@given(st.lists(st.lists(st.integers(0, 50))), st.integers(1, 100), st.integers(-1, 51))
def test_numbers_in_pieces(pieces: list[list[int]], percent: int, limit: int) -> None:
    numbers = Numbers()
    for piece in pieces:
        numbers.add(array("q", sorted(piece)))
    every = sorted(each for piece in pieces for each in piece)
    assert (numbers.count, numbers.total, numbers.longest) == (
        len(every),
        sum(every),
        max(every, default=None),
    )
    assert numbers.at_most(limit) == sum(each <= limit for each in every)
    assert numbers.below(limit) == sum(each < limit for each in every)
    rank = [each for each in every if sum(other <= each for other in every) * 100 >= percent * len(every)]
    assert numbers.percentile(percent) == min(rank, default=None)


@pytest.mark.parametrize("by", ["", "campaign"])
def test_every_wait_is_in_one_cell(
    archive: Engine, fill: Fill, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """Also where there are more of them than are read at once, and some before and after the period."""
    monkeypatch.setattr(read, "AT_ONCE", 7)
    at = [DAY.from_at + 1000 * each * each * each for each in range(-3, 50)]
    fill(
        "waits",
        *(
            {
                "call": f"c{n}",
                "n": 1,
                "queue": f"q{n % 3}",
                "joined_at": when,
                "reason": ["answered", ""][n % 2],
                "waited_ms": n,
            }
            for n, when in enumerate(at)
        ),
    )
    edges = [span.from_at for span in DAY.intervals("60m")]
    with archive.connect() as connection:
        cells = list(wait_cells(connection, DAY, edges, by))  # type: ignore[arg-type]
        spans = fine_spans(connection, waits.c.joined_at, DAY, edges)
    assert len(spans) > len(edges)
    assert all(one.to_at == other.from_at for one, other in pairwise(spans))
    inside = [n for n, when in enumerate(at) if DAY.from_at <= when < DAY.to_at]
    assert sorted(ms for cell in cells for ms in cell.waited_ms) == inside
    assert {(cell.queue, cell.reason, ms) for cell in cells for ms in cell.waited_ms} == {
        (f"q{n % 3}", ["answered", ""][n % 2], n) for n in inside
    }


def test_keys_are_looked_up_one_by_one(archive: Engine, fill: Fill) -> None:
    pairs = [("", "x"), ("a", ""), ("a", "é"), ("b", "'; --"), ("b", "z")]
    fill(
        "waits",
        *({"call": f"c{n}", "n": 1, "queue": q, "reason": r} for n, (q, r) in enumerate([*pairs, *pairs])),
    )
    with archive.connect() as connection:
        assert keys_of(connection, waits.c.queue, waits.c.reason) == sorted(pairs)
