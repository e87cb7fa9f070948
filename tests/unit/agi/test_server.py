"""Who may connect, what he must say, and which calls are taken."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import ivr.agi.server
from ivr.agi.server import MOST_ENVIRONMENT
from ivr.ari.events import Channel, Dialplan
from ivr.checkpoint import CallRecord
from tests.unit.agi.far_side import CALL, environment, site

HANGS_UP = "steps: {end: {hangup: busy}}"
MARKED = 'SET VARIABLE HF_FLOW ":main"'


def record(**fields: Any) -> CallRecord:
    own = {"call": CALL, "owner": "hf-1", "epoch": 1, "op": 3, "seq": 5, "state": "flow", "agi": True}
    return cast(CallRecord, SimpleNamespace(**(own | fields)))


async def test_a_call_from_its_first_to_its_last_word(tmp_path: Path) -> None:
    async with site(HANGS_UP, tmp_path) as here:
        pbx = await here.call()
        assert pbx.commands == [MARKED, "EXEC Hangup 17"]
        assert here.fake.told == ["arrived 4930 100 web pbx", "at main/end", "ended |flow-ended|system"]


@pytest.mark.parametrize(
    ("told", "arrived"),
    [
        ({"dnid": "unknown", "extension": "77"}, "4930 77"),
        ({"callerid": "unknown"}, " 100"),
        ({"callerid": "a: b"}, "a: b 100"),
    ],
)
async def test_who_calls_whom(tmp_path: Path, told: dict[str, str], arrived: str) -> None:
    async with site(HANGS_UP, tmp_path) as here:
        await here.call(told=environment(**told))
        assert here.fake.told[0] == f"arrived {arrived} web pbx"


async def test_a_name_in_latin_1(tmp_path: Path) -> None:
    async with site(HANGS_UP, tmp_path) as here:
        await here.call(told=environment(calleridname="Zoë ÿ"))
        assert here.fake.names == ["Zoë ÿ"]


NOT_SERVED = {
    "another path": environment(network_script="main"),
    "a path that leads elsewhere": environment(network_script="flow/../main"),
    "no path": environment(network_script=""),
    "a flow that is not there": environment(network_script="flow/other"),
    "no call": environment(uniqueid=""),
    "a call that is none": environment(uniqueid="../x y"),
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "nothing": b"\n",
    "garbage": bytes(range(256)) * 8 + b"\n\n",
    "a line without end": b"agi_a: " + b"x" * (4 * MOST_ENVIRONMENT),
    "10 MB of lines": b"agi_a: x\n" * 1_100_000,
    "more than is said of any call": b"agi_a: x\n" * (MOST_ENVIRONMENT // 9 + 1) + environment(),
}


@pytest.mark.parametrize("told", NOT_SERVED.values(), ids=list(NOT_SERVED))
async def test_what_is_not_served_is_let_go(tmp_path: Path, told: bytes) -> None:
    async with site(HANGS_UP, tmp_path) as here:
        pbx = await here.call(told=told)
        assert pbx.commands == []
        assert here.fake.told == []
        pbx = await here.call()
        assert pbx.commands, "the next one is served"


async def test_who_says_nothing_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ivr.agi.server, "ENVIRONMENT_S", 0.05)
    async with site(HANGS_UP, tmp_path) as here:
        assert (await here.call(told=b"agi_network: yes\n")).commands == []


async def test_only_so_many_may_say_nothing_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ivr.agi.server, "STRANGERS", 1)
    async with site(HANGS_UP, tmp_path) as here:
        _, silent = await asyncio.open_connection("127.0.0.1", here.port)
        silent.write(b"agi_network: yes\n")
        await silent.drain()
        await asyncio.sleep(0.05)
        assert (await here.call()).commands == []
        silent.close()
        await asyncio.sleep(0.05)
        assert (await here.call()).commands


async def test_where_one_may_connect_from(tmp_path: Path) -> None:
    async with site(HANGS_UP, tmp_path, networks=["192.0.2.0/24"]) as here:
        permits = here.server._permits
        assert [permits(each) for each in ("127.0.0.1", "::1", "192.0.2.7")] == [True] * 3
        assert [permits(each) for each in ("192.0.3.7", "2001:db8::1")] == [False] * 2


@pytest.mark.parametrize("keys", [{"most": 0}, {"admits": False}], ids=["too many", "drowning"])
async def test_a_call_too_many_goes_on_with_its_flow_on_it(tmp_path: Path, keys: dict[str, Any]) -> None:
    async with site(HANGS_UP, tmp_path, **keys) as here:
        pbx = await here.call()
        assert pbx.commands == [MARKED]
        assert here.fake.told == []


async def test_nothing_is_taken_while_redis_is_away(tmp_path: Path) -> None:
    async with site(HANGS_UP, tmp_path) as here:
        here.fake.away = True
        assert (await here.call()).commands == [MARKED]
        assert here.fake.told == []


async def test_a_call_that_has_a_record_is_not_begun_again(tmp_path: Path) -> None:
    async with site(HANGS_UP, tmp_path) as here:
        here.fake.records[CALL] = record()
        assert (await here.call()).commands == [MARKED]
        assert here.fake.told == []


async def test_workers_share_a_port(tmp_path: Path) -> None:
    async with (
        site(HANGS_UP, tmp_path / "one") as one,
        site(HANGS_UP, tmp_path / "other", port=one.port) as other,
    ):
        assert other.port == one.port
        for _ in range(20):
            await one.call()
        assert one.fake.told
        assert other.fake.told


# Calls that have left


def channel(context: str = "front-door") -> Channel:
    return Channel(id=CALL, dialplan=Dialplan(context=context, exten="100"))


async def test_a_call_on_its_way_is_looked_after_until_its_channel_is_gone(tmp_path: Path) -> None:
    async with site(HANGS_UP, tmp_path) as here:
        fake, server = here.fake, here.server
        fake.records[CALL], fake.channels[CALL] = record(), channel()
        server.look_after(CALL)
        await server.look(died_at=0)
        assert fake.told == []
        del fake.channels[CALL]
        await server.look(died_at=0)
        assert fake.told == ["ended |caller-hangup|caller inferred"]
        fake.records[CALL] = record()
        await server.look(died_at=0)
        assert len(fake.told) == 1, "it is not looked after any more"


GOT: dict[str, dict[str, Any] | None] = {
    "gone": None,
    "by ARI": {"agi": False},
    "by another": {"owner": "hf-2"},
    "over": {"state": "ended"},
}


@pytest.mark.parametrize("now", GOT.values(), ids=list(GOT))
async def test_a_call_that_somebody_has_got_is_his(tmp_path: Path, now: dict[str, Any] | None) -> None:
    async with site(HANGS_UP, tmp_path) as here:
        here.server.look_after(CALL)
        if now is not None:
            here.fake.records[CALL] = record(**now)
        await here.server.look(died_at=0)
        assert here.fake.told == []


async def test_a_call_that_nobody_claimed_is_an_error_of_ours(tmp_path: Path) -> None:
    async with site(HANGS_UP, tmp_path) as here:
        here.fake.records[CALL], here.fake.channels[CALL] = record(), channel("fallback")
        here.server.look_after(CALL)
        await here.server.look(died_at=0)
        assert here.fake.told == ["ended failed|not-claimed|system"]


async def test_a_call_whose_asterisk_died_is_lost(tmp_path: Path) -> None:
    async with site(HANGS_UP, tmp_path) as here:
        here.fake.records[CALL] = record()
        here.server.look_after(CALL)
        await here.server.look(died_at=2**60)
        assert here.fake.told == ["ended lost|asterisk-died|system inferred"]
