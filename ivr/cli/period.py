"""Which time a command is about: `--day`, `--last`, or `--from` and `--to`, on the clock of `--zone`."""

import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import Any, TypeVar, cast

import click

from calllog.figures.period import DAY_MS, HOUR_MS, Period, day_begins, local, zone_of

Command = TypeVar("Command", bound=Callable[..., Any])

_BACK = re.compile(r"([1-9][0-9]{0,4})\s*([mhdw])")
_UNIT_MS = {"m": 60_000, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_WEEK = re.compile(r"(\d{4})-W(\d{2})")
_FIRST, _LAST = date(1970, 1, 2), date(2999, 12, 31)
_DATES = "write a date such as 2026-11-22, `today` or `yesterday`"


class BadPeriod(ValueError):  # noqa: N818  (an error is named by what is the matter)
    """What was asked for is no period. The message says what is wrong, and how to write it."""


def period_options(command: Command) -> Command:
    """Adds the options; the function gets `period: Period`. Without them it is today."""

    @wraps(command)
    def with_period(**options: Any) -> Any:
        given = {name: options.pop(name) for name in ("from_", "to", "day", "last")}
        options["period"] = _asked(**given, zone=options.pop("zone"))
        return command(**options)

    for option in reversed(
        (
            click.option("--from", "from_", metavar="WHEN", help="Begin: 2026-11-22, or 2026-11-22T14:30."),
            click.option("--to", metavar="WHEN", help="End; a date includes that day. Default: now."),
            click.option("--day", metavar="DATE", help="One day: 2026-11-22, today or yesterday."),
            click.option("--last", metavar="TIME", help="Until now: 7d (today and six more), 2w, 24h, 30m."),
            zone_option,
        )
    ):
        with_period = option(with_period)
    return cast(Command, with_period)


zone_option = click.option(
    "--zone", metavar="NAME", help="Whose clock: Europe/Berlin (default: the one of hours.yaml, else UTC)."
)


def zone_asked(zone: str | None) -> str:
    """The zone that was asked for, else the site's. Raises click.UsageError if there is no such zone."""
    if not zone:
        from ivr.flow.site_zone import site_zone
        from ivr.settings import Settings  # both take a while, for which --help need not wait

        zone = site_zone(Settings().callflows)
    try:
        zone_of(zone)
    except ValueError as error:
        raise click.UsageError(f"--zone: {error}") from None
    return zone


def period_of(
    from_: str | None, to: str | None, day: str | None, last: str | None, zone: str, now: int
) -> Period:
    """The period of these options at the instant `now`, ms. Raises BadPeriod.

    A day is a local one, of 23 to 25 hours. A date as end includes that day; an instant as end is where the
    period ends. Of a clock time that comes twice the first is meant.
    """
    ways = [name for name, value in (("--day", day), ("--last", last), ("--from/--to", from_ or to)) if value]
    if len(ways) > 1:
        raise BadPeriod(f"{' and '.join(ways)} exclude each other: give one of them")
    if last:
        return _back(last, zone, now)
    if to and not from_:
        raise BadPeriod("--to needs --from: from when?")
    if from_:
        begin = _instant(from_, zone, now, "--from")
        end = _instant(to, zone, now, "--to", ends=True) if to else now
        return _between(begin, end, zone, "--to" if to else "now")
    one = _day(day or "today", zone, now)
    if one is None:
        raise BadPeriod(f"--day: `{day}` is no day: {_DATES}")
    return Period.of_day(one, zone)


def span_of(text: str, zone: str, now: int) -> Period:
    """A period in one word: `2026-11-22`, `2026-W47`, `2026-11`, `today`, `FROM..TO`. Raises BadPeriod."""
    begin, two, end = text.partition("..")
    if two:
        return period_of(begin or None, end or None, None, None, zone, now)
    try:
        if week := _WEEK.fullmatch(text):
            monday = date.fromisocalendar(int(week[1]), int(week[2]), 1)
            return Period.of_days(_sane(monday), monday + timedelta(days=6), zone)
        if month := _MONTH.fullmatch(text):
            first = _sane(date(int(month[1]), int(month[2]), 1))
            return Period.of_days(
                first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1), zone
            )
    except ValueError:
        raise BadPeriod(f"`{text}` is not in the calendar") from None
    if (day := _day(text, zone, now)) is None:
        raise BadPeriod(
            f"`{text}` is no period: write 2026-11-22, 2026-W47, 2026-11 or 2026-11-01..2026-11-15"
        )
    return Period.of_day(day, zone)


def now_ms() -> int:
    """The wall clock, ms since the epoch."""
    return time.time_ns() // 1_000_000


def _asked(from_: str | None, to: str | None, day: str | None, last: str | None, zone: str | None) -> Period:
    try:
        return period_of(from_, to, day, last, zone_asked(zone), now_ms())
    except BadPeriod as error:
        raise click.UsageError(str(error)) from None


def _back(text: str, zone: str, now: int) -> Period:
    """So long until now; days and weeks are whole local days, today's the last of them."""
    found = _BACK.fullmatch(text.strip())
    if found is None:
        raise BadPeriod(f"--last: `{text}` is no time: write 7d, 2w, 24h or 30m")
    count, unit = int(found[1]), found[2]
    if unit in "mh":
        return Period(max(now - count * _UNIT_MS[unit], 0), now, zone)
    today = _today(zone, now)
    days = count * _UNIT_MS[unit] // DAY_MS
    if today - _FIRST < timedelta(days=days):
        raise BadPeriod(f"--last: `{text}` goes back too far")
    return Period.of_days(today - timedelta(days=days - 1), today, zone)


def _between(begin: int, end: int, zone: str, what: str) -> Period:
    if end <= begin:
        raise BadPeriod(f"--from must be before {what}: such a period has no time in it")
    return Period(begin, end, zone)


def _instant(text: str, zone: str, now: int, option: str, *, ends: bool = False) -> int:
    """A date (its midnight; as an end the midnight after it) or an instant, ms."""
    if (day := _day(text, zone, now)) is not None:
        return day_begins(day + timedelta(days=1) if ends else day, zone_of(zone))
    try:
        when = datetime.fromisoformat(text.strip())
        _sane(when.date())
    except ValueError:
        raise BadPeriod(f"{option}: `{text}` is no time: {_DATES}, or an instant: 2026-11-22T14:30") from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=zone_of(zone))
    return round(when.astimezone(UTC).timestamp() * 1000)


def _day(text: str, zone: str, now: int) -> date | None:
    text = text.strip()
    if text in ("today", "yesterday"):
        return _today(zone, now) - timedelta(days=text == "yesterday")
    try:
        return _sane(date.fromisoformat(text)) if len(text) == len("2026-11-22") else None
    except ValueError:
        return None


def _sane(day: date) -> date:
    if not _FIRST <= day <= _LAST:
        raise ValueError(day)
    return day


def _today(zone: str, now: int) -> date:
    return local(now, zone_of(zone)).date()
