"""/v1/live: everything first, then what is new; who is slow slows nobody; who may not is told why."""

import asyncio
from typing import Any

import aiohttp
import msgspec
import pytest

from ivr.api import live, tokens, watch
from ivr.api.board import KEPT_TURNS
from tests.api.desk import ApiDesk, valid

WAIT_S = 10.0
MESSAGE = {"$ref": "#/components/schemas/LiveMessage"}


async def watching(desk: ApiDesk, token: str, **said: Any) -> aiohttp.ClientWebSocketResponse:
    socket = await desk.connect()
    await socket.send_json({"token": token, **said})
    return socket


async def message(socket: aiohttp.ClientWebSocketResponse) -> Any:
    said = msgspec.json.decode(await socket.receive_str(timeout=WAIT_S))
    if "type" in said and not said["type"].startswith("urn:"):
        valid(said, MESSAGE)
    return said


async def nobody_watches(desk: ApiDesk) -> None:
    async with asyncio.timeout(WAIT_S):
        while desk.traffic.clients:
            await desk.get("/healthz")


async def test_everything_then_what_is_new(desk: ApiDesk) -> None:
    await desk.opened()
    socket = await watching(desk, desk.viewer, topics=["queues", "agents", "calls"])
    first = await message(socket)
    assert first["type"] == "snapshot"
    assert [queue["queue"] for queue in first["queues"]] == ["sales", "support"]
    assert [agent["agent"] for agent in first["agents"]] == ["alice", "bob"]
    assert first["calls"] == []
    handle = await desk.wait_in("sales", "pbx-1.1")
    await desk.watch.turn()
    new = await message(socket)
    assert (new["type"], new["seq"]) == ("change", first["seq"] + 1)
    assert ("sales", 1) in [(queue["queue"], queue["waiting"]) for queue in new["queues"]]
    assert [(agent["agent"], agent["state"]) for agent in new["agents"]] == [("alice", "offered")]
    assert [(call["call"], call["state"]) for call in new["calls"]] == [("pbx-1.1", "offered")]
    await desk.watch.turn()
    tick = await message(socket)
    assert (tick["type"], tick["seq"]) == ("tick", new["seq"])
    assert "queues" not in tick
    assert tick["at"] >= new["at"]
    await desk._posts[0].checkpoint.ended(handle, reason="caller-hangup", ended_by="caller", cause=16)
    await desk.watch.turn()
    assert (await message(socket))["gone"]["calls"] == ["pbx-1.1"]


async def test_only_what_was_asked_for(desk: ApiDesk) -> None:
    await desk.opened()
    socket = await watching(desk, desk.blind, topics=["calls"])
    assert "queues" not in await message(socket)
    await desk.wait_in("sales", "pbx-1.1", from_="+49301234567")
    await desk.watch.turn()
    new = await message(socket)
    assert new["calls"][0]["from"] == "(hidden)"
    assert "agents" not in new
    await socket.send_json({"topics": ["queues"]})
    await desk.watch.turn()
    while (said := await message(socket))["type"] != "snapshot":
        await desk.watch.turn()
    assert "calls" not in said
    assert said["queues"][0]["waiting"] == 1


async def test_all_who_watch_the_same_get_the_same_bytes(desk: ApiDesk) -> None:
    await desk.opened()
    sockets = [await watching(desk, desk.viewer) for _ in range(20)]
    assert len({str(await message(socket)) for socket in sockets}) == 1
    await desk.wait_in("sales", "pbx-1.1")
    await desk.watch.turn()
    assert len({str(await message(socket)) for socket in sockets}) == 1
    assert len(desk.board._messages) == 1, "it was made once"
    assert desk.traffic.clients == 20


async def test_who_reads_nothing_slows_nobody_and_gets_a_snapshot(desk: ApiDesk) -> None:
    await desk.opened()
    slow, quick = await watching(desk, desk.viewer), await watching(desk, desk.viewer)
    await message(quick)
    assert slow._conn is not None
    assert slow._conn.transport is not None
    slow._conn.transport.pause_reading()
    seen = 0
    for turn in range(4 * KEPT_TURNS):
        for card in list(desk.board.agents.cards.values()):
            big = {"name": f"{turn}" + "x" * 100_000}
            desk.board.agents.put(card.thing.agent, card.thing.model_copy(update=big))
        desk.board.turn(desk.board.at + 1, [])
        seen = (await message(quick))["seq"]
    assert seen == desk.board.seq
    slow._conn.transport.resume_reading()
    kinds = []
    async with asyncio.timeout(WAIT_S):
        while (said := await message(slow))["seq"] != desk.board.seq:
            kinds.append(said["type"])
            if kinds[-1:] != ["snapshot"]:
                desk.board.turn(desk.board.at + 1, [])
    assert said["agents"][0]["name"].startswith(f"{4 * KEPT_TURNS - 1}x")
    assert desk.traffic.resyncs >= 1
    assert len(kinds) < 2 * KEPT_TURNS, "what it missed was not kept for it"


