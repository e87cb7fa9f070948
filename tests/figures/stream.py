"""What stands on a stream: drafts of events, put in order and numbered; and agents, whose states tile.

Plain dictionaries on purpose: nothing here is made by the code that is tested with it.
"""

import json
from collections import Counter
from random import Random
from typing import Any

Fields = dict[str, Any]

MINUTE = 60_000
HOUR = 60 * MINUTE


class Stream:
    """Events as they were written: `logged_at` is their order, and numbers count per call, agent, worker."""

    def __init__(self) -> None:
        self._drafts: list[tuple[int, int, int, str, Fields]] = []

    def write(self, at: int, kind: str, owner: str, logged_at: int = 0, **fields: Any) -> Fields:
        """Plan an event. What is returned may be changed until the lines are made."""
        event: Fields = {"kind": kind, **fields}
        self._drafts.append((max(at, logged_at), len(self._drafts), at, owner, event))
        return event

    def lines(self, until: int) -> list[bytes]:
        """Everything that was written until then, as JSON lines."""
        numbers: Counter[str] = Counter()
        found = []
        for logged_at, _, at, owner, fields in sorted(self._drafts, key=lambda draft: draft[:2]):
            if logged_at > until:
                break
            name = owner.rpartition(":")[0] if owner.startswith("worker:") else owner
            numbers[name] += 1
            event = {"id": f"{owner}:{numbers[name]}", "site": "main", "at": at, "logged_at": logged_at}
            if not owner.startswith(("worker:", "agent:")):
                event |= {"call": owner, "seq": numbers[name]}
            event = event | {"source": "observed"} | fields
            found.append(
                json.dumps({key: value for key, value in event.items() if _told(key, value)}).encode()
            )
        return found


def _told(key: str, value: object) -> bool:
    """Empty texts are left out, as the server does; only the state an agent leaves is always told."""
    return key == "from" or value not in ("", None)


IDLE = (
    ("paused", "lunch"),
    ("paused", "training"),
    ("busy_private", ""),
    ("offline", "logged out"),
    ("unreachable", "phone"),
)


class Agent:
    """An agent's day. He is free for a call from `free_at` on; what he did before that is written."""

    def __init__(self, stream: Stream, rng: Random, name: str, at: int) -> None:
        self.name, self.free_at = name, at
        self._stream, self._rng = stream, rng
        self._state: tuple[str, str] = ("", "")
        self.to(at, rng.choice(("offline", "ready")))

    def to(self, at: int, state: str, logged_at: int = 0, **fields: str) -> None:
        """He is in that state from then on; nothing, if he is in it already."""
        if (state, fields.get("reason", "")) == self._state:
            return
        said: Fields = {"agent": self.name, "from": self._state[0], "to": state}
        self._stream.write(at, "agent_state", f"agent:{self.name}", logged_at, **said, **fields)
        self._state = (state, fields.get("reason", ""))

    def says(self, at: int, call: str, queue: str, code: str) -> None:
        """What his last talk was about."""
        about: Fields = {"agent": self.name, "call": call, "queue": queue, "code": code}
        self._stream.write(at, "disposition", f"agent:{self.name}", **about)

    def ready_at(self, at: int) -> None:
        """Whatever he does until then, he is ready just before it. `at` is later than `free_at`."""
        while at - self.free_at > MINUTE and self._rng.random() < 0.3:
            begin = self._rng.randint(self.free_at + 1, at - 3)
            state, reason = self._rng.choice(IDLE)
            self.to(begin, state, reason=reason, by=self._rng.choice(("", "", "supervisor")))
            self.free_at = self._rng.randint(begin + 1, at - 2)
            self.to(self.free_at, self._rng.choice(("ready", "ready", "paused")))
        if self._state[0] != "ready":
            self.to(self.free_at if self._state[0] != "offline" else at - 1, "ready")

    def declines(self, at: int, his_fault: bool, logged_at: int = 0) -> None:
        """His phone has stopped ringing. Who has let it ring cools down for 5 s."""
        if his_fault:
            self.to(at, "paused", logged_at, reason="cooldown")
            at = max(at, logged_at) + 5000
            self.to(at, "ready")
        else:
            self.to(at, "ready", logged_at)
        self.free_at = max(at, logged_at)

    def parted(self, at: int, call: str, queue: str, logged_at: int = 0) -> None:
        """His talk is over: wrap-up (in one piece, in two, or none), and what he says of it."""
        rng, now = self._rng, max(at, logged_at)
        if rng.random() < 0.8:
            self.to(at, "wrapup", logged_at, call=call, queue=queue)
            now += rng.randint(1, rng.choice((3000, 90_000)))
            if rng.random() < 0.15:
                self.to(now, "paused", reason="lunch")
                self.to(now + 700, "wrapup", call=call, queue=queue)
                now += 1500
        codes = ("resolved", "open", "", "resolved")
        for _ in range(rng.choice((0, 0, 1, 1, 2))):
            self.says(now, call, queue, rng.choice(codes))
        self.to(now, "ready", logged_at if now == at else 0)
        self.free_at = now
