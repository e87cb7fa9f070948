"""Which of our calls a reconcile believes to have died with Asterisk."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ivr.adoption import Adoption
from ivr.ari import Asterisk
from ivr.ari.events import Application, Channel
from ivr.caller import Vanished
from ivr.checkpoint import CallRecord, Checkpoint, Peer
from ivr.mailbox import Mailbox
from ivr.session import Session


@dataclass
class Call:
    begun: bool = True
    mailbox: Mailbox[Any] = field(default_factory=Mailbox)


class Deaf:
    """An Asterisk that has no channels; something happens between its two answers."""

    def __init__(self, between: Callable[[], None]) -> None:
        self._between = between

    async def channels(self) -> dict[str, Channel]:
        return {}

    async def application(self) -> Application:
        self._between()
        return Application("hf-1")


class Empty:
    async def owned(self, worker: str) -> list[str]:  # noqa: ARG002  (of nobody)
        return []


def nothing(_: str) -> None:
    """No call is left."""


async def nobody(_: Channel) -> None:
    raise AssertionError("no channel is there")


async def reconciled(sessions: dict[str, Call], between: Callable[[], None], died: bool = False) -> None:
    adoption = Adoption(
        "hf-1",
        cast(Asterisk, Deaf(between)),
        cast(Checkpoint, Empty()),
        cast(dict[str, Session], sessions),
        lambda _: cast(Session, None),
        nobody,
        nothing,
        set(),
    )
    await adoption.reconcile(died=died)


@pytest.mark.parametrize("died", [True, False])
async def test_a_call_whose_channel_is_gone_has_died_with_its_asterisk(died: bool) -> None:
    sessions = {"pbx-1.1": Call()}
    await reconciled(sessions, lambda: None, died)
    told = await sessions["pbx-1.1"].mailbox.take()
    assert isinstance(told, Vanished)
    assert told.lost == died


async def test_a_call_that_came_behind_the_list_of_channels_lives() -> None:
    sessions: dict[str, Call] = {}
    await reconciled(sessions, lambda: sessions.update({"pbx-1.2": Call()}))
    assert not len(sessions["pbx-1.2"].mailbox)


CALL = "pbx-1.3"


class Kept:
    """Redis with one record; `adopted`: who has tried to adopt it."""

    def __init__(self, **fields: Any) -> None:
        own = {
            "call": CALL,
            "owner": "hf-1",
            "epoch": 1,
            "state": "flow",
            "agi": True,
            "attempt": 0,
            "known_at": 0,
        }
        self.kept = cast(CallRecord, SimpleNamespace(**(own | fields)))
        self.adopted: list[str] = []
        self.put_off: set[str] = set()

    async def owned(self, worker: str) -> list[str]:
        return [CALL] if worker == self.kept.owner else []

    async def record(self, call: str) -> CallRecord | None:
        return self.kept if call == CALL else None

    def defers(self, call: str) -> bool:
        return call in self.put_off

    async def adopt(self, call: str, owner: str, epoch: int, worker: str) -> CallRecord | None:
        assert (call, owner, epoch) == (CALL, self.kept.owner, self.kept.epoch)
        self.adopted.append(worker)
        return self.kept


class OnTheWay:
    """An Asterisk in which the channel is in the dialplan, or in our application, or gone."""

    def __init__(self, where: str) -> None:
        self._where = where

    async def channels(self) -> dict[str, Channel]:
        return {} if self._where == "gone" else {CALL: Channel(id=CALL)}

    async def application(self) -> Application:
        return Application("hf-1", channel_ids=[CALL] if self._where == "ours" else [])

    async def hang_up(self, channel: str) -> None:
        raise AssertionError(f"{channel} is a caller of ours")


@dataclass
class Way:
    """What was made of the call."""

    looked_after: list[str] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    mailbox: Mailbox[Any] = field(default_factory=Mailbox, compare=False)


async def on_the_way(
    where: str, kept: Kept, on_agi: bool = False, peer: str = "", started_at: int = 0, seen_at: int = 0
) -> Way:
    way = Way()

    def resume(record: CallRecord) -> Session:
        way.resumed.append(record.call)
        return cast(Session, Call(mailbox=way.mailbox))

    async def arrive(channel: Channel) -> None:
        way.arrived.append(channel.id)

    adoption = Adoption(
        "hf-1",
        cast(Asterisk, OnTheWay(where)),
        cast(Checkpoint, kept),
        {},
        resume,
        arrive,
        nothing,
        set(),
        lambda _: on_agi,
        way.looked_after.append,
    )
    if peer:
        await adoption.take_over(Peer(peer, False, 1, 0, "", False, 1, 0, 0))
    else:
        await adoption.reconcile(started_at, seen_at)
    return way


@pytest.mark.parametrize("seen_at", [0, 502])
@pytest.mark.parametrize(("started_at", "lost"), [(499, False), (501, True)])
async def test_a_call_of_before_our_restart_died_if_its_asterisk_did(
    started_at: int, lost: bool, seen_at: int
) -> None:
    """The machine has lost its power: he did not hang up. Or we died once the next Asterisk had begun."""
    kept = Kept(agi=False, known_at=500)
    way = await on_the_way("gone", kept, started_at=started_at, seen_at=seen_at)
    told = await way.mailbox.take()
    assert isinstance(told, Vanished)
    assert told.lost == lost


async def test_a_call_that_was_on_agi_before_our_restart_is_looked_after() -> None:
    kept = Kept()
    assert await on_the_way("dialplan", kept) == Way(looked_after=[CALL])
    assert kept.adopted == [], "the front door adopts it"


async def test_a_call_that_is_on_agi_now_is_not_touched() -> None:
    kept = Kept()
    for where in ("dialplan", "gone"):
        assert await on_the_way(where, kept, on_agi=True) == Way()
    assert kept.adopted == []


async def test_a_call_that_was_on_agi_and_is_gone_gets_its_end() -> None:
    kept = Kept()
    assert await on_the_way("gone", kept) == Way(resumed=[CALL])
    assert kept.adopted == ["hf-1"]


async def test_a_call_on_agi_of_a_dead_worker_is_left_to_the_front_door() -> None:
    kept = Kept(owner="hf-2")
    assert await on_the_way("dialplan", kept, peer="hf-2") == Way()
    assert kept.adopted == []


async def test_a_call_that_the_front_door_has_given_us_is_adopted_whoever_had_it_on_agi() -> None:
    assert await on_the_way("ours", Kept(owner="hf-2")) == Way(arrived=[CALL])
    assert await on_the_way("ours", Kept(owner="hf-2", agi=False)) == Way(), "it was moved away from us"


async def regained(kept: Kept, left: set[str]) -> tuple[list[str], list[str]]:
    """Which calls went on, and which were forgotten."""
    resumed: list[str] = []
    forgotten: list[str] = []

    def resume(record: CallRecord) -> Session:
        resumed.append(record.call)
        return cast(Session, Call())

    adoption = Adoption(
        "hf-1",
        cast(Asterisk, OnTheWay("ours")),
        cast(Checkpoint, kept),
        {},
        resume,
        nobody,
        forgotten.append,
        left,
    )
    await adoption.regain()
    return resumed, forgotten


async def test_a_call_that_lost_its_session_goes_on() -> None:
    kept = Kept(agi=False)
    assert await regained(kept, {CALL}) == ([CALL], [])
    assert await regained(Kept(agi=False), set()) == ([], []), "nobody is missed: nothing is asked"


async def test_a_call_that_another_worker_has_by_now_is_forgotten() -> None:
    assert await regained(Kept(agi=False, owner="hf-2"), {CALL}) == ([], [CALL])


async def test_a_call_is_not_adopted_before_its_journal_is_in_redis() -> None:
    kept = Kept(agi=False)
    kept.put_off.add(CALL)
    assert await regained(kept, {CALL}) == ([], [])
    assert kept.adopted == []
