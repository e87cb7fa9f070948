"""Legs that stay, at one worker: what it does with each when Redis, Asterisk and calls tell of it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ivr.agent_leg import AgentLeg, playback_of
from ivr.ari import Asterisk, AsteriskAway, NotFound
from ivr.ari import events as ari
from ivr.caller import Caller, House
from ivr.feature_keys import FeatureKeys
from ivr.ghosts import Ghosts
from ivr.mailbox import Mailbox
from ivr.nailed import Nailed
from ivr.talk import Talk
from queues.errors import StoreAway
from queues.handle import CallHandle
from queues.legs import Leg, Legs
from queues.models import NailedUp, Queue

LEG = "pbx-1.7"
BRIDGE = "pbx-1.1-b1"


class Worker:
    """One worker's legs, with Asterisk and Redis as lists of what they were told."""

    app = "hf-1"

    def __init__(self, **settings: Any) -> None:
        self.did: list[str] = []
        self.legs: list[Leg] = []
        self.told: list[tuple[str, str]] = []
        self.fails: Exception | None = None
        self.away = False
        self.meanwhile: Callable[[], None] = lambda: None
        """What happens before Asterisk has said in which bridges a leg is."""
        self.routes: dict[str, Mailbox[Any]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        chosen = NailedUp(**settings)
        self.nailed = Nailed(
            cast(Asterisk, self), cast(Legs, self), self.routes, lambda: chosen, self._attempt
        )

    def _attempt(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    async def settle(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Redis

    async def mine(self) -> list[Leg]:
        return self.legs

    async def adopt(self, _: str) -> list[Leg]:
        return self.legs

    def gone(self, channel: str, why: str) -> Awaitable[object]:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.away:
            answer.set_exception(StoreAway("away"))
        else:
            self.told.append((channel, why))
            answer.set_result(None)
        return answer

    # Asterisk

    async def take(self, channel: str) -> None:
        if self.fails:
            raise self.fails
        self.did.append(f"take {channel}")

    async def bridges_of(self, _: str) -> list[str]:
        self.meanwhile()
        return [BRIDGE]

    async def lives(self, _: str) -> bool:
        return False

    async def hang_up(self, channel: str) -> None:
        self.did.append(f"hang up {channel}")

    async def start_music(self, channel: str, music: str) -> None:
        self.did.append(f"music {music} {channel}")

    def end_music(self, channel: str) -> None:
        self.did.append(f"no music {channel}")

    def leave(self, bridge: str, channel: str) -> None:
        self.did.append(f"{channel} leaves {bridge}")

    def whisper(self, channel: str, whisperer: str) -> None:
        self.did.append(f"tone {channel} {whisperer}")


def leg(nailed: bool = True) -> AgentLeg:
    return AgentLeg(channel=LEG, endpoint="", ring_s=1, agent="ann", attempt=1, bridge=BRIDGE, nailed=nailed)


HANGUP = ari.ChannelHangupRequest(channel=ari.Channel(LEG), cause=16)
ENDED = ari.ChannelDestroyed(channel=ari.Channel(LEG), cause=16)


@pytest.mark.parametrize("lent", [False, True])
@pytest.mark.parametrize(("event", "why"), [(HANGUP, "hung_up"), (ENDED, "leg_lost")])
async def test_whoever_has_it_its_end_is_told_once(lent: bool, event: Any, why: str) -> None:
    worker = Worker()
    worker.nailed.keep(LEG)
    if lent:
        worker.nailed.lend(LEG)
    for each in (event, ENDED):
        worker.nailed.heard(each)
    await worker.settle()
    assert worker.told == [(LEG, why)]
    assert not worker.nailed.has(LEG)


async def test_an_end_that_redis_was_not_told_is_told_later() -> None:
    worker = Worker()
    worker.nailed.keep(LEG)
    worker.away = True
    worker.nailed.heard(HANGUP)
    await worker.settle()
    worker.away, worker.legs = False, [Leg(LEG, "ann", False)]
    await worker.nailed.look()
    assert worker.told == [(LEG, "hung_up")]


async def test_redis_is_told_of_an_end_before_anything_else_runs() -> None:
    worker = Worker()
    worker.nailed.lend(LEG)
    worker.nailed.heard(HANGUP)
    assert worker.told == [(LEG, "hung_up")], "her call may be awake already, and the next to run"
    await worker.settle()


async def test_who_has_gone_from_a_talk_that_was_taken_over_is_told_before_the_call() -> None:
    worker = Worker()
    house = SimpleNamespace(
        asterisk=worker,
        nailed=worker.nailed,
        feature_keys=lambda _: FeatureKeys(None, ""),
        queue=lambda _: Queue(),
    )
    caller = Caller(cast(House, house), CallHandle("pbx-1.1", "hf-1"))
    worker.nailed.lend(LEG)
    await Talk(caller, leg(), "sales").mend({"pbx-1.1"}, asks=False)
    assert worker.told == [(LEG, "leg_lost")]
    assert caller.mailbox.empty() == [ari.ChannelDestroyed(channel=ari.Channel(LEG))]
    await worker.settle()


class Deaf:
    """Asterisk without any channel, and nobody was told."""

    async def application(self) -> ari.Application:
        return ari.Application(name="hf-1")

    async def channels(self) -> dict[str, ari.Channel]:
        return {}


async def test_a_leg_in_a_call_that_is_gone_untold_is_told_as_asterisk_would_have() -> None:
    told: list[ari.Event] = []
    routes: dict[str, Mailbox[Any]] = {LEG: Mailbox()}

    async def receive(_: object) -> None: ...

    ghosts = Ghosts(cast(Asterisk, Deaf()), routes, lambda _: False, told.append, receive)
    for looks in range(2):
        assert told == [], looks
        await ghosts.look()
    assert told == [ari.ChannelDestroyed(channel=ari.Channel(LEG))]
    assert not len(routes[LEG]), "it comes by the same way as all news"


async def test_a_leg_that_was_lent_at_once_is_not_taken_back() -> None:
    worker = Worker()
    worker.nailed.lend(LEG)
    worker.nailed.begin(LEG)
    assert not worker.nailed.waits(LEG)


async def test_after_a_call_it_leaves_the_bridge_and_waits() -> None:
    worker = Worker()
    worker.nailed.lend(LEG)
    worker.nailed.back(leg(), "other")
    assert worker.did == [f"{LEG} leaves {BRIDGE}", f"{LEG} leaves other"]
    assert worker.nailed.waits(LEG)
    worker.nailed.back(leg())
    assert len(worker.did) == 2, "it is back already"


async def test_one_that_a_call_has_forgotten_is_missed_in_two_looks() -> None:
    worker = Worker()
    worker.nailed.lend(LEG)
    worker.legs = [Leg(LEG, "ann", False)]
    await worker.nailed.look()
    assert not worker.nailed.waits(LEG)
    worker.legs = [Leg(LEG, "ann", True)]
    await worker.nailed.look()
    worker.legs = [Leg(LEG, "ann", False)]
    await worker.nailed.look()
    assert not worker.nailed.waits(LEG), "there was a call in between"
    await worker.nailed.look()
    assert worker.nailed.waits(LEG)


async def test_one_that_another_worker_has_is_forgotten() -> None:
    worker = Worker()
    worker.nailed.keep(LEG)
    await worker.nailed.look()
    assert not worker.nailed.has(LEG)
    assert LEG not in worker.routes
    assert worker.told == []


async def test_one_that_is_nobodys_is_ended() -> None:
    worker = Worker()
    worker.nailed.keep(LEG)
    worker.legs = [Leg(LEG, "", False)]
    await worker.nailed.look()
    await worker.settle()
    assert worker.did == [f"hang up {LEG}"]
    assert worker.told == [(LEG, "leg_lost")]


@pytest.mark.parametrize("how", ["recover", "adopt"])
async def test_one_that_is_taken_over_is_moved_and_leaves_its_bridges(how: str) -> None:
    worker = Worker()
    worker.legs = [Leg(LEG, "ann", False)]
    await (worker.nailed.recover() if how == "recover" else worker.nailed.adopt("hf-2", 1))
    assert worker.did == [f"take {LEG}", f"{LEG} leaves {BRIDGE}"]
    assert worker.nailed.waits(LEG)


async def test_one_that_gets_a_caller_while_it_is_taken_in_stays_in_his_bridge() -> None:
    worker = Worker()
    worker.legs = [Leg(LEG, "ann", False)]
    worker.meanwhile = lambda: worker.nailed.lend(LEG)
    await worker.nailed.recover()
    assert worker.did == [f"take {LEG}"]


async def test_one_in_a_call_is_left_to_the_call() -> None:
    worker = Worker()
    worker.legs = [Leg(LEG, "ann", True)]
    await worker.nailed.recover()
    assert worker.did == []
    assert not worker.nailed.has(LEG)


async def test_one_that_asterisk_does_not_have_is_lost() -> None:
    worker = Worker()
    worker.legs, worker.fails = [Leg(LEG, "ann", False)], NotFound(404, "take", "gone")
    await worker.nailed.recover()
    await worker.settle()
    assert worker.told == [(LEG, "leg_lost")]


async def test_while_asterisk_is_away_nothing_is_lost() -> None:
    worker = Worker()
    worker.legs, worker.fails = [Leg(LEG, "ann", False)], AsteriskAway("away")
    with pytest.raises(AsteriskAway):
        await worker.nailed.recover()
    assert worker.told == []
    worker.fails = None
    await worker.nailed.recover()
    assert worker.nailed.waits(LEG)


@pytest.mark.parametrize(("music", "played"), [("quiet", [f"music quiet {LEG}"]), (None, [])])
async def test_music_for_who_waits_once(music: str | None, played: list[str]) -> None:
    worker = Worker(music=music)
    worker.nailed.keep(LEG)
    worker.legs = [Leg(LEG, "ann", False)]
    for _ in range(2):
        await worker.nailed.look()
    assert worker.did == played


async def test_music_that_met_a_leg_on_its_way_to_another_worker_is_ended() -> None:
    worker = Worker(music="quiet")
    worker.nailed.keep(LEG)
    worker.legs = [Leg(LEG, "ann", False)]
    await worker.nailed.look()
    worker.legs = []
    await worker.nailed.look()
    assert worker.did[1:] == [f"no music {LEG}"]


@pytest.mark.parametrize(
    ("tone", "nailed", "heard"),
    [(True, True, [f"tone {LEG} pbx-1.1-a1-t0"]), (False, True, []), (True, False, [])],
)
def test_a_tone_for_who_is_nailed_up(tone: bool, nailed: bool, heard: list[str]) -> None:
    worker = Worker(tone=tone)
    worker.nailed.announce(leg(nailed), "pbx-1.1")
    assert worker.did == heard


def test_sounds_of_one_call_are_not_taken_for_those_of_the_next() -> None:
    calls = [CallHandle("pbx-1.1", "hf-1"), CallHandle("pbx-1.2", "hf-1")]
    names = {playback_of(leg(), call, number) for call in calls for number in (0, 1)}
    assert len(names) == 4
    assert all(name.rpartition("-")[0] == LEG for name in names)
