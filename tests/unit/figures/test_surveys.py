"""Surveys and sales, on tables small enough to work them out by hand."""

from datetime import date
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine

from calllog.figures.period import Period
from calllog.figures.sales import sales_figures
from calllog.figures.surveys import content, survey_figures, wilson
from calllog.figures.thresholds import Thresholds
from tests.unit.figures.conftest import Fill

DAY = Period.of_day(date(2026, 11, 22))
NOON = DAY.from_at + 12 * 3_600_000
_numbers = count()


def asked(
    score: int | None, survey: str = "service", scale: tuple[int, int] = (1, 5), **more: Any
) -> dict[str, Any]:
    row = {"call": f"c{next(_numbers)}", "survey": survey, "offered_at": NOON, "lowest": scale[0]}
    return {**row, "highest": scale[1], "score": score, **more}


def found(archive: Engine, by: Any = "", least: int = 5, **more: Any) -> dict[str, dict[str, Any]]:
    thresholds = Thresholds(csat_min_answers=least)
    rows = survey_figures(archive, DAY, "whole", by, thresholds, **more)
    return {row.key: dict(row.values) for row in rows}


def test_satisfaction(archive: Engine, fill: Fill) -> None:
    """Of eight asked five answer; 5, 4, 4 of them are content."""
    fill("surveys", *(asked(score) for score in (5, 4, 4, 3, 1, None, None, None)))
    fill("surveys", asked(1, survey="resolved"), asked(5, offered_at=DAY.to_at))
    csat = found(archive)[""]
    assert (csat["csat"], csat["csat_mean"], csat["csat_responses"], csat["csat_offered"]) == (0.6, 3.4, 5, 8)
    assert csat["csat_response_rate"] == 5 / 8
    assert (csat["csat_low"], csat["csat_high"]) == (
        pytest.approx(0.2307, abs=1e-4),
        pytest.approx(0.8824, abs=1e-4),
    )
    assert found(archive, survey="resolved")[""]["csat_offered"] == 1


def test_few_answers_are_hidden(archive: Engine, fill: Fill) -> None:
    fill("surveys", *(asked(5, queue="sales", agent="ann") for _ in range(4)))
    csat = found(archive, "agent")["ann"]
    assert [csat[name] for name in ("csat", "csat_mean", "csat_low", "csat_high")] == [None] * 4
    assert csat["csat_responses"] == 4
    assert found(archive, "queue", least=4)["sales"]["csat"] == 1.0
    assert found(archive, "queue", least=0)["sales"]["csat"] == 1.0


def test_by_what_the_call_says(archive: Engine, fill: Fill) -> None:
    fill("calls", {"call": "x", "campaign": "web", "flow": "main", "version": "2"})
    fill("surveys", asked(5, call="x"))
    assert list(found(archive, "campaign")) == ["web"]
    assert list(found(archive, "flow")) == ["main@2"]
    assert list(found(archive, "hour")) == ["12"]
    assert found(archive, least=0, survey="none")[""]["csat"] is None


@pytest.mark.parametrize(
    ("lowest", "highest", "first"), [(1, 5, 4), (0, 10, 6), (1, 3, 3), (0, 1, 1), (1, 9, 6)]
)
def test_the_top_of_other_scales(lowest: int, highest: int, first: int) -> None:
    assert next(n for n in range(lowest, highest + 1) if content(n, lowest, highest)) == first


def test_wilsons_interval_stays_a_share() -> None:
    """Values as in his formula, worked out by hand: p = 1, n = 10 gives 1 / (1 + z² / n)."""
    assert wilson(10, 10).low == pytest.approx(0.72246, abs=1e-5)
    assert wilson(10, 10).high == pytest.approx(1.0)
    assert wilson(0, 10).low == 0.0
    assert wilson(0, 10).high == pytest.approx(0.27754, abs=1e-5)


def test_sales(archive: Engine, fill: Fill) -> None:
    row = {"path": "main/offer", "made_at": NOON, "n": 3}
    fill("calls", {"call": "a", "campaign": "web"}, {"call": "b"})
    fill(
        "sales",
        {**row, "call": "a", "offer": "gold", "accepted_at": NOON + 5, "took_ms": 9_000, "queue": "sales"},
        {**row, "call": "b", "offer": "gold", "took_ms": 6_000},
        {**row, "call": "c", "offer": "tin", "made_at": DAY.to_at},
    )

    def sold(by: Any = "", **more: Any) -> dict[str, dict[str, Any]]:
        return {
            row.key: dict(row.values)
            for row in sales_figures(archive, DAY, "whole", by, Thresholds(), **more)
        }

    assert sold()[""] == {"sales_made": 2, "sales_accepted": 1, "sales_rate": 0.5, "sales_took_ms": 7_500}
    assert {key: each["sales_accepted"] for key, each in sold("campaign").items()} == {"": 0, "web": 1}
    assert sold(offer="tin")[""]["sales_rate"] is None
    with pytest.raises(ValueError, match="sales cannot be shown by agent"):
        sold("agent")
