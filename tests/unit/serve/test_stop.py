"""How the server is stopped: who is in a call has a moment, whatever can be known of him."""

from pathlib import Path

import pytest

from ivr.serve import DRAIN_S, Server
from ivr.settings import Settings
from ivr.supervision import Supervision
from queues.errors import StoreAway, StoreFault
from queues.link import Link

CLI = {"core show channels count": "3 active channels\n2 active calls\n"}


@pytest.mark.parametrize("error", [StoreAway, StoreFault])
def test_who_is_in_a_call_has_a_moment_though_redis_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    async def fails(*_: object) -> None:
        raise error("no answer")

    said: list[str] = []
    waited: dict[str, float] = {}
    server = Server(Settings(data=tmp_path, media_address="127.0.0.1", workers=2), said.append)
    for name in ("down", "once", "leave"):
        monkeypatch.setattr(Supervision, name, lambda *_: None)
    monkeypatch.setattr(Supervision, "names", lambda _: [])
    monkeypatch.setattr(Supervision, "sweep", lambda _: 0)
    monkeypatch.setattr(server, "asterisk", lambda order: CLI.get(order, ""))
    monkeypatch.setattr(server, "_gone", lambda name, within_s: bool(waited.setdefault(name, within_s)))
    monkeypatch.setattr(Link, "call", fails)
    server.stop()
    assert said == [
        "stopping",
        f"2 calls go on, for {DRAIN_S:.0f} s at most (no new ones are taken)",
        "stopped",
    ]
    assert waited["asterisk"] == DRAIN_S
