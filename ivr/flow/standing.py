"""How a caller stands in a queue, as the step says that puts him there."""

from typing import NamedTuple


class Standing(NamedTuple):
    """How a caller stands in a queue, beside what the queue says."""

    head_start_s: float = 0.0
    """He is served as if he had come so many seconds earlier."""
    ladder: str | None = None
    """What he needs of an agent by waiting time (`queues.published.ladder_of`); None: what the queue says."""

    def __str__(self) -> str:
        """What is special about it, as it goes on behind `wait in sales`; nothing: an empty text."""
        ahead = f", {self.head_start_s:g} s ahead" if self.head_start_s else ""
        return ahead if self.ladder is None else f"{ahead}, needs {self.ladder or 'anybody'}"


ORDINARY = Standing()
