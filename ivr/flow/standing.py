"""How a caller stands in a queue, as the step says that puts him there."""

from typing import NamedTuple


class Standing(NamedTuple):
    """How a caller stands in a queue, beside what the queue says."""

    head_start_s: float = 0.0
    """He is served as if he had come so many seconds earlier."""
    ladder: str | None = None
    """What he needs of an agent by waiting time (`queues.published.ladder_of`); None: what the queue says."""

    agent: str = ""
    """Whom he prefers; empty: nobody."""
    agent_s: float = 0.0
    """For so many seconds he waits for that agent alone."""

    @property
    def own(self) -> tuple[str | None, tuple[str, float]]:
        """His needs, and whom he prefers for how long, as `Store.join` takes them."""
        return self.ladder, (self.agent, self.agent_s)

    def __str__(self) -> str:
        """What is special about it, as it goes on behind `wait in sales`; nothing: an empty text."""
        ahead = f", {self.head_start_s:g} s ahead" if self.head_start_s else ""
        if self.agent:
            ahead += f", {self.agent} first for {self.agent_s:g} s"
        return ahead if self.ladder is None else f"{ahead}, needs {self.ladder or 'anybody'}"


ORDINARY = Standing()
