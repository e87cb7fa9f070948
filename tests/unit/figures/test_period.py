"""Periods are cut on the local clock, whatever it does."""

from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calllog.figures.period import Interval, Period, hour_key, weekday_key

BERLIN = "Europe/Berlin"
CHANGE_AT = 1_792_000_000_000
"""15 days before clocks go back in Europe, in 2026."""


def clock(period: Period, interval: Interval) -> list[str]:
    zone = ZoneInfo(period.zone)
    return [
        f"{datetime.fromtimestamp(span.from_at / 1000, zone):%d %H:%M %Z}"
        for span in period.intervals(interval)
    ]


def test_a_day_in_spring_has_23_hours() -> None:
    day = Period.of_day(date(2026, 3, 29), BERLIN)
    assert day.to_at - day.from_at == 23 * 3_600_000
    assert clock(day, "60m")[:4] == ["29 00:00 CET", "29 01:00 CET", "29 03:00 CEST", "29 04:00 CEST"]
    assert len(day.intervals("15m")) == 92


def test_a_day_in_autumn_has_25_and_one_hour_comes_twice() -> None:
    day = Period.of_day(date(2026, 10, 25), BERLIN)
    assert day.to_at - day.from_at == 25 * 3_600_000
    assert clock(day, "60m")[1:5] == ["25 01:00 CEST", "25 02:00 CEST", "25 02:00 CET", "25 03:00 CET"]
    assert len(day.intervals("30m")) == 50
    assert len(day.intervals("day")) == 1


def test_hours_begin_where_the_zone_has_them_begin() -> None:
    assert clock(Period.of_day(date(2026, 5, 5), "Asia/Kathmandu"), "60m")[:2] == [
        "05 00:00 +0545",
        "05 01:00 +0545",
    ]


def test_half_an_hour_of_change_is_a_begin_of_its_own() -> None:
    """Lord Howe's clocks go back from 02:00 to 01:30: [01:00, 02:00), then [01:30, 02:00), then 02:00."""
    hours = clock(Period.of_day(date(2026, 4, 5), "Australia/Lord_Howe"), "60m")
    assert hours[1:4] == ["05 01:00 +11", "05 01:30 +1030", "05 02:00 +1030"]


def test_a_midnight_that_is_skipped() -> None:
    """In Cairo clocks go from 00:00 to 01:00: that is when the day begins."""
    day = Period.of_day(date(2026, 4, 24), "Africa/Cairo")
    assert day.to_at - day.from_at == 23 * 3_600_000
    assert clock(day, "day") == ["24 01:00 EEST"]


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    weeks = Period.of_days(date(2026, 2, 25), date(2026, 3, 10), BERLIN)  # a Wednesday
    assert clock(weeks, "week") == ["25 00:00 CET", "02 00:00 CET", "09 00:00 CET"]
    assert clock(weeks, "month") == ["25 00:00 CET", "01 00:00 CET"]
    assert clock(weeks, "whole") == ["25 00:00 CET"]


def test_the_period_cuts_the_first_and_the_last_interval() -> None:
    spans = Period(10 * 60_000, 40 * 60_000).intervals("15m")
    assert [(span.from_at // 60_000, span.to_at // 60_000) for span in spans] == [
        (10, 15),
        (15, 30),
        (30, 40),
    ]


@given(
    st.sampled_from([0, CHANGE_AT]).flatmap(lambda at: st.integers(at, at + 3_000_000_000)),
    st.integers(1, 40 * 86_400_000),
    st.sampled_from(["15m", "30m", "60m", "day", "week", "month", "whole"]),
    st.sampled_from(
        [BERLIN, "UTC", "America/St_Johns", "Australia/Lord_Howe", "America/Havana", "Asia/Gaza"]
    ),
)
def test_intervals_tile_any_period(from_at: int, length: int, interval: Interval, zone: str) -> None:
    period = Period(from_at, from_at + length, zone)
    spans = period.intervals(interval)
    assert (spans[0].from_at, spans[-1].to_at) == (period.from_at, period.to_at)
    assert all(one.to_at == other.from_at for one, other in pairwise(spans))
    assert all(span.from_at < span.to_at for span in spans)


def test_hours_and_weekdays_are_those_of_the_local_clock() -> None:
    at = Period.of_day(date(2026, 11, 23), BERLIN).from_at
    assert (hour_key(at, ZoneInfo(BERLIN)), weekday_key(at, ZoneInfo(BERLIN))) == ("00", "1")
    assert (hour_key(at, ZoneInfo("UTC")), weekday_key(at, ZoneInfo("UTC"))) == ("23", "7")


def test_what_is_no_period() -> None:
    with pytest.raises(ValueError, match="must end after"):
        Period(5, 5)
    with pytest.raises(ValueError, match="no time zone `Mars/Base`"):
        Period(0, 5, "Mars/Base")
    with pytest.raises(ValueError, match="no time zone"):
        Period(0, 5, "../etc/passwd")
