"""What agents do in a world of queues, beside what calls make of them."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from queues.errors import NotNow
from queues.legs import Legs
from tests.queues.post import AGENTS, Post
from tests.queues.reference import Reference


class Pick(Protocol):
    def __call__(self, choices: Sequence[Any], /) -> Any: ...


class AgentSteps:
    """The agents' part of `World`."""

    ref: Reference
    pick: Pick
    posts: dict[str, Post]
    _calm: bool
    _legs = 0

    def _anyone(self) -> Post:
        raise NotImplementedError

    async def agent(self) -> None:
        decided = [agent for agent, p in self.ref.people.items() if p.wish_by]
        agent = self.pick(decided or tuple(AGENTS))
        ready = [("ready", "")] * (40 if self._calm else 4)
        action, what = self.pick((*ready, ("pause", "lunch"), ("offline", "")))
        await self._act(
            agent,
            action,
            what,
            by=self.pick(("", "ben") if what or action == "offline" else ("", "", "", "", "ben")),
        )

    async def wraps_up(self) -> None:
        """Who talks or has talked says what it was about, or wants more time; others try it, too."""
        people = self.ref.people.items()
        after = [agent for state in ("talking", "wrapup") for agent, p in people if p.state == state][-2:]
        agent = self.pick(after) if after and self.pick((True, True, False)) else self.pick(tuple(AGENTS))
        said = [("disposition", code) for code in ("1", "sold", "7", "9", "")]
        await self._act(
            agent, *self.pick((*said, ("extend", ""), ("extend", "1"), ("extend", "9"), ("ready", "")))
        )

    async def _act(self, agent: str, action: Any, what: str, by: str = "") -> None:
        refused = self.ref.agent(agent, action, what, by)
        status = None
        with suppress(NotNow):
            status = await self._anyone().store.agent(agent, action, what, by=by)
        assert (status is None) == bool(refused), refused
        if status is None:
            return
        p = self.ref.people[agent]
        assert (status.state, status.reason, status.wish) == (p.state, p.reason, p.wish)

    async def nail(self) -> None:
        """Somebody's phone stays connected from now on; each leg is one worker's."""
        self._legs += 1
        await self._act(self.pick(tuple(AGENTS)), "nail", f"pbx-7.{self._legs}")
        held = [leg for post in self.posts.values() for leg in await Legs(post.store.operations).mine()]
        kept = {leg.channel: leg.agent for leg in held if leg.agent}
        assert len(held) == len({leg.channel for leg in held}), "two workers have a leg"
        assert kept == {p.leg: p.agent for p in self.ref.people.values() if p.leg}, "a leg is nobody's"

    async def leg_gone(self) -> None:
        connected = [p for p in self.ref.people.values() if p.leg]
        if connected:
            p, why = self.pick(connected), self.pick(("hung_up", "leg_lost"))
            await Legs(self._anyone().store.operations).gone(p.leg, why)
            self.ref.leg_gone(p, why)

    async def reach(self) -> None:
        people = self.ref.people.items()
        refused = [
            agent for agent, p in people if p.missed == "busy" and p.reason in ("cooldown", "auto:busy")
        ]
        talking = refused or [agent for agent, p in people if p.state == "talking"]
        reachable = self.pick((*[True] * (20 if self._calm else 2), False))
        in_use = self.pick((*[False] * (20 if self._calm and not refused else 2), True))
        agents = talking if refused or (talking and self.pick((True, False))) else tuple(AGENTS)
        if agents is talking:
            in_use = self.pick((True, False))
        device = f"{self.pick(agents)}-phone"
        await self._anyone().store.reach(device, reachable, in_use)
        self.ref.reach(device, reachable, in_use)