async def test_who_takes_nothing_any_more_is_dropped(desk: ApiDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SEND_S", 0.05)
    await desk.opened()
    slow = await watching(desk, desk.viewer)
    await message(slow)
    assert slow._conn is not None
    assert slow._conn.transport is not None
    slow._conn.transport.pause_reading()
    async with asyncio.timeout(WAIT_S):
        while desk.traffic.clients:
            card = desk.board.agents.cards["alice"]
            big = {"name": f"{desk.board.seq}" + "x" * 500_000}
            desk.board.agents.put("alice", card.thing.model_copy(update=big))
            desk.board.turn(desk.board.at + 1, [])
            await asyncio.sleep(0.01)
    assert desk.traffic.dropped == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('{"topics": ["queues"]}', "no-token"),
        ('{"token": "hf_00000000_' + "a" * 43 + '"}', "wrong-token"),
        ('{"token": "TOKEN", "topics": ["secrets"]}', "unfit"),
        ('{"token": "TOKEN", "more": 1}', "unfit"),
        ("[", "unfit"),
        ("\ud83d" * 2, "unfit"),
    ],
)
async def test_a_first_message_that_will_not_do(desk: ApiDesk, said: str, reason: str) -> None:
    await desk.opened()
    socket = await desk.connect()
    text = said.replace("TOKEN", desk.viewer).encode("utf-8", "replace").decode()
    await socket.send_str(text)
    told = await message(socket)
    valid(told, {"$ref": "#/components/schemas/Problem"})
    assert told["type"] == f"urn:holdfast:{reason}"
    assert desk.viewer not in str(told)
    assert (await socket.receive(timeout=WAIT_S)).type == aiohttp.WSMsgType.CLOSE
    await nobody_watches(desk)


async def test_a_huge_message_ends_it(desk: ApiDesk) -> None:
    await desk.opened()
    socket = await watching(desk, desk.viewer)
    await message(socket)
    await socket.send_str("x" * 1_000_000)
    async with asyncio.timeout(WAIT_S):
        while not socket.closed:
            await socket.receive()
    await nobody_watches(desk)


async def test_a_silent_client_does_not_stay(desk: ApiDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FIRST_S", 0.01)
    await desk.opened()
    socket = await desk.connect()
    assert (await message(socket))["type"] == "urn:holdfast:silent"


async def test_a_revoked_token_ends_it(desk: ApiDesk) -> None:
    await desk.opened()
    socket = await watching(desk, desk.viewer)
    await message(socket)
    assert tokens.revoke(desk.secrets, "wall")
    await desk.watch.turn()
    assert (await message(socket))["type"] == "urn:holdfast:wrong-token"


async def test_a_page_of_another_server_may_not_watch(desk: ApiDesk) -> None:
    await desk.opened()
    for headers, status in (
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://evil.example", "Host": "evil.example"}, 421),
        ({"Origin": "null"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 421),
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await desk.connect(headers=headers)
        assert refused.value.status == status, headers
    socket = await desk.connect(headers={"Origin": desk.url})
    await socket.send_json({"token": desk.viewer})
    assert (await message(socket))["type"] == "snapshot"


async def test_redis_away_is_an_alarm_and_no_silence(desk: ApiDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.opened()
    monkeypatch.setattr(watch, "PATIENCE_S", 0.2)
    socket = await watching(desk, desk.viewer)
    first = await message(socket)
    assert first["alarms"] == []
    desk.redis.freeze()
    try:
        await desk.watch.turn()
    finally:
        desk.redis.thaw()
    told = await message(socket)
    assert [alarm["alarm"] for alarm in told["alarms"]] == ["redis-away"]
    assert told["at"] == first["at"], "the figures are those of before"
    assert told["age_ms"] > 0
    assert (await desk.ask("GET", "/readyz")).status == 503
    monkeypatch.setattr(watch, "PATIENCE_S", WAIT_S)
    async with asyncio.timeout(WAIT_S):
        while desk.watch.problem:
            await desk.watch.turn()
    assert (await desk.ask("GET", "/readyz")).status == 200
