"""Short logs of a shift, written by hand: who was ready when, who came, who was offered to whom."""

from collections import Counter
from typing import Any

import msgspec

from calllog.events import AnyEvent, decode

DAY = 1_795_305_600_000


class Shift:
    """`at` is ms since the beginning of the shift; events stand in the order in which they are written."""

    def __init__(self, **ready_at: int) -> None:
        """Agents and when they log in."""
        self.events: list[AnyEvent] = []
        self._numbers: Counter[str] = Counter()
        self._states: dict[str, str] = {}
        self._joined: dict[str, int] = {}
        for agent, at in ready_at.items():
            self.state(at, agent, "ready")

    def _write(self, at: int, owner: str, **fields: Any) -> None:
        self._numbers[owner] += 1
        common: dict[str, Any] = {
            "id": f"{owner}:{self._numbers[owner]}",
            "site": "main",
            "source": "observed",
        }
        if not owner.startswith("agent:"):
            common |= {"call": owner, "seq": self._numbers[owner]}
        event = common | {"at": DAY + at, "logged_at": DAY + at} | fields
        self.events.append(decode(msgspec.json.encode(event)))

    def state(self, at: int, agent: str, to: str, reason: str = "") -> None:
        said = {"kind": "agent_state", "agent": agent, "from": self._states.get(agent, ""), "to": to}
        self._write(at, f"agent:{agent}", **said, reason=reason)
        self._states[agent] = to

    def joined(
        self, at: int, call: str, queue: str = "sales", head_start_s: float = 0, needs: str = ""
    ) -> None:
        score = DAY + at - 1000 * head_start_s
        place = {"position": 1, "score": score, "head_start_s": head_start_s, "needs": needs}
        self._write(at, call, kind="joined", queue=queue, **place)
        self._joined[call] = at

    def offered(self, at: int, call: str, agent: str, attempt: int = 1, why: str = "longest_idle") -> None:
        self._write(at, call, kind="offered", agent=agent, attempt=attempt, why=why)
        self.state(at, agent, "offered")

    def declined(self, at: int, call: str, agent: str, reason: str = "no_answer") -> None:
        """He cools down, or is ready again if it was not his fault."""
        self._write(at, call, kind="declined", agent=agent, reason=reason)
        if reason == "no_answer":
            self.state(at, agent, "paused", "cooldown")
        else:
            self.state(at, agent, "ready")

    def hold(self, at: int, call: str, begins: bool) -> None:
        """The caller puts us on hold, or takes us back."""
        fields = {} if begins else {"held_ms": 0}
        self._write(at, call, kind="hold_started" if begins else "hold_ended", by="caller", **fields)

    def answered(self, at: int, call: str, agent: str, bridged_at: int, queue: str = "sales") -> None:
        """He answers, and a moment later both hear each other."""
        self.state(at, agent, "connecting")
        self.left(bridged_at, call, "answered", queue)
        self._write(bridged_at, call, kind="bridged", agent=agent)
        self.state(bridged_at, agent, "talking")

    def left(self, at: int, call: str, reason: str, queue: str = "sales") -> None:
        place = {"waited_ms": at - self._joined[call], "position": 1, "original_position": 1}
        self._write(at, call, kind="queue_left", queue=queue, reason=reason, **place)

    def parted(self, at: int, call: str, agent: str, ready_at: int) -> None:
        """The talk is over; the agent is ready then or later."""
        talk = {"talk_ms": 0, "held_ms": 0, "ended_by": "caller"}
        self._write(at, call, kind="unbridged", agent=agent, **talk)
        self.state(ready_at, agent, "ready")

    def given(self, at: int, call: str, agent: str) -> None:
        """His agent gives him away, and is ready at once."""
        self.parted(at, call, agent, at)
        self._write(at, call, kind="transferred", how="blind", by="agent", queue="sales")

    def served(self, at: int, call: str, agent: str, ring_ms: int, until: int, late_ms: int = 0) -> None:
        """Offered at that instant, and what follows until the agent is ready again, at `until`."""
        self.offered(at, call, agent)
        self.answered(at + ring_ms, call, agent, at + ring_ms + late_ms)
        self.parted(until, call, agent, until)
