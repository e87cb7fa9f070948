"""Periods, and how they are cut: on the local clock of a zone, whatever it does. Pure: no I/O.

Instants are ms since the epoch; all is half-open: [from_at, to_at). A day is what lies between two local
midnights and has 23 or 25 hours when clocks are changed. Within it an interval begins whenever the local
clock shows a multiple of its length, and when the clock is changed: of an hour that comes twice each is an
interval of its own. Weeks begin on Monday (ISO 8601).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

Interval = Literal["15m", "30m", "60m", "day", "week", "month", "whole"]
MINUTES: dict[str, int] = {"15m": 15, "30m": 30, "60m": 60}
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Span(NamedTuple):
    """[from_at, to_at), ms."""

    from_at: int
    to_at: int


class Period(msgspec.Struct, frozen=True):
    """A period, and the zone on whose clock it is cut. Raises ValueError if it is none."""

    from_at: int
    to_at: int
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if self.to_at <= self.from_at:
            raise ValueError("a period must end after it begins")
        zone_of(self.zone)

    @classmethod
    def of_days(cls, first: date, last: date, zone: str = "UTC") -> "Period":
        """From the first day's local midnight to the end of the last day."""
        return cls(day_begins(first, zone_of(zone)), day_begins(_next(last), zone_of(zone)), zone)

    @classmethod
    def of_day(cls, day: date, zone: str = "UTC") -> "Period":
        """One local day, of 23, 24 or 25 hours."""
        return cls.of_days(day, day, zone)

    def intervals(self, interval: Interval) -> list[Span]:
        """The intervals of the period, in order: they tile it. The first and the last may be cut by it."""
        inner = (at for at in self._beginnings(interval) if self.from_at < at < self.to_at)
        once = dict.fromkeys(inner)  # a day that a zone has left out begins where the next one does
        return _spans([self.from_at, *once, self.to_at])

    def _beginnings(self, interval: Interval) -> Iterator[int]:
        """Instants at which intervals begin, from one at or before the period's begin to past its end."""
        if interval == "whole":
            return
        zone = zone_of(self.zone)
        if interval in MINUTES:
            yield from _clock_beginnings(self.from_at, self.to_at, zone, MINUTES[interval])
            return
        day = local(self.from_at, zone).date()
        while (begins := day_begins(day, zone)) < self.to_at:
            if interval == "day" or (day.weekday() == 0 if interval == "week" else day.day == 1):
                yield begins
            day = _next(day)


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name (IANA). Raises ValueError if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone `{name}`; write one such as Europe/Berlin") from None


def local(at: int, zone: ZoneInfo) -> datetime:
    """What the clock of the zone shows at an instant."""
    return datetime.fromtimestamp(at // 1000, UTC).astimezone(zone)


def day_begins(day: date, zone: ZoneInfo) -> int:
    """The instant, ms, at which that day begins there; if clocks skip its midnight, when they do."""
    return int(datetime.combine(day, time(), zone).timestamp()) * 1000


def hour_key(at: int, zone: ZoneInfo) -> str:
    """The hour of the local clock: 00 to 23."""
    return f"{local(at, zone):%H}"


def weekday_key(at: int, zone: ZoneInfo) -> str:
    """The local day of the week: 1 (Monday) to 7."""
    return f"{local(at, zone).isoweekday()}"


def _next(day: date) -> date:
    return day + timedelta(days=1)


def _spans(edges: list[int]) -> list[Span]:
    return [Span(begin, end) for begin, end in pairwise(edges)]


def _clock_beginnings(from_at: int, to_at: int, zone: ZoneInfo, minutes: int) -> Iterator[int]:
    """Instants at which the local clock shows a multiple of so many minutes, or is changed."""
    step = minutes * 60_000
    for begin, end in _steady(from_at, to_at, zone):
        yield begin
        yield from range(begin + step - (begin + _offset(begin, zone)) % step, end, step)


def _steady(from_at: int, to_at: int, zone: ZoneInfo) -> Iterator[Span]:
    """The period in pieces in which the clock is not changed."""
    begin = at = from_at
    while at < to_at:
        later = min(at + DAY_MS // 2, to_at)
        if _offset(at, zone) != _offset(later, zone):
            change = _change(at, later, zone)
            yield Span(begin, change)
            begin = change
        at = later
    if begin < to_at:
        yield Span(begin, to_at)


def _change(before: int, after: int, zone: ZoneInfo) -> int:
    """When between the two the clock is changed; to the second, as zones have it."""
    low, high = before // 1000, -(-after // 1000)
    offset = _offset(before, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle * 1000, zone) == offset else (low, middle)
    return high * 1000


def _offset(at: int, zone: ZoneInfo) -> int:
    """Local clock - UTC, ms."""
    offset = local(at, zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds() * 1000)
