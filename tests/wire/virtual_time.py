"""A loop whose clock stands still until a test moves it: timeouts come when wanted, never otherwise."""

import asyncio


class VirtualLoop(asyncio.SelectorEventLoop):
    """Sockets are real, time is not."""

    def __init__(self) -> None:
        self._now = 1_000_000.0
        super().__init__()

    def time(self) -> float:
        return self._now

    def move(self, seconds: float) -> None:
        """Let time pass; what is due then runs in the loop's next turns."""
        self._now += seconds
