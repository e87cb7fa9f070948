"""What is live is what the API says, in every answer as its document describes it."""

import asyncio

from openapi_spec_validator import validate

from ivr.api import openapi
from ivr.api.routes import ROUTES
from ivr.callflows import with_direct_lines
from tests.api.desk import AGENTS, ApiDesk
from tests.queues.desk import settings


async def test_the_document_is_valid_and_has_every_route(desk: ApiDesk) -> None:
    document = await desk.get("/v1/openapi.json")
    validate(document)
    described = {
        (method.upper(), path) for path, operations in document["paths"].items() for method in operations
    }
    assert described == {(route.method, route.path) for route in ROUTES}
    assert document == openapi.document()


async def test_a_caller_who_waits_is_seen_everywhere(desk: ApiDesk) -> None:
    await desk.opened()
    for number in range(4):
        await desk.wait_in("sales", f"pbx-1.{number}", from_=f"+4930{number}")
    await desk.watch.turn()
    queues = await desk.get("/v1/queues")
    assert [queue["queue"] for queue in queues["queues"]] == ["sales", "support"]
    sales = (await desk.get("/v1/queues/sales"))["queue"]
    assert sales == queues["queues"][0]
    assert (sales["waiting"], sales["curve"][-1]) == (4, 4)
    assert queues["at"] - 60_000 < sales["oldest_joined_at"] <= queues["at"]
    assert sales["staff"] | {"ringing": 2, "ready": 0} == sales["staff"]
    callers = await desk.get("/v1/queues/sales/callers")
    assert callers["total"] == 4
    assert [(each["position"], each["call"], each["from"]) for each in callers["callers"]] == [
        (place, f"pbx-1.{place - 1}", f"+4930{place - 1}") for place in (1, 2, 3, 4)
    ]
    part = await desk.get("/v1/queues/sales/callers?limit=1&offset=2")
    assert [each["position"] for each in part["callers"]] == [3]
    assert (await desk.get("/v1/calls?state=offered"))["total"] == 2
    assert [call["call"] for call in (await desk.get("/v1/calls?limit=2&queue=sales"))["calls"]] == [
        "pbx-1.0",
        "pbx-1.1",
    ]
    one = (await desk.get("/v1/calls/pbx-1.3"))["call"]
    assert (one["state"], one["worker"], one["to"]) == ("waiting", "hf-1", "100")
    agents = (await desk.get("/v1/agents"))["agents"]
    assert {agent["agent"]: (agent["state"], agent["call"]) for agent in agents} == {
        "alice": ("offered", "pbx-1.0"),
        "bob": ("offered", "pbx-1.1"),
    }
    assert [a["agent"] for a in (await desk.get("/v1/agents?queue=support"))["agents"]] == ["alice"]
    assert (await desk.get("/v1/agents/bob"))["agent"]["device"] == "bob-phone"


async def test_places_are_those_of_redis(desk: ApiDesk) -> None:
    await desk.opened()
    post = desk._posts[0]
    for number in range(12):
        await desk.wait_in("sales", f"pbx-1.{number}")
    await post.store.move("pbx-1.9", position=1)
    await post.store.move("pbx-1.4", priority_s=500)
    await desk.watch.turn()
    line = desk.redis.client().zrange(post.store.operations.keys.line("sales"), 0, -1)
    callers = (await desk.get("/v1/queues/sales/callers"))["callers"]
    assert [each["call"] for each in callers] == line


async def test_numbers_are_hidden_from_who_may_not_see_them(desk: ApiDesk) -> None:
    await desk.opened()
    await desk.wait_in("sales", "pbx-1.1", from_="+49301234567")
    await desk.watch.turn()
    for path in ("/v1/calls", "/v1/calls/pbx-1.1", "/v1/queues/sales/callers", "/v1/queues", "/v1/agents"):
        assert "1234567" not in str(await desk.get(path, desk.blind)), path
    assert (await desk.get("/v1/calls/pbx-1.1"))["call"]["from"] == "+49301234567"
    assert (await desk.get("/v1/calls/pbx-1.1", desk.blind))["call"]["from"] == "(hidden)"


