"""The list of callers who gave up."""

from datetime import date

from sqlalchemy import Engine

from calllog.figures.abandoned import abandoned_waits
from calllog.figures.period import Period
from tests.unit.figures.conftest import Fill

DAY = Period.of_day(date(2026, 11, 22))


def test_who_gave_up(archive: Engine, fill: Fill) -> None:
    """In the order of joining; nobody from before or after."""
    reasons = (
        "caller_hangup",
        "answered",
        "caller_hangup_ringing",
        "timeout",
        "",
        "caller_hangup_connecting",
    )
    at = [DAY.from_at - 1, *range(DAY.from_at, DAY.to_at, 7_200_000), DAY.to_at]
    fill(
        "waits",
        *(
            {
                "call": f"c{n:02}",
                "n": 4,
                "queue": f"q{n % 2}",
                "joined_at": when,
                "reason": reasons[n % 6],
                "rung": n,
            }
            for n, when in enumerate(at)
        ),
    )
    fill("calls", {"call": "c02", "caller": "49301"})
    found = list(abandoned_waits(archive, DAY))
    assert [(one.call, one.queue, one.reason, one.rung, one.caller) for one in found] == [
        (f"c{n:02}", f"q{n % 2}", reasons[n % 6], n, "49301" if n == 2 else None)
        for n in (2, 5, 6, 8, 11, 12)
    ]
    assert [one.call for one in abandoned_waits(archive, DAY, queue="q1")] == ["c05", "c11"]
    assert list(abandoned_waits(archive, DAY, queue="other")) == []
