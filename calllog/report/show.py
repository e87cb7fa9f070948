"""Values of a report as people read them, and small charts made of letters. Pure: no I/O."""

from collections.abc import Sequence
from datetime import datetime

from calllog.figures.period import DAY_MS, Period, local, zone_of
from calllog.printable import duration
from calllog.report.model import Kind, Report, Value

NOTHING = "—"
"""There is no such figure; not 0."""
_HEIGHTS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def text_of(value: Value, kind: Kind, zone: str, *, day: bool = True) -> str:
    """The value in words; `day`: whether an instant is told with its date."""
    if value is None or value == "":
        return NOTHING if kind != "text" else ""
    if isinstance(value, tuple):
        return line(value)
    if isinstance(value, str):
        return value
    if kind == "at":
        when = local(int(value), zone_of(zone))
        return f"{when:%d %b %H:%M:%S}" if day else f"{when:%H:%M:%S}"
    if kind == "share":
        return f"{value * 100:.1f} %"
    if kind == "ms":
        return duration(value) if value >= 0 else f"-{duration(-value)}"
    return f"{value:,.2f}" if kind == "number" else f"{value:,.0f}"


def line(values: Sequence[float | None], top: float = 0) -> str:
    """A line of letters, one for each value; `top` (if 0, the highest) reaches the top; None leaves a gap.

    What is not 0 is higher than what is.
    """
    top = top or max((value for value in values if value), default=0)
    steps = len(_HEIGHTS) - 1
    return "".join(
        " " if value is None else _HEIGHTS[max(round(steps * value / top), value > 0) if top else 0]
        for value in values
    )


def bar(part: float, width: int) -> str:
    """A bar of letters: `part`, 0 to 1, of `width`; what is there at all is seen."""
    eighths = min(max(round(part * width * 8), part > 0), width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def days_in(period: Period) -> bool:
    """Whether instants of the period need their date: it is longer than a day can be."""
    return period.to_at - period.from_at > DAY_MS + DAY_MS // 24


def period_in_words(period: Period) -> str:
    """`Sunday, 22 November 2026`, or from when to when, in which zone."""
    zone = zone_of(period.zone)
    begin, end = local(period.from_at, zone), local(period.to_at - 1, zone)
    if _is_midnight(begin) and _is_midnight(local(period.to_at, zone)):
        if begin.date() == end.date():
            return f"{begin:%A}, {begin.day} {begin:%B %Y}"
        return f"{begin:%a} {begin.day} {begin:%b %Y} to {end:%a} {end.day} {end:%b %Y}"
    last = local(period.to_at, zone)
    until = f"{last:%H:%M}" if begin.date() == last.date() else f"{last.day} {last:%b %Y, %H:%M}"
    return f"{begin.day} {begin:%b %Y, %H:%M} to {until}"


def instant(at: int, zone: str) -> str:
    """An instant for programs: ISO 8601 with milliseconds and its offset."""
    when = local(at, zone_of(zone))
    return f"{when:%Y-%m-%dT%H:%M:%S}.{at % 1000:03}{_offset(when)}"


def period_options(period: Period) -> str:
    """The options of a command that mean this period."""
    from_at, to_at = (_option(at, period.zone) for at in (period.from_at, period.to_at))
    return f"--from {from_at} --to {to_at} --zone {period.zone}"


def made(report: Report) -> str:
    """When the archive was asked."""
    when = local(report.made_at, zone_of(report.period.zone))
    return f"{when.day} {when:%b %Y, %H:%M:%S}"


def _option(at: int, zone: str) -> str:
    when = local(at, zone_of(zone))
    exact = f".{at % 1000:03}" if at % 1000 else ""
    return f"{when:%Y-%m-%dT%H:%M:%S}{exact}{_offset(when)}"


def _offset(when: datetime) -> str:
    text = f"{when:%z}"
    return f"{text[:3]}:{text[3:5]}"


def _is_midnight(when: datetime) -> bool:
    return (when.hour, when.minute, when.second, when.microsecond) == (0, 0, 0, 0)
