"""Percentiles are values that occurred; failed calls are those nobody connected."""

from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Spread, spread, wire_figures
from bench.sip_trace import CallTrace, Offer

MS = 1_000_000


def test_percentiles_by_nearest_rank() -> None:
    assert spread(range(1, 101)) == Spread(100, 50, 95, 99, 100)


def test_no_sample_has_no_percentile() -> None:
    assert spread([]) == Spread(0, None, None, None, None)


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_each_percentile_occurred_and_they_are_ordered(values: list[float]) -> None:
    found = spread(values)
    shown = [found.p50_ms, found.p95_ms, found.p99_ms, found.longest_ms]
    assert shown == sorted(value for value in shown if value is not None)
    assert {round(value, 3) for value in values} >= set(shown)


def test_figures_of_a_segment() -> None:
    served = CallTrace("1", 0, 2 * MS, ended_at=900 * MS, offers=[Offer("a", 5 * MS, 7 * MS, 900 * MS)])
    second_try = CallTrace(
        "2",
        0,
        1 * MS,
        ended_at=900 * MS,
        offers=[Offer("b", 4 * MS, 0, 50 * MS), Offer("c", 60 * MS, 70 * MS)],
    )
    alone = CallTrace("3", 0, 3 * MS, ended_at=100 * MS, invites=2)
    figures = wire_figures([served, second_try, alone])
    assert (figures.calls, figures.served, figures.failed) == (3, 2, 1)
    assert (figures.repeated_invites, figures.offers, figures.rung_while_busy) == (1, 3, 0)
    assert figures.invite_to_200.longest_ms == 3
    assert (figures.joined_to_ring.samples, figures.joined_to_ring.longest_ms) == (2, 3)
    assert figures.invite_to_talk.longest_ms == 70
