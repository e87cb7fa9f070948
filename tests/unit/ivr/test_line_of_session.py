"""The session as a flow's line: what a checkpoint keeps, and what holds while Redis is away."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from ivr.ari import AsteriskAway
from ivr.ari import events as ari
from ivr.call_line import CHANCES
from ivr.caller import House
from ivr.checkpoint import Kept
from ivr.flow.line import About, Figures, Hangup, Held
from ivr.flow.opening import Hours
from ivr.flow.step import Flow
from ivr.session import Session
from queues.errors import StoreAway
from queues.handle import CallHandle
from queues.results import QueueFigures

OFFICE = Hours.model_validate({"week": {"monday": "9:00-10:00"}})
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class FakeRedis:
    """Store and checkpoint in one; away when told so."""

    def __init__(self) -> None:
        self.away = False
        self.kept: list[tuple[str, Kept]] = []
        self.ended_by: list[tuple[str, str, str]] = []

    async def figures(self, queue: str) -> QueueFigures:
        if self.away:
            raise StoreAway("away")
        return QueueFigures(len(queue), 2.5, 1, 3)

    async def count(self, counter: str, key: str) -> int:
        if self.away:
            raise StoreAway("away")
        return len(counter + key)

    async def step(self, h: CallHandle, *, path: str, kept: Kept, **rest: Any) -> None:
        assert h.call == "pbx-1.1"
        assert rest["ride"]
        self.kept.append((path, kept))

    async def ended(self, h: CallHandle, *, verdict: str, reason: str, ended_by: str, **_: Any) -> None:
        assert h.call == "pbx-1.1"
        self.ended_by.append((verdict, reason, ended_by))

    def forget(self, call: str) -> None:
        assert call == "pbx-1.1"


class Away:
    """An Asterisk that has gone."""

    async def fall_back(self, channel: str) -> None:
        raise AsteriskAway(channel)


@pytest.fixture
def redis() -> FakeRedis:
    return FakeRedis()


def session(redis: FakeRedis) -> Session:
    house = SimpleNamespace(
        asterisk=Away(),
        store=redis,
        checkpoint=redis,
        now=lambda: NOON,
        hours={"office": OFFICE}.get,
        listen=None,
        forget=redis.forget,
        leave=redis.forget,
    )
    about = About("4930", "Ada", "100", "web")
    return Session(cast(House, house), CallHandle("pbx-1.1", "hf-1"), about, "en")


async def test_what_a_flow_asks_of_the_house(redis: FakeRedis) -> None:
    line = session(redis)
    assert await line.figures("sales") == Figures(5, 2.5, 1, 3)
    assert await line.count("main/x", "key") == 9
    assert line.now() == NOON
    assert line.hours("office") is OFFICE
    assert line.hours("removed") is None


async def test_who_has_hung_up_while_the_flow_came_to_its_end_was_first(redis: FakeRedis) -> None:
    line = session(redis)
    with pytest.raises(Hangup) as ours:
        await line.hangup("normal")
    assert ours.value.by == "system"
    line.mailbox.put(
        ari.ChannelHangupRequest(
            channel=ari.Channel(id=line.call), timestamp="2026-11-22T12:00:00.123+0000", cause=16
        )
    )
    with pytest.raises(Hangup) as his:
        await line.hangup("normal")
    assert (his.value.by, his.value.cause) == ("caller", 16)


async def test_who_was_in_an_asterisk_that_was_stopped_gets_his_end_though_it_is_away(
    redis: FakeRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = session(redis)
    line.mailbox.put(ari.ChannelHangupRequest(channel=ari.Channel(id=line.call), cause=4, soft=True))

    async def flow(*_: object) -> NoReturn:
        await line.hangup("normal")

    monkeypatch.setattr(line, "_flow", flow)
    await line.run(cast(Flow, None))
    assert redis.ended_by == [("lost", "asterisk-stopped", "system")]


async def test_while_redis_is_away_figures_are_unknown_and_shares_are_chance(redis: FakeRedis) -> None:
    line = session(redis)
    redis.away = True
    assert await line.figures("sales") is None
    counted = {await line.count("x", "key") for _ in range(20)}
    assert len(counted) > 1
    assert all(1 <= each < CHANCES for each in counted)


async def test_what_a_flow_has_learned_is_in_the_checkpoint_and_secrets_are_not(redis: FakeRedis) -> None:
    line = session(redis)
    line.variables["code"], line.visits["main/a"], line.language = "7", 2, "es"
    line.about = line.about._replace(campaign="spring")
    line.secrets["pin"] = "1234"
    await line.checkpoint("main", 1, "main/b", Held("main/a", {"main/a": 1}))
    await line.checkpoint("main", 1, "main/c")
    assert [path for path, _ in redis.kept] == ["main/a", "main/c"]
    assert [kept.visits for _, kept in redis.kept] == [{"main/a": 1}, {"main/a": 2}]
    kept = redis.kept[1][1]
    assert (kept.name, kept.campaign, kept.language, kept.variables) == ("Ada", "spring", "es", {"code": "7"})
    assert "1234" not in str(redis.kept)
    assert line.path == "main/c"


async def test_who_takes_over_knows_what_was_kept(redis: FakeRedis) -> None:
    line = session(redis)
    line.restore(Kept("Ada", "spring", "es", {"code": "7"}, {"main/a": 2}))
    assert (line.about.name, line.about.campaign, line.language) == ("Ada", "spring", "es")
    assert (line.variables, line.visits) == ({"code": "7"}, {"main/a": 2})
    line.restore(Kept())
    assert (line.about.campaign, line.language) == ("spring", "es"), "what is not kept is the number's"
