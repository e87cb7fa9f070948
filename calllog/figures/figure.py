"""What a figure is: its name, how it is shown, and how it is worked out. Pure: no I/O."""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, Literal, NamedTuple, TypeVar

import msgspec

Unit = Literal["count", "share", "ms", "score", "ratio"]
"""`share`: from 0 to 1, shown in percent; `ms`: a duration, shown in seconds or minutes."""
Family = Literal[
    "queues", "calls", "agents", "first contact", "surveys", "sales", "patience", "flows", "routing", "line"
]
Value = int | float | None
"""None: there is no such figure, for example a rate where nothing was offered."""


class Figure(msgspec.Struct, frozen=True):
    """The definition of one figure, as it is shown beside it."""

    name: str
    title: str
    unit: Unit
    formula: str
    notes: str = ""
    """Which cases count and which do not, and thresholds by their names in `Thresholds`."""
    family: Family = "queues"


class Row(msgspec.Struct, frozen=True):
    """The figures of one key (a queue, an agent, …; empty: all) in one interval [from_at, to_at), ms."""

    from_at: int
    to_at: int
    key: str
    values: Mapping[str, Value]


def share(part: float, whole: float) -> float | None:
    """part / whole; None if there is nothing to have a share of."""
    return part / whole if whole else None


T = TypeVar("T")


class Measure(NamedTuple, Generic[T]):
    """A definition, and beside it the code that computes it, from what has been counted."""

    figure: Figure
    of: Callable[[T], Value]


def measured(measures: Iterable[Measure[T]], counted: T) -> dict[str, Value]:
    """All of these figures of what has been counted."""
    return {measure.figure.name: measure.of(counted) for measure in measures}
