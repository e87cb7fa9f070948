"""Diagram, table and scripts say the same of agents' states: no way beside it, every way is taken."""

import re
from pathlib import Path
from typing import get_args

import pytest

from calllog.vocabulary import AgentState
from queues.states import ANY, ARROWS, BUSY, DIAGRAM, WAYS
from tests.queues import reference
from tests.queues.eye import Eye
from tests.queues.redis_process import RedisProcess
from tests.queues.soak import walk

STEPS, WALKS = 3_000, 60

UP, DOWN, LEFT, RIGHT = (-1, 0), (1, 0), (0, -1), (0, 1)
LINES = {
    "─": (LEFT, RIGHT),
    "│": (UP, DOWN),
    "┌": (DOWN, RIGHT),
    "┐": (DOWN, LEFT),
    "└": (UP, RIGHT),
    "┘": (UP, LEFT),
    "►": (LEFT,),
    "◄": (RIGHT,),
    "▲": (DOWN,),
    "▼": (UP,),
}
"""Where a line goes on; what an arrow points at is a box."""
HEADS = {"►": RIGHT, "◄": LEFT, "▲": UP, "▼": DOWN}
GROUPS = {"any": ANY, "anybody who would be ready": ANY - {"ready"}}


class Drawn:
    """A diagram, cell by cell."""

    def __init__(self, diagram: str) -> None:
        self._rows = diagram.splitlines()
        self.numbers: dict[int, list[tuple[int, int]]] = {}
        self._boxes: dict[tuple[int, int], str] = {}
        for row, text in enumerate(self._rows):
            for found in re.finditer(r"\[(.*?)\]|([0-9]+)", text):
                cells = [(row, column) for column in range(*found.span())]
                if found[2]:
                    assert int(found[2]) not in self.numbers, f"{found[2]} is drawn twice"
                    self.numbers[int(found[2])] = cells
                else:
                    self._boxes |= dict.fromkeys(cells, found[1].strip())

    def _at(self, cell: tuple[int, int]) -> str:
        row, column = cell
        return self._rows[row][column] if column < len(self._rows[row]) else " "

    def arrow(self, number: int) -> tuple[str, str]:
        """From which box to which one the line with this number leads."""
        seen, todo, starts, ends = set(self.numbers[number]), [], set(), set()
        todo = [(cell, way) for cell in seen for way in (UP, DOWN, LEFT, RIGHT)]
        while todo:
            (row, column), way = todo.pop()
            cell = (row + way[0], column + way[1])
            back = (-way[0], -way[1])
            if cell in self._boxes and self._at((row, column)) in LINES:
                starts.add(self._boxes[cell])
            elif back in LINES.get(self._at(cell), ()) and cell not in seen:
                seen.add(cell)
                todo += [(cell, on) for on in LINES[self._at(cell)] if on != back]
                if head := HEADS.get(self._at(cell)):
                    ends.add(self._boxes[cell[0] + head[0], cell[1] + head[1]])
        assert (len(starts), len(ends)) == (1, 1), f"{number} leads from {starts} to {ends}"
        return starts.pop(), ends.pop()


def test_the_diagram_is_the_table() -> None:
    drawn = Drawn(DIAGRAM)
    assert drawn.numbers.keys() == ARROWS.keys()
    for number, arrow in ARROWS.items():
        start, end = drawn.arrow(number)
        assert end == arrow.end, number
        assert GROUPS.get(start, {start}) - {end if end != "paused" else ""} == arrow.start, number


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("─2─►", "◄─2─"),  # an arrow turned round
        ("[wrapup]", "[wrap]  "),
        ("16", "19"),
        ("10  11", "11  10"),
        ("12 13", "12 12"),
        ("[offered]─3", "[offered] 3"),
    ],
)
def test_a_wrong_diagram_is_found(right: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert right in DIAGRAM
    monkeypatch.setitem(globals(), "DIAGRAM", DIAGRAM.replace(right, wrong))
    with pytest.raises((AssertionError, KeyError)):
        test_the_diagram_is_the_table()


@pytest.mark.timeout(300)
async def test_every_way_is_taken_and_no_other(redis: RedisProcess, tmp_path: Path) -> None:
    table = {(start, end) for start, ends in WAYS.items() for end in ends}
    Eye.ways.clear()
    for seed in range(WALKS):
        await walk(redis, tmp_path, seed=seed, steps=STEPS, episode=500, site="ways")
        if table <= Eye.ways:
            break
    assert table == Eye.ways


def test_the_reference_and_the_log_have_the_same_states() -> None:
    assert set(reference.BUSY) == BUSY
    assert set(get_args(AgentState)) == ANY == WAYS.keys()
