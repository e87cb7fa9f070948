"""Opening hours: when a company is open, when it is a holiday there, and when it opens next."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ivr.flow.clock import Zone
from ivr.flow.naming import Misnamed, nearest

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

HORIZON_DAYS = 400
"""What does not open within so many days does not open any more."""

_SPAN = re.compile(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)")


class Span(NamedTuple):
    """From when to when on one day, in minutes since midnight; the end may be on the next day."""

    begins: int
    ends: int


def _spans(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.strip() == "closed":
        return ()
    return tuple(_span(part.strip()) for part in value.split(","))


def _span(text: str) -> Span:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise Misnamed(f"`{text[:40]}` is no time of day", "write `9:00-17:30`, or `closed`")
    hour, minute, until_hour, until_minute = map(int, found.groups())
    begins, ends = 60 * hour + minute, 60 * until_hour + until_minute
    if minute > 59 or until_minute > 59 or begins >= 1440 or ends > 1440 or begins == ends:
        raise Misnamed(f"`{text}` is no time of day", "from 0:00 to 24:00")
    return Span(begins, ends if ends > begins else ends + 1440)


def _week(value: object) -> object:
    """Every day with its own spans: `monday-friday` and `monday, friday` are several."""
    if not isinstance(value, Mapping):
        return value
    week: dict[str, object] = {}
    for key, spans in value.items():
        for day in _days(str(key)):
            if day in week:
                raise Misnamed(f"`{day}` is there twice", "write each day once")
            week[day] = spans
    return week


def _days(text: str) -> Iterator[str]:
    for part in text.split(","):
        first, dash, last = (each.strip() for each in part.partition("-"))
        for each in (first, last) if dash else (first,):
            if each not in DAYS:
                raise Misnamed(f"`{each[:40]}` is no day of the week", nearest(each, DAYS))
        begin, end = DAYS.index(first), DAYS.index(last if dash else first)
        yield from (DAYS[number % 7] for number in range(begin, end + 1 + 7 * (end < begin)))


def _region(value: object) -> object:
    if isinstance(value, str):
        _calendar(value)
    return value


@cache
def _calendar(region: str) -> Mapping[date, str]:
    """The public holidays of a country (`DE`) or a part of it (`DE-BY`). Raises `Misnamed`."""
    import holidays  # half a second, which only who needs it pays

    country, _, part = region.partition("-")
    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        raise Misnamed(f"holidays of `{region[:40]}` are not known", nearest(country, known))
    if part and part not in known[country]:
        raise Misnamed(f"`{country}` has no part `{part[:40]}`", nearest(part, known[country]))
    return holidays.country_holidays(country, subdiv=part or None)


Spans = Annotated[tuple[Span, ...], BeforeValidator(_spans)]
State = Literal["open", "closed", "holiday"]


class Hours(BaseModel):
    """When people are there to answer."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    week: Annotated[Mapping[str, Spans], BeforeValidator(_week), Field(min_length=1)]
    """Days (`monday`, `monday-friday`, `saturday, sunday`) and their hours: `9:00-12:00, 13:00-17:30`."""
    holidays: Annotated[str, BeforeValidator(_region)] | None = None
    """Closed on the public holidays of this country (`US`) or part of it (`DE-BY`)."""
    exceptions: Mapping[date, Spans] = {}
    """Single days (`2026-12-24`) and their hours, or `closed`; a holiday among them is none."""
    timezone: Zone = None
    """Time zone of these hours, such as `Europe/Berlin`; not written: that of the file."""

    def state(self, now: datetime) -> State:
        """How it is at an instant: `holiday` is a day that is closed because of one."""
        zone = self._zone(now)
        today = now.astimezone(zone).date()
        for day in (today - timedelta(days=1), today):
            if any(begins <= now < ends for begins, ends in self._open(day, zone)):
                return "open"
        return "holiday" if self._holiday(today) else "closed"

    def opens(self, now: datetime) -> datetime | None:
        """When it opens next after an instant, in its time zone; None: not within 400 days."""
        zone = self._zone(now)
        today = now.astimezone(zone).date()
        for ahead in range(HORIZON_DAYS):
            later = [begins for begins, _ in self._open(today + timedelta(days=ahead), zone) if begins > now]
            if later:
                return min(later).astimezone(zone)
        return None

    def _zone(self, now: datetime) -> tzinfo:
        zone: tzinfo = self.timezone or now.tzinfo or UTC
        return zone

    def _holiday(self, day: date) -> bool:
        return self.holidays is not None and day not in self.exceptions and day in _calendar(self.holidays)

    def _open(self, day: date, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
        """The spans that begin on a day. Instants in UTC: the clock may be changed between them."""
        if self._holiday(day):
            return
        spans = self.exceptions.get(day, self.week.get(DAYS[day.weekday()], ()))
        for span in spans:
            yield _instant(day, span.begins, zone), _instant(day, span.ends, zone)


def _instant(day: date, minutes: int, zone: tzinfo) -> datetime:
    days, minute = divmod(minutes, 1440)
    local = datetime.combine(day + timedelta(days=days), time(minute // 60, minute % 60), zone)
    return local.astimezone(UTC)
