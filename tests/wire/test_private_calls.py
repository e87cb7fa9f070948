"""What an agent's private call costs: counted at the worker's socket and by Redis itself."""

import json
from collections import Counter
from typing import Any

from tests.wire.asterisk_double import Answer, Channel, Reply
from tests.wire.bench import Bench
from tests.wire.recording import Line

PRIVATE = "pbx-1.7"
PHONE, AGENT = "cody-phone", "cody"
WHILE_S = 10


def phones(bench: Bench, *channels: str) -> Reply:
    """Asterisk's list of phones, with these channels at the agent's."""
    _, body = bench.double._greeting["GET endpoints/PJSIP"]
    others = [each for each in json.loads(body) if each["resource"] != PHONE]
    phone = {"technology": "PJSIP", "resource": PHONE, "state": "online", "channel_ids": list(channels)}
    return 200, json.dumps([*others, phone])


def at_the_phone(bench: Bench, *channels: str) -> None:
    def answer(command: Line) -> Answer:
        asked = command.m["uri"] == "endpoints/PJSIP"
        return Answer(phones(bench, *channels) if asked else bench.double.natural(command))

    bench.double.on_command = answer


async def asked_in(bench: Bench) -> tuple[Counter[str], int]:
    """What Asterisk was asked within the next seconds, and how many functions Redis was told to run."""

    def run() -> int:
        stats: Any = bench._client.info("commandstats")
        return int(stats.get("cmdstat_fcall", {"calls": 0})["calls"])

    bench.double.commands.clear()
    before = run()
    for _ in range(WHILE_S):
        await bench.move(1.0)
    return Counter(command.command for command in bench.double.commands), run() - before


async def state(bench: Bench) -> str:
    return next(view.state for view in await bench.worker.store.agents() if view.agent == AGENT)


async def private_call(bench: Bench) -> None:
    await bench.prepare(bench.recordings["pause"])
    at_the_phone(bench)
    await asked_in(bench)
    quiet = await asked_in(bench)
    assert await state(bench) == "ready"
    assert quiet[0]["GET endpoints/PJSIP"] >= WHILE_S, "the phones are asked for anyway"

    described = bench.double._templates["ChannelDestroyed"]["channel"]
    dialled = {**described["dialplan"], "context": "agents", "exten": "4930"}
    bench.double.channels[PRIVATE] = Channel(PRIVATE, {**described, "id": PRIVATE, "dialplan": dialled})
    at_the_phone(bench, PRIVATE)
    begins = await asked_in(bench)
    assert await state(bench) == "busy_private"
    assert begins[0] - quiet[0] == {f"GET channels/{PRIVATE}": 1}
    goes_on = await asked_in(bench)
    assert await state(bench) == "busy_private"
    assert goes_on == quiet
    assert begins[1] == quiet[1] + 1, "one function tells Redis that he is on the phone"

    bench.double.channels[PRIVATE].gone = True
    at_the_phone(bench)
    over = await asked_in(bench)
    assert await state(bench) == "ready"
    assert over[0] == quiet[0]
    assert over[1] == quiet[1] + 1
    bench.double.on_command = lambda command: Answer(bench.double.natural(command))
    await bench.check(bench.log())


def test_a_private_call_is_asked_after_once_and_costs_nothing_while_it_lasts(bench: Bench) -> None:
    bench.run(private_call(bench))
