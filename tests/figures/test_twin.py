"""Every figure of 1,000 made-up days is the number that the naive twin gives, however it is broken down."""

from collections.abc import Iterator
from random import Random

import pytest

from tests.figures.days import Setting, day, setting
from tests.figures.families import FAMILIES, Cells
from tests.figures.filled import columns_of, empty_archive, facts_of, fill
from tests.figures.naive import Log, Record
from tests.figures.stretches import stretch
from tests.figures.views import view

BLOCKS, BLOCK = 20, 5
"""So many tests, each of so many stretches of ten days: 1,000 days."""
ALONE = range(0, 1_000, 50)
"""These days are looked at by themselves, too: in shorter intervals than a stretch."""
CLOSE, NOTHING = 1e-9, 1e-12
"""As share of the number, and in itself: both add up in another order."""


def differences(real: Cells, plain: Cells) -> Iterator[str]:
    """Rows that only one of the two has, and figures that differ."""
    for place in sorted(set(real) ^ set(plain)):
        yield f"{place}: a row of the {'figures' if place in real else 'twin'} alone"
    for place in sorted(set(real) & set(plain)):
        for name in sorted({*real[place], *plain[place]}):
            if name not in real[place] or name not in plain[place]:
                yield f"{place} {name}: a figure of the {'figures' if name in real[place] else 'twin'} alone"
            elif not same(real[place][name], plain[place][name]):
                yield f"{place} {name}: {real[place][name]}, the twin has {plain[place][name]}"


def same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= max(NOTHING, CLOSE * max(abs(one), abs(other)))


def compared(seed: int, lines: list[bytes], chosen: Setting) -> Iterator[str]:
    """All families of one log, each by something that the seed chooses."""
    archive = empty_archive()
    fill(archive, facts_of(lines))
    columns, log, seen = columns_of(archive), Log(lines), view(seed, chosen)
    for family, (groupings, real, plain) in FAMILIES.items():
        by = Random(f"{family} {seed}").choice(groupings)
        rows = real(columns, seen, by)
        found = {(row.from_at, row.to_at, row.key): row.values for row in rows}
        assert len(found) == len(rows), f"{seed}: two rows for one place"
        where = f"{seed}, {family} by {by or 'nothing'}, {seen.interval}, {seen.period[2]}"
        yield from (f"{where}: {what}" for what in differences(found, plain(log, seen, by)))
    columns.dispose()
    archive.dispose()


@pytest.mark.parametrize("block", range(BLOCKS))
def test_the_figures_are_the_numbers_of_the_twin(block: int) -> None:
    numbers = range(block * BLOCK, (block + 1) * BLOCK)
    assert [what for number in numbers for what in compared(number, *stretch(number))] == []


@pytest.mark.parametrize("block", range(4))
def test_so_they_are_of_a_day_alone(block: int) -> None:
    assert [what for seed in ALONE[block::4] for what in compared(seed, day(seed), setting(seed))] == []


def a_row(**values: float | None) -> dict[tuple[int, int, str], Record]:
    return {(0, 1, ""): dict(values)}


@pytest.mark.parametrize(
    ("real", "plain"),
    [
        (a_row(a=1), a_row(a=2)),
        (a_row(a=None), a_row(a=0)),
        (a_row(a=1.0), a_row(a=1.00000001)),
        (a_row(a=1), {}),
        (a_row(a=1, b=1), a_row(a=1)),
        (a_row(a=1), a_row(a=1, b=None)),
        ({}, a_row(a=1)),
    ],
)
def test_a_difference_is_told(real: Cells, plain: Cells) -> None:
    assert len(list(differences(real, plain))) == 1
    assert list(differences(plain, plain)) == []
