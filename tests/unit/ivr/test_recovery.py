"""When calls of ours got lost, if Asterisk went away more than once before they were looked at."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ivr.adoption import Recovered
from ivr.ari import AsteriskAway
from ivr.recovery import Recovery


class Scene:
    """An Asterisk that tells when it was started, and what adoption is told."""

    def __init__(self) -> None:
        self.started = 1000
        self.told: list[tuple[int, bool]] = []
        self.meanwhile: Callable[[], object] = lambda: None
        nailed = SimpleNamespace(recover=self._nothing)
        self.recovery = Recovery("hf-1", self, self, nailed, lambda *_, **__: None)  # type: ignore[arg-type]

    async def started_at(self) -> int:
        return self.started

    async def reconcile(self, started_at: int, seen_at: int, cut_at: int, died: bool) -> Recovered:  # noqa: ARG002
        self.told.append((cut_at, died))
        self.meanwhile()
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


async def test_a_cut_while_calls_are_looked_at_is_not_lost() -> None:
    scene = Scene()
    scene.recovery.cut(5000)
    scene.meanwhile = lambda: scene.recovery.cut(9000)
    await scene.recovery.recover()
    scene.meanwhile = lambda: None
    await scene.recovery.recover()
    assert [cut_at for cut_at, _ in scene.told] == [5000, 9000]


async def test_calls_that_could_not_be_looked_at_are_unknown_since_the_first_cut() -> None:
    scene = Scene()
    scene.recovery.cut(5000)

    def away() -> None:
        scene.recovery.cut(9000)
        raise AsteriskAway("cut off again")

    scene.meanwhile = away
    with pytest.raises(AsteriskAway):
        await scene.recovery.recover()
    scene.meanwhile = lambda: None
    await scene.recovery.recover()
    assert [cut_at for cut_at, _ in scene.told] == [5000, 5000]
