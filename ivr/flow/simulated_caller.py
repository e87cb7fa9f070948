"""What a simulated caller does by himself: he presses keys and hangs up as a script says, and time passes."""

import asyncio
from collections import deque
from collections.abc import Mapping
from math import inf
from typing import TypeVar

from ivr.flow.line import Hangup, MediaFailed
from ivr.flow.script import Script
from ivr.flow.step import innermost

Found = TypeVar("Found")

PROMPT_S = 2.0
"""How long every sound is, unless the script says otherwise."""
THINKS_S = 1.0
"""How long a caller needs to press what he presses when he is asked."""


class SimulatedCaller:
    """The caller. `told` is what happened: `(second, what)`."""

    def __init__(self, script: Script) -> None:
        self.path = ""
        self.told: list[tuple[float, str]] = []
        self._script = script
        self._turns = {step: deque(turns) for step, turns in script.turns.items()}
        self._keys: deque[str] = deque()
        self._ignored = ("", 0.0)
        self._gone = False
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        for at, keys in script.keys.items():
            self._loop.call_at(at, self._press, keys)
        if script.gone_at is not None:
            self._loop.call_at(script.gone_at, self._leave)

    @property
    def now_s(self) -> float:
        """Seconds since the call came."""
        return self._loop.time()

    @property
    def story(self) -> list[str]:
        """What happened, without when."""
        return [what for _, what in self.told]

    def _seconds(self, media: str) -> float:
        """How long a sound is. Raises `MediaFailed`."""
        seconds = self._script.sounds.get(media, PROMPT_S)
        if seconds < 0:
            raise MediaFailed(media)
        return seconds

    def _take_turn(self, timeout_s: float) -> None:
        """He is asked for a key: he presses what the script has for this step, if anything."""
        turns = at_step(self._turns, self.path)
        if turns:
            self._loop.call_later(min(THINKS_S, timeout_s / 2), self._press, turns.popleft())

    def _press(self, keys: str) -> None:
        (ignored, until), self._ignored = self._ignored, ("", 0.0)
        if ignored and keys.startswith(ignored) and self._loop.time() < until:
            keys = keys[1:]
        self._keys.extend(keys)
        self._news.set()

    def _leave(self) -> None:
        self._gone = True
        self._news.set()

    def _tell(self, what: str) -> None:
        self.told.append((self._loop.time(), what))

    async def _await(self) -> None:
        """An await point, where the caller may be gone."""
        assert not self._gone, "a step went on after the hangup"
        await asyncio.sleep(0)
        self._still_there()

    async def _wait(self, seconds: float, keys: str) -> bool:
        """Let time pass; True when a key of `keys` came meanwhile."""
        until = self._loop.time() + seconds
        known = len(self._keys)
        while True:
            self._still_there()
            if any(key in keys for key in list(self._keys)[known:]):
                return True
            if self._loop.time() >= until:
                return False
            self._news.clear()
            timer = self._loop.call_at(until, self._news.set) if until < inf else None
            await self._news.wait()
            if timer is not None:
                timer.cancel()

    def _still_there(self) -> None:
        if self._gone:
            self._going()
            raise Hangup("caller", 16)

    def _going(self) -> None:
        """He has hung up: what is left to do."""


def at_step(by_step: Mapping[str, Found], path: str) -> Found | None:
    """What a script says of the step `main/choose`: under that path, or under the step's name alone."""
    path = innermost(path)
    return by_step.get(path, by_step.get(path.rpartition("/")[2]))
