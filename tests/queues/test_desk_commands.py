"""`holdfast calls`, `queues`, `agent`, `drain` against a real Redis."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from calllog.events import AgentStateChanged
from ivr.cli import main
from queues.models import Queue
from tests.queues.desk import Desk, settings

Holdfast = Callable[[Sequence[str]], Result]


@pytest.fixture
def holdfast(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Holdfast:
    monkeypatch.setenv("HOLDFAST_REDIS_URL", desk.redis.url)
    monkeypatch.setenv("HOLDFAST_SITE", desk.site)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda words: CliRunner().invoke(main, list(words))


async def command(holdfast: Holdfast, *words: str) -> Result:
    """Commands have their own event loop: run them in a thread."""
    return await asyncio.to_thread(holdfast, words)


async def as_json(holdfast: Holdfast, *words: str) -> Any:
    result = await command(holdfast, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def test_a_live_call_is_traced_to_where_it_is(desk: Desk, holdfast: Holdfast) -> None:
    post = desk.post()
    await post.checkpoint.enlist("hf-1")
    handle = await post.arrive("pbx-1.1")
    await post.store.join(handle, "sales")
    traced = await command(holdfast, "trace", "pbx-1.1")
    assert traced.exit_code == 0, traced.output
    assert traced.output.endswith("(waiting, queue sales)\n")
    now = (await as_json(holdfast, "trace", "pbx-1.1"))["now"]
    assert (now["state"], now["queue"]) == ("waiting", "sales")
    await post.checkpoint.ended(handle, reason="caller-hangup", ended_by="caller")
    assert (await as_json(holdfast, "trace", "pbx-1.1"))["now"] is None
    assert (await command(holdfast, "trace", "pbx-1.1")).output.splitlines()[1].startswith("began")


async def test_queues_and_calls(desk: Desk, holdfast: Holdfast) -> None:
    post = desk.post()
    await post.checkpoint.enlist("hf-1")
    await post.store.configure(*settings({"alice": ("sales",)}), version=1)
    for number in (1, 2, 3):
        await post.store.join(await post.arrive(f"pbx-1.{number}"), "sales")
    shown = await as_json(holdfast, "queues", "--limit", "2")
    (queue,) = shown["queues"]
    assert (queue["queue"], queue["waiting"], queue["ready"]) == ("sales", 3, 0)
    assert [(caller["call"], caller["state"]) for caller in queue["callers"]] == [
        ("pbx-1.1", "offered"),
        ("pbx-1.2", "waiting"),
    ]
    assert [(agent["agent"], agent["state"], agent["call"]) for agent in shown["agents"]] == [
        ("alice", "offered", "pbx-1.1")
    ]
    live = await as_json(holdfast, "calls")
    assert [call["call"] for call in live["calls"]] == ["pbx-1.1", "pbx-1.2", "pbx-1.3"]
    text = (await command(holdfast, "queues")).stdout
    assert "alice" in text
    assert "pbx-1.2" in text
    assert "+4930123" in (await command(holdfast, "calls")).stdout


async def test_a_queue_of_ten_thousand_is_shown_at_once(desk: Desk, holdfast: Holdfast) -> None:
    post = desk.post()
    await post.store.configure(*settings({"alice": ("sales",)}, ready=False), version=1)
    await post.checkpoint.enlist("hf-1")
    for number in range(120):
        await post.store.join(await post.arrive(f"pbx-1.{number}"), "sales")
    others = {f"pbx-2.{number}": 9e12 + number for number in range(10_000 - 120)}
    desk.redis.client().zadd(post.store.operations.keys.line("sales"), others)
    async with asyncio.timeout(5):
        shown = await as_json(holdfast, "queues")
    assert shown["queues"][0]["waiting"] == 10_000
    assert len(shown["queues"][0]["callers"]) == 10
    async with asyncio.timeout(5):
        assert len((await as_json(holdfast, "calls", "--limit", "100"))["calls"]) == 100


async def test_agent(desk: Desk, holdfast: Holdfast) -> None:
    post = desk.post()
    people = settings({"alice": ("sales",), "bob": ("sales",)}, ready=False)
    await post.store.configure(*people, version=1, devices=["alice-phone", "bob-phone"])
    assert (await as_json(holdfast, "agent", "alice", "ready"))["state"] == "ready"
    misspelt = await command(holdfast, "agent", "alice", "ready", "--device", "alice-fone")
    assert (misspelt.exit_code, misspelt.stdout) == (4, "")
    assert "no device is called 'alice-fone': agents.yaml says which there are" in misspelt.stderr
    paused = await as_json(holdfast, "agent", "alice", "pause", "lunch")
    assert (paused["state"], paused["reason"]) == ("paused", "lunch")
    moved = await command(holdfast, "agent", "bob", "ready", "--device", "alice-phone")
    assert (moved.exit_code, moved.stdout) == (0, "bob: ready\n")
    assert [(a.agent, a.state, a.device) for a in await post.store.agents()] == [
        ("alice", "offline", ""),
        ("bob", "ready", "alice-phone"),
    ]
    await post.store.join(await post.arrive("pbx-1.1"), "sales")
    later = await command(holdfast, "agent", "bob", "pause", "lunch")
    assert later.stdout == "bob: offered, after his call: paused (lunch)\n"
    assert (await command(holdfast, "agent", "alice", "ready", "-d", "alice-phone")).exit_code == 4
    assert (await command(holdfast, "agent", "eve", "ready")).exit_code == 4
    assert (await command(holdfast, "agent", "alice", "pause")).exit_code == 2
    assert (await command(holdfast, "agent", "alice", "dance")).exit_code == 2


async def test_what_a_supervisor_forces(desk: Desk, holdfast: Holdfast) -> None:
    post = desk.post()
    await post.store.configure(*settings({"alice": ("sales",)}), version=1)
    h = await post.arrive("pbx-1.1")
    await post.store.join(h, "sales")
    forced = await as_json(holdfast, "agent", "alice", "pause", "meeting", "--force", "--by", "Ms. Weber")
    assert (forced["state"], forced["wish"]) == ("offered", "paused:meeting")
    own = await command(holdfast, "agent", "alice", "ready")
    assert (own.exit_code, own.stderr) == (
        4,
        "holdfast: alice: a supervisor has decided what comes after this call\n",
    )
    await post.checkpoint.ended(h, reason="caller-hangup", ended_by="caller", cause=16)
    last = [event for event in desk.log() if isinstance(event, AgentStateChanged)][-1]
    assert (last.to, last.reason, last.by) == ("paused", "meeting", "Ms. Weber")
    assert (await command(holdfast, "agent", "alice", "ready")).exit_code == 0  # and back she is


@pytest.mark.parametrize(
    "words",
    [
        ("ready", "--force"),
        ("ready", "--by", "Ms. Weber"),
        ("pause", "cooldown"),
        ("pause", "auto:busy"),
        ("disposition",),
        ("extend", "much"),
        ("extend", "-5"),
        ("extend", "999999"),
        ("extend", "30", "--force", "--by", "Ms. Weber"),
        ("disposition", "sold", "--device", "desk"),
    ],
)
async def test_requests_that_make_no_sense(desk: Desk, holdfast: Holdfast, words: tuple[str, ...]) -> None:
    await desk.post().store.configure(*settings({"alice": ("sales",)}), version=1)
    assert (await command(holdfast, "agent", "alice", *words)).exit_code == 2


async def test_drain(desk: Desk, holdfast: Holdfast) -> None:
    post = desk.post()
    assert (await command(holdfast, "drain")).exit_code == 4
    inc = await post.checkpoint.enlist("hf-1")
    assert not (await post.checkpoint.lease("hf-1", inc)).draining
    assert await as_json(holdfast, "drain", "--no-wait") == {
        "drained": [{"worker": "hf-1", "result": "asked", "calls": 0}]
    }
    assert (await post.checkpoint.lease("hf-1", inc)).draining
    assert (await command(holdfast, "drain", "hf-1", "--undo")).exit_code == 0
    assert not (await post.checkpoint.lease("hf-1", inc)).draining
    assert (await command(holdfast, "drain", "hf-9")).exit_code == 4
    waits = asyncio.create_task(command(holdfast, "drain", "hf-1", "--limit", "20"))
    async with asyncio.timeout(10):
        while not (await post.checkpoint.lease("hf-1", inc)).draining:  # noqa: ASYNC110  (a lease is polled)
            await asyncio.sleep(0.05)
    await post.checkpoint.retire("hf-1", inc)
    await post.checkpoint.enlist("hf-1")
    assert (await waits).stdout == "hf-1: restarted (0 calls before)\n"


async def test_a_line_by_name_is_shown_when_somebody_waits_in_it(desk: Desk, holdfast: Holdfast) -> None:
    post = desk.post()
    titles = {"sales": Queue(title="Sales"), "_alice": Queue(title="Alice, by name")}
    queues, agents = settings({"alice": ("sales",)}, ready=False, queues=titles)
    alice = agents["alice"]
    both = (*alice.queues, alice.queues[0].model_copy(update={"name": "_alice"}))
    await post.store.configure(queues, {"alice": alice.model_copy(update={"queues": both})}, version=1)
    shown = (await command(holdfast, "queues")).stdout
    assert "Sales" in shown
    assert "Alice, by name" not in shown
    assert "_alice" not in shown
    lines = (await as_json(holdfast, "queues"))["queues"]
    assert {line["queue"] for line in lines} == {"sales", "_alice"}
    await post.store.join(await post.arrive("pbx-1.1"), "_alice")
    shown = (await command(holdfast, "queues")).stdout
    assert "Alice, by name" in shown
    assert "pbx-1.1" in shown


async def test_redis_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_REDIS_URL", f"unix://{tmp_path}/nowhere.sock")
    result = await asyncio.to_thread(CliRunner().invoke, main, ["calls"])
    assert result.exit_code == 3
    assert "Redis" in result.stderr
