"""Opening hours: days, spans over midnight, holidays, exceptions, time zones and changes of the clock."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from ivr.flow.opening import Hours

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Hours.model_validate(
    {
        "week": {
            "monday-thursday": "9:00-12:00, 13:00-17:30",
            "friday": "9:00-12:00",
            "sunday": "22:00-2:00",
        },
        "holidays": "DE-BY",
        "exceptions": {"2026-12-24": "9:00-11:00", "2026-12-30": "closed", "2027-01-06": "10:00-11:00"},
    }
)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        ("2026-11-23 08:59", "closed"),
        ("2026-11-23 09:00", "open"),
        ("2026-11-23 12:00", "closed"),
        ("2026-11-23 13:00", "open"),
        ("2026-11-23 17:29", "open"),
        ("2026-11-23 17:30", "closed"),
        ("2026-11-27 14:00", "closed"),
        ("2026-11-28 10:00", "closed"),
        ("2026-11-29 23:00", "open"),
        ("2026-11-30 01:59", "open"),
        ("2026-11-30 02:00", "closed"),
        ("2026-12-24 10:30", "open"),
        ("2026-12-24 14:00", "closed"),
        ("2026-12-25 10:00", "holiday"),
        ("2026-12-30 10:00", "closed"),
        ("2027-01-06 10:30", "open"),
        ("2027-01-06 12:00", "closed"),
        ("2028-01-06 10:00", "holiday"),
    ],
)
def test_the_state_at_an_instant(now: str, state: str) -> None:
    assert OFFICE.state(datetime.fromisoformat(now).replace(tzinfo=BERLIN)) == state


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-23 08:00", "2026-11-23 09:00"),
        ("2026-11-23 12:30", "2026-11-23 13:00"),
        ("2026-11-23 18:00", "2026-11-24 09:00"),
        ("2026-11-27 12:00", "2026-11-29 22:00"),
        ("2026-12-24 12:00", "2026-12-27 22:00"),
        ("2026-12-29 18:00", "2026-12-31 09:00"),
    ],
)
def test_when_it_opens_next(now: str, opens: str) -> None:
    found = OFFICE.opens(datetime.fromisoformat(now).replace(tzinfo=BERLIN))
    assert f"{found:%Y-%m-%d %H:%M}" == opens


def test_hours_have_their_own_time_zone() -> None:
    hours = Hours.model_validate({"week": {"monday": "9:00-10:00"}, "timezone": "America/New_York"})
    assert hours.state(datetime(2026, 11, 23, 14, 30, tzinfo=UTC)) == "open"
    assert hours.state(datetime(2026, 11, 23, 9, 30, tzinfo=UTC)) == "closed"
    opens = hours.opens(datetime(2026, 11, 23, 9, 30, tzinfo=BERLIN))
    assert opens is not None
    assert f"{opens:%H:%M %Z}" == "09:00 EST"


def test_the_clock_is_changed_between_opening_and_closing() -> None:
    night = Hours.model_validate({"week": {"monday-sunday": "22:00-6:00"}})
    spring = datetime(2026, 3, 29, 3, 59, tzinfo=UTC).astimezone(BERLIN)  # 5:59, an hour is missing
    assert night.state(spring) == "open"
    assert night.state(datetime(2026, 3, 29, 4, 0, tzinfo=UTC).astimezone(BERLIN)) == "closed"


def test_what_is_never_open_does_not_open() -> None:
    assert Hours.model_validate({"week": {"monday": "closed"}}).opens(datetime.now(UTC)) is None


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ({"week": {"mondey": "9:00-10:00"}}, "`mondey` is no day of the week"),
        ({"week": {"monday-friday": "9:00-10:00", "friday": "closed"}}, "`friday` is there twice"),
        ({"week": {"monday": "9-17"}}, "`9-17` is no time of day"),
        ({"week": {"monday": "9:60-17:00"}}, "is no time of day"),
        ({"week": {"monday": "9:00-25:00"}}, "is no time of day"),
        ({"week": {"monday": "9:00-9:00"}}, "is no time of day"),
        ({"week": {}}, "at least 1"),
        ({"week": {"monday": "closed"}, "holidays": "XX"}, "holidays of `XX` are not known"),
        ({"week": {"monday": "closed"}, "holidays": "DE-XX"}, "`DE` has no part `XX`"),
        ({"week": {"monday": "closed"}, "timezone": "Europe/Berln"}, "there is no time zone `Europe/Berln`"),
        ({"week": {"monday": "closed"}, "timezone": "../etc/passwd"}, "there is no time zone"),
        ({"week": {"monday": "closed"}, "exceptions": {"2026-02-30": "closed"}}, "2026-02-30"),
    ],
)
def test_what_is_refused(written: dict[str, object], text: str) -> None:
    with pytest.raises(ValidationError, match=text.replace(".", r"\.")):
        Hours.model_validate(written)
