"""A waiting caller's place, written on his channel: all that a rebuild needs if Redis was lost."""

from typing import NamedTuple, Self

MARK = "HF"
"""Channel variable that holds it."""

FLOW_MARK = "HF_FLOW"
"""Channel variable with `:` and the name of the flow for which a dialplan has asked by AGI."""


class Place(NamedTuple):
    """`joined_at`: ms since the epoch; `path`: the step in which he waits."""

    queue: str
    joined_at: int
    path: str

    def write(self) -> str:
        """As the channel variable holds it."""
        return f"{self.queue},{self.joined_at},{self.path}"

    @classmethod
    def read(cls, mark: str) -> Self | None:
        """What a channel variable holds; None if it holds no place."""
        queue, _, rest = mark.partition(",")
        joined_at, _, path = rest.partition(",")
        return cls(queue, int(joined_at), path) if path and joined_at.isdigit() else None
