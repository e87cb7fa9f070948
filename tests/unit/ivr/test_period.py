"""Which time a command is about, as people write it."""

from datetime import datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from calllog.figures.period import HOUR_MS, Period
from ivr.cli import OK, USAGE
from ivr.cli.period import BadPeriod, period_of, period_options, span_of
from ivr.flow.site_zone import site_zone

Options = tuple[str | None, str | None, str | None, str | None]

ZONE = "Europe/Berlin"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1000


NOW = at("2026-11-22T15:30:00+01:00")


@pytest.mark.parametrize(
    ("from_", "to", "day", "last", "begins", "ends"),
    [
        (None, None, None, None, "2026-11-22T00:00:00+01:00", "2026-11-23T00:00:00+01:00"),
        (None, None, "2026-11-20", None, "2026-11-20T00:00:00+01:00", "2026-11-21T00:00:00+01:00"),
        (None, None, "yesterday", None, "2026-11-21T00:00:00+01:00", "2026-11-22T00:00:00+01:00"),
        (None, None, None, "7d", "2026-11-16T00:00:00+01:00", "2026-11-23T00:00:00+01:00"),
        (None, None, None, "2w", "2026-11-09T00:00:00+01:00", "2026-11-23T00:00:00+01:00"),
        (None, None, None, "24h", "2026-11-21T15:30:00+01:00", "2026-11-22T15:30:00+01:00"),
        (None, None, None, "30m", "2026-11-22T15:00:00+01:00", "2026-11-22T15:30:00+01:00"),
        ("2026-11-01", None, None, None, "2026-11-01T00:00:00+01:00", "2026-11-22T15:30:00+01:00"),
        ("2026-11-01", "2026-11-02", None, None, "2026-11-01T00:00:00+01:00", "2026-11-03T00:00:00+01:00"),
        ("2026-11-01T08:00", "2026-11-01T09:30", None, None, "2026-11-01T07:00:00Z", "2026-11-01T08:30:00Z"),
        ("2026-11-01T08:00Z", "2026-11-01", None, None, "2026-11-01T08:00:00Z", "2026-11-01T23:00:00Z"),
    ],
)
def test_what_is_meant(
    from_: str | None, to: str | None, day: str | None, last: str | None, begins: str, ends: str
) -> None:
    assert period_of(from_, to, day, last, ZONE, NOW) == Period(at(begins), at(ends), ZONE)


def test_a_day_on_which_clocks_change_has_its_own_length() -> None:
    longer = period_of(None, None, "2026-10-25", None, ZONE, NOW)
    shorter = period_of(None, None, "2026-03-29", None, ZONE, NOW)
    assert (longer.to_at - longer.from_at, shorter.to_at - shorter.from_at) == (25 * HOUR_MS, 23 * HOUR_MS)
    assert period_of(None, None, None, "1d", ZONE, at("2026-10-25T12:00:00+01:00")) == longer


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((None, None, "2026-02-30", None), "--day: `2026-02-30` is no day"),
        ((None, None, "20261122", None), "is no day"),
        ((None, None, "9999-12-31", None), "is no day"),
        ((None, None, "today", "7d"), "--day and --last exclude each other"),
        (("2026-11-01", None, "today", None), "--day and --from/--to exclude each other"),
        ((None, "2026-11-01", None, None), "--to needs --from"),
        (("2026-11-02", "2026-11-01", None, None), "--from must be before --to"),
        (("2026-11-23", None, None, None), "--from must be before now"),
        (("noon", None, None, None), "--from: `noon` is no time"),
        (("0001-01-01T00:00", None, None, None), "is no time"),
        ((None, None, None, "0d"), "--last: `0d` is no time"),
        ((None, None, None, "7 years"), "write 7d, 2w, 24h or 30m"),
        ((None, None, None, "99999w"), "goes back too far"),
    ],
)
def test_what_is_no_period_is_told_with_a_mend(options: Options, said: str) -> None:
    with pytest.raises(BadPeriod) as bad:
        period_of(*options, ZONE, NOW)
    assert said in str(bad.value)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-11-20", "2026-11-20", "2026-11-20"),
        ("today", "2026-11-22", "2026-11-22"),
        ("2026-W47", "2026-11-16", "2026-11-22"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2026-12", "2026-12-01", "2026-12-31"),
        ("2026-11-01..2026-11-15", "2026-11-01", "2026-11-15"),
    ],
)
def test_a_period_in_one_word(text: str, first: str, last: str) -> None:
    begin, end = (datetime.fromisoformat(day).date() for day in (first, last))
    assert span_of(text, ZONE, NOW) == Period.of_days(begin, end, ZONE)


@pytest.mark.parametrize("text", ["2026-13", "2026-W60", "last week", "..2026-11-01", ""])
def test_one_word_that_is_no_period(text: str) -> None:
    with pytest.raises(BadPeriod):
        span_of(text, ZONE, NOW)


@click.command()
@period_options
def which(period: Period) -> None:
    click.echo(f"{period.from_at} {period.to_at} {period.zone}")


def test_as_options_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_CALLFLOWS", "callflows")
    told = CliRunner().invoke(which, ["--day", "2026-11-22", "--zone", "Asia/Kolkata"])
    assert (told.exit_code, told.stdout) == (
        OK,
        f"{at('2026-11-21T18:30:00Z')} {at('2026-11-22T18:30:00Z')} Asia/Kolkata\n",
    )
    assert CliRunner().invoke(which, ["--day", "2026-11-22"]).stdout.endswith("America/New_York\n")
    wrong = CliRunner().invoke(which, ["--zone", "Mars/Olympus"])
    assert wrong.exit_code == USAGE
    assert "there is no time zone `Mars/Olympus`" in wrong.stderr
    both = CliRunner().invoke(which, ["--day", "today", "--last", "7d"])
    assert both.exit_code == USAGE
    assert "exclude each other" in both.stderr


def test_without_hours_the_site_is_in_utc(tmp_path: Path) -> None:
    assert site_zone(tmp_path) == "UTC"
    assert site_zone(tmp_path / "nowhere") == "UTC"
