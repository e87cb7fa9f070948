"""Who may serve whom, in logs of a shift written by hand."""

from collections.abc import Sequence

from calllog.call_events import Joined
from calllog.routing import Serves

EVERYBODY = Serves({"ann": ["sales"], "bob": ["sales"], "cat": ["sales"]})


class Later(Serves):
    """Bob is in the second tier, which opens after 3 s."""

    def can_serve(self, agent: str, joined: Joined, waited_ms: int) -> bool:
        return super().can_serve(agent, joined, waited_ms) and (agent != "bob" or waited_ms >= 3000)

    def changes_ms(self, joined: Joined) -> Sequence[int]:  # noqa: ARG002
        return (3000,)

    def tier(self, agent: str, queue: str) -> int:  # noqa: ARG002
        return 2 if agent == "bob" else 1


LATER = Later({"ann": ["sales"], "bob": ["sales"]})


class ByAndBy(Later):
    """The same, but there is one tier only."""

    def tier(self, agent: str, queue: str) -> int:  # noqa: ARG002
        return 1


BY_AND_BY = ByAndBy({"ann": ["sales"], "bob": ["sales"]})
