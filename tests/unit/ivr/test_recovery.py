"""When calls of ours got lost, if Asterisk went away more than once before they were looked at."""

from types import SimpleNamespace
from typing import Any

from ivr.adoption import Recovered
from ivr.recovery import Recovery


class Scene:
    """An Asterisk that tells when it was started, and what adoption is told."""

    def __init__(self) -> None:
        self.started = 1000
        self.told: list[tuple[int, bool]] = []
        nailed = SimpleNamespace(recover=self._nothing)
        self.recovery = Recovery("hf-1", self, self, nailed, lambda *_, **__: None)  # type: ignore[arg-type]

    async def started_at(self) -> int:
        return self.started

    async def reconcile(self, started_at: int, seen_at: int, cut_at: int, died: bool) -> Recovered:  # noqa: ARG002
        self.told.append((cut_at, died))
        return Recovered()

    async def _nothing(self) -> Any:
        return None


async def test_calls_are_unknown_from_the_first_cut_on() -> None:
    scene = Scene()
    await scene.recovery.recover()
    scene.recovery.cut(5000)
    scene.recovery.cut(9000)  # it came back, and went before anybody had looked
    scene.started = 8000
    await scene.recovery.recover()
    assert scene.recovery.died_at == 5000
    scene.recovery.cut(20_000)
    await scene.recovery.recover()
    assert scene.told == [(0, False), (5000, True), (20_000, False)]
