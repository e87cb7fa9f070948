"""Made-up days side by side: some that follow each other, in one log. The same number, the same stretch."""

import re
from dataclasses import replace
from datetime import date, timedelta
from operator import attrgetter

from tests.figures.days import NAMES, PLACES, Setting, day, setting

DAYS = 10
_AGENT = re.compile(rf"\b({'|'.join(NAMES)})\b".encode())


def stretch(number: int) -> tuple[list[bytes], Setting]:
    """So many days of a zone about a day of `PLACES`, each with agents of its own; and what they are in all.

    Some of the days are periods of several days themselves: then there is more in one day.
    """
    zone, middle = PLACES[number % len(PLACES)]
    lines, settings = [], []
    for seed in range(number * DAYS, (number + 1) * DAYS):
        begin = date.fromisoformat(middle) + timedelta(days=seed % DAYS - DAYS // 2)
        options = {"zone": zone, "day": begin.isoformat()}
        lines += [_own(line, seed % DAYS) for line in day(seed, **options)]
        settings.append(setting(seed, zone=zone, day=begin.isoformat()))
    first, last = min(settings, key=attrgetter("from_at")), max(settings, key=attrgetter("to_at"))
    return lines, replace(
        first,
        to_at=last.to_at,
        now=max(each.now for each in settings),
        calls=sum(each.calls for each in settings),
    )


def _own(line: bytes, number: int) -> bytes:
    """An event of another day has other agents and workers."""
    of_day = f"-{number}".encode()
    return _AGENT.sub(rb"\1" + of_day, line).replace(b'"worker:hf', b'"worker:hf' + of_day)
