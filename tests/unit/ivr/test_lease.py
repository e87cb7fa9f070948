"""A worker commands only while its lease, or the news that Redis is away, is fresh."""

from ivr.lease import MARGIN_S, TTL_S, Lease
from queues.errors import StoreAway


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def _well() -> None:
    return None


async def _away() -> None:
    raise StoreAway("refused")


async def test_silent_before_the_first_renewal() -> None:
    assert not Lease(Clock()).may_command()


async def test_held_until_the_margin() -> None:
    clock = Clock()
    lease = Lease(clock)
    await lease.renew(_well, _well)
    clock.now += TTL_S - MARGIN_S - 0.01
    assert lease.may_command()
    clock.now += 0.02
    assert not lease.may_command()


async def test_a_stopped_worker_stays_silent_until_it_has_looked_at_its_calls() -> None:
    clock = Clock()
    lease = Lease(clock)
    await lease.renew(_well, _well)
    clock.now += 60
    could_command_while_looking = []

    async def look() -> None:
        could_command_while_looking.append(lease.may_command())

    await lease.renew(_well, look)
    assert could_command_while_looking == [False]
    assert lease.may_command()


async def test_an_answer_that_comes_late_finds_a_worker_that_was_silent() -> None:
    clock = Clock()
    lease = Lease(clock)
    await lease.renew(_well, _well)
    clock.now += 0.5
    looked = []

    async def slow() -> None:
        clock.now += TTL_S - MARGIN_S
        assert not lease.may_command()

    async def look() -> None:
        looked.append(clock.now)

    await lease.renew(slow, look)
    assert looked, "what was refused meanwhile is made good"


async def test_goes_on_while_redis_is_away_but_only_on_fresh_news() -> None:
    clock = Clock()
    lease = Lease(clock)
    await lease.renew(_well, _well)
    clock.now += 60
    await lease.renew(_away, _well)
    assert lease.may_command()
    clock.now += 60
    assert not lease.may_command()


async def test_peers_are_not_judged_right_after_redis_returned() -> None:
    clock = Clock()
    lease = Lease(clock)
    await lease.renew(_well, _well)
    clock.now += TTL_S + 0.1
    await lease.renew(_well, _well)
    assert lease.peers_can_be_judged()
    await lease.renew(_away, _well)
    assert not lease.peers_can_be_judged()
    await lease.renew(_well, _well)
    assert not lease.peers_can_be_judged()
    clock.now += TTL_S + 0.1
    assert lease.peers_can_be_judged()
