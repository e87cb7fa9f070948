"""A simulated recording."""

from dataclasses import dataclass

from ivr.flow.line import Recording


@dataclass
class Take:
    """What is recorded; `length_s` 0: it goes on."""

    name: str
    wish: Recording
    path: str
    begun_s: float
    speaks_s: float
    length_s: float = 0.0

    def heard_until(self, now_s: float) -> bool:
        """Whether something was said until then."""
        length_s = self.length_s or now_s - self.begun_s
        return min(length_s, self.speaks_s) >= self.wish.min_s
