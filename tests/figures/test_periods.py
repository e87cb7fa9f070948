"""Periods are cut as the twin cuts them, quarter by quarter of an hour, where clocks are strange."""

import pytest

from calllog.figures.period import Interval, Period
from tests.figures.days import PLACES, local_days
from tests.figures.naive import intervals

STRANGE = (
    ("Pacific/Apia", "2011-12-29"),
    ("America/Sao_Paulo", "2018-11-03"),
    ("America/Sao_Paulo", "2018-02-17"),
    ("Africa/Cairo", "2026-04-23"),
    ("Antarctica/Troll", "2026-03-28"),
    ("Africa/Casablanca", "2026-02-14"),
)
"""A day left out; midnights that do not exist, or come twice; changes by two hours, and for a month."""


@pytest.mark.parametrize(("zone", "day"), [*PLACES, *STRANGE])
@pytest.mark.parametrize("interval", ["15m", "30m", "60m", "day", "week", "month", "whole"])
def test_a_period_is_cut_as_the_twin_cuts_it(zone: str, day: str, interval: Interval) -> None:
    from_at, to_at = local_days(zone, day, 3)
    for begin, end in ((from_at, to_at), (from_at + 12_345, to_at - 1)):
        found = [tuple(span) for span in Period(begin, end, zone).intervals(interval)]
        assert found == intervals(begin, end, zone, interval)
        assert all(first < last for first, last in found)
