"""The first sentence of the report on queues."""

from calllog.figures.figure import Row
from calllog.report.queues import _lead


def row(queue: str, offered: int, rate: float) -> Row:
    values = {"offered": offered, "answered": 0, "asa_ms": None, "wait_p90_ms": None, "abandon_rate": rate}
    return Row(0, 1, queue, values)


def test_one_lost_caller_of_one_does_not_make_a_queue_the_worst() -> None:
    said = _lead(row("", 51, 0.1), [row("_dave", 1, 1.0), row("sales", 50, 0.08)])
    assert said.endswith("sales lost most: 8.0 % hung up.")
    assert "lost most" not in _lead(row("", 1, 1.0), [row("_dave", 1, 1.0)])
