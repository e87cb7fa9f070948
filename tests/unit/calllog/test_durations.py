"""Time on hold is the union of both parties' holds, inside the bridge."""

import pytest

from calllog.durations import union_ms


@pytest.mark.parametrize(
    ("spans", "covered"),
    [
        ([], 0),
        ([(0, 10)], 10),
        ([(-5, 5), (95, 200)], 10),
        ([(10, 20), (15, 30), (12, 13)], 20),
        ([(10, 20), (20, 30)], 20),
        ([(150, 200)], 0),
    ],
)
def test_union(spans: list[tuple[int, int]], covered: int) -> None:
    assert union_ms(spans, 0, 100) == covered