async def test_what_ends_is_gone(desk: ApiDesk) -> None:
    await desk.opened()
    handle = await desk.wait_in("sales", "pbx-1.1")
    await desk.watch.turn()
    await desk._posts[0].checkpoint.ended(handle, reason="caller-hangup", ended_by="caller", cause=16)
    await desk.watch.turn()
    assert (await desk.ask("GET", "/v1/calls/pbx-1.1", desk.viewer)).status == 404
    assert (await desk.get("/v1/queues/sales"))["queue"]["oldest_joined_at"] is None
    assert (await desk.get("/v1/agents/alice"))["agent"]["call"] == ""


async def test_today_counts_what_was_before_the_api_came(desk: ApiDesk) -> None:
    await desk.opened()
    post = desk._posts[0]
    early = await desk.wait_in("sales", "pbx-1.1")
    await post.checkpoint.ended(early, reason="caller-hangup", ended_by="caller", cause=16)
    talking = await desk.wait_in("sales", "pbx-1.2")
    offer = next(offer for offer in post.offers if offer.call == "pbx-1.2")
    assert await post.store.settle(talking, offer.agent, offer.attempt)
    await post.store.connected(talking, offer.agent, offer.attempt)
    await desk.wait_in("sales", "pbx-1.3")
    async with ApiDesk(desk.redis, desk.site, desk.folder / "second") as later:
        await counted(later)
        today = (await later.get("/v1/queues/sales"))["queue"]["today"]
    expected = {"offered": 3, "answered": 1, "abandoned": 1, "short": 1, "in_time": 1, "waiting": 1}
    assert today | expected == today
    assert (today["service_level"], today["abandon_rate"]) == (0.5, 0.0)
    await counted(desk)
    assert (await desk.get("/v1/queues/sales"))["queue"]["today"] == today


async def test_a_new_day_begins_with_nothing(desk: ApiDesk) -> None:
    await desk.opened()
    await desk.wait_in("sales", "pbx-1.1")
    await counted(desk)
    assert (await desk.get("/v1/queues/sales"))["queue"]["today"]["offered"] == 1
    desk.begins_at = desk.watch.today.ends_at = desk.board.at + 1  # midnight
    async with asyncio.timeout(5):
        while desk.watch.today.begins_at != desk.begins_at:
            await desk.watch.turn()
    await counted(desk)
    today = (await desk.get("/v1/queues/sales"))["queue"]["today"]
    assert (today["offered"], today["waiting"]) == (0, 0)
    assert (await desk.get("/v1/queues/sales"))["queue"]["waiting"] == 1


async def counted(desk: ApiDesk) -> None:
    """Turns, until the day is read; what is new then is on the board."""
    catching_up = asyncio.create_task(desk.watch.catch_up())
    async with asyncio.timeout(20):
        while not desk.board.today_complete:
            await desk.watch.turn()
            await asyncio.sleep(0.01)
    catching_up.cancel()
    await desk.watch.turn()


async def test_lines_of_agents_are_there_while_somebody_waits(desk: ApiDesk) -> None:
    await desk.opened()
    post = desk._posts[0]
    queues, agents = with_direct_lines({"alice"}, *settings(AGENTS))
    await post.store.configure(queues, agents, version=2)
    await post.store.agent("alice", "pause", "lunch")
    handle = await desk.wait_in("_alice", "pbx-1.1")
    await desk.watch.turn()
    assert (await desk.get("/v1/queues/_alice"))["queue"]["waiting"] == 1
    await post.store.leave(handle, "timeout")
    await desk.watch.turn()
    assert (await desk.ask("GET", "/v1/queues/_alice", desk.viewer)).status == 404


async def test_agents_and_queues_that_are_gone_are_gone(desk: ApiDesk) -> None:
    await desk.opened()
    await desk._posts[0].store.configure(*settings({"alice": ("support",)}), version=2)
    desk.watch._next["names"] = 0.0
    await desk.watch.turn()
    assert [queue["queue"] for queue in (await desk.get("/v1/queues"))["queues"]] == ["support"]
    assert [agent["agent"] for agent in (await desk.get("/v1/agents"))["agents"]] == ["alice"]
