"""Who claims a new call: one worker at once, any other when it is offered again."""

from typing import get_args

from ivr.call_line import CAUSES
from ivr.door import LATE_LIMIT_S, Door, Turns
from ivr.steps.hangup import Hangup


def test_each_call_is_one_workers_turn() -> None:
    workers = [Turns(name) for name in ("hf-1", "hf-2", "hf-3")]
    for turns in workers:
        turns.among(["hf-1", "hf-2", "hf-3"])
    claimed = [sum(turns.mine(f"main-{n}.{n}") for turns in workers) for n in range(300)]
    assert claimed == [1] * 300


def test_the_load_is_spread() -> None:
    turns = Turns("hf-1")
    turns.among(["hf-1", "hf-2"])
    share = sum(turns.mine(f"main-1795312044.{n}") for n in range(1000))
    assert 400 < share < 600


def test_a_call_offered_again_is_anybodys() -> None:
    workers = [Turns(name) for name in ("hf-1", "hf-2")]
    for turns in workers:
        turns.among(["hf-1", "hf-2"])
        turns.mine("main-1.1")
    assert all(turns.mine("main-1.1") for turns in workers)


def test_a_worker_alone_takes_every_call_and_forgets_old_ones() -> None:
    turns = Turns("hf-1")
    turns.among([])
    assert all(turns.mine(f"call-{n}") for n in range(3 * Turns.KEPT))
    assert len(turns._seen) == Turns.KEPT


def test_the_door_opens_closes_and_fills() -> None:
    door = Door(max_calls=2)
    assert not door.admits(0)
    door.open()
    assert door.admits(1)
    assert not door.admits(2)
    door.close()
    assert not door.admits(0)
    door.open()
    door.drain()
    assert not door.admits(0)


def test_every_cause_a_flow_may_name_has_a_number() -> None:
    assert set(CAUSES) == set(get_args(Hangup.model_fields["cause"].annotation))


def test_a_worker_to_whom_asterisk_owes_a_reply_takes_no_more() -> None:
    door = Door(max_calls=2)
    door.open()
    assert door.admits(0, LATE_LIMIT_S / 2)
    assert not door.admits(0, LATE_LIMIT_S)
