"""Steps that do something outside the call: a real phone behind a trunk, and a real HTTP server."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from calllog.call_events import Bridged, Ended, Joined, Step, Transferred
from tests.live.conftest import Watch
from tests.live.stage import PROMPT_S, Stage, plot
from tests.rig.log_watch import kinds
from tests.rig.sip_view import Leg
from tests.rig.sipp import Caller
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, heard, heard_music
from tests.unit.web.far_side import FarSide

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTSIDE_AT, SERVER_AT = 6170, 6190
"""Ports of the party behind the trunk, and of the HTTP server."""

ONE_AT_A_TIME = asyncio.Lock()
"""There is one trunk: these plots have its far side one after the other."""

LEGS: dict[str, Sequence[Leg]] = {}
"""Plot → what the phone outside saw."""

FAR: dict[str, FarSide] = {}


def steps(played: Played) -> list[tuple[str, str]]:
    return [
        (event.path.partition("/")[2], event.outcome) for event in played.events if isinstance(event, Step)
    ]


def ended(played: Played) -> Ended:
    event = played.events[-1]
    assert isinstance(event, Ended)
    return event


async def outside(stage: Stage, plot: str, scenario: str, stay_ms: int, **keys: int) -> Played:
    async with ONE_AT_A_TIME, stage.server.agent(OUTSIDE_AT, scenario, **keys) as party:
        played = await stage.call("221", stay_ms=stay_ms)
        await party.phone.quiet()
        LEGS[plot] = list(party.phone.legs)
        return played


@plot
async def partner_answers(stage: Stage) -> Played:
    return await outside(stage, "answers", "agent_answers", 30_000, ring_ms=1500, talk_ms=1500)


async def test_a_number_outside_answers_and_the_flow_goes_on(watch: Watch, stage: Stage) -> None:
    played = await watch(partner_answers)
    played.check()
    assert kinds(played.events) == ["arrived", "answered", "transferred", "step", "step", "ended"]
    assert steps(played) == [("out", "done"), ("thanks", "done")]
    event = played.one("transferred")
    assert isinstance(event, Transferred)
    assert (event.how, event.to, event.by) == ("blind", "+4930901820", "flow")
    assert (ended(played).verdict, ended(played).ended_by) == ("transferred", "system")
    (leg,) = LEGS["answers"]
    assert leg.to_uri.startswith("sip:+4930901820@127.0.0.1:6170")
    assert leg.ended_by == "us"
    assert leg.talked_ms == pytest.approx(1500, abs=200)
    ringing = played.heard_between(played.one("answered"), event)
    assert heard_music(ringing, stage.music).share >= ENOUGH
    talking = played.heard.part(event.at / 1000 + 0.25, event.at / 1000 + 1.25)
    assert heard_music(talking, stage.music).share < 0.2
    assert heard(played.heard.samples, stage.sounds["goodbye"]).share >= ENOUGH


@plot
async def caller_leaves_partner(stage: Stage) -> Played:
    return await outside(stage, "left", "agent_answers", 2000, ring_ms=100, talk_ms=30_000)


async def test_the_caller_leaves_the_party_outside(watch: Watch) -> None:
    played = await watch(caller_leaves_partner)
    played.check()
    assert (ended(played).verdict, ended(played).ended_by) == ("transferred", "caller")
    (leg,) = LEGS["left"]
    assert leg.ended_by == "them"


@plot
async def caller_leaves_while_it_rings(stage: Stage) -> Played:
    return await outside(stage, "ringing", "agent_answers", 1000, ring_ms=20_000, talk_ms=1)


async def test_the_caller_leaves_while_it_rings_outside(watch: Watch) -> None:
    played = await watch(caller_leaves_while_it_rings)
    played.check()
    assert (ended(played).verdict, ended(played).ended_by) == ("ivr_exit", "caller")
    (leg,) = LEGS["ringing"]
    assert leg.cancelled_at


@plot
async def partner_is_busy(stage: Stage) -> Played:
    return await outside(stage, "busy", "agent_is_busy", 30_000, ring_ms=100)


async def test_a_number_outside_is_busy(watch: Watch, stage: Stage) -> None:
    played = await watch(partner_is_busy)
    played.check()
    assert steps(played) == [("out", "busy"), ("engaged", "done")]
    assert ended(played).verdict == "self_served"
    after = played.heard_between(played.one("answered"), ended(played))
    assert heard(after, stage.sounds["sorry"]).share >= ENOUGH


@plot
async def partner_does_not_answer(stage: Stage) -> Played:
    return await outside(stage, "silent", "agent_does_not_answer", 30_000, ring_ms=20_000)


async def test_a_number_outside_does_not_answer(watch: Watch) -> None:
    played = await watch(partner_does_not_answer)
    played.check()
    assert steps(played) == [("out", "no_answer"), ("nobody", "done")]
    (leg,) = LEGS["silent"]
    assert leg.cancelled_at - leg.invited_at == pytest.approx(5000, abs=500)


@plot
async def costly_number(stage: Stage) -> Played:
    return await stage.call("222", stay_ms=30_000)


async def test_a_number_that_the_policy_does_not_allow(watch: Watch, stage: Stage) -> None:
    played = await watch(costly_number)
    played.check()
    assert steps(played) == [("out", "refused"), ("barred", "done")]
    assert heard(played.heard.samples, stage.sounds["sorry"]).share >= ENOUGH
    assert ended(played).verdict == "self_served"


@plot
async def by_name(stage: Stage) -> Played:
    async with stage.agent("ines", "agent_answers", ring_ms=300, talk_ms=800) as ines:
        return await stage.call("223", {"ines": ines}, stay_ms=30_000)


async def test_an_agent_by_name(watch: Watch) -> None:
    played = await watch(by_name)
    played.check()
    names = kinds(played.events)
    assert names[:4] == ["arrived", "answered", "transferred", "joined"]
    event, joined, bridged = played.one("transferred"), played.one("joined"), played.one("bridged")
    assert isinstance(event, Transferred)
    assert isinstance(joined, Joined)
    assert isinstance(bridged, Bridged)
    assert (event.agent, event.to, joined.queue, bridged.agent) == ("ines", "", "_ines", "ines")
    assert steps(played) == [("ines", "done"), ("thanks", "done")]
    assert ended(played).verdict == "completed"


REFUSALS = {"230": 486, "231": 503, "232": 403, "233": 480, "234": 404, "235": 410}
"""Number called → what its caller is told."""

REFUSED: dict[str, Played] = {}


@plot
async def refused_in_every_way(stage: Stage) -> Played:
    for number in REFUSALS:
        REFUSED[number] = await stage.call(number, scenario="caller_is_refused")
    return REFUSED["230"]


async def test_every_cause_is_told_to_the_caller(watch: Watch) -> None:
    await watch(refused_in_every_way)
    assert {number: played.caller.status for number, played in REFUSED.items()} == REFUSALS
    for played in REFUSED.values():
        played.check()
        assert (ended(played).verdict, kinds(played.events)[-1]) == ("rejected", "ended")
        assert "answered" not in kinds(played.events)


@plot
async def is_offered_something(stage: Stage) -> Played:
    return await stage.call(
        "227",
        scenario="caller_presses_keys",
        caller=Caller(stage.number(), "Ada", "5"),
        think_ms=round(PROMPT_S * 1000) + 300,
        stay_ms=30_000,
    )


async def test_an_offer_is_heard_and_accepted(watch: Watch, stage: Stage) -> None:
    played = await watch(is_offered_something)
    played.check()
    assert kinds(played.events)[1:5] == ["answered", "offer_made", "input", "offer_accepted"]
    assert steps(played) == [("more", "accepted"), ("thanks", "done")]
    assert heard(played.heard.samples, stage.sounds["menu"]).share >= ENOUGH
    assert ended(played).verdict == "self_served"


@asynccontextmanager
async def server() -> AsyncIterator[FarSide]:
    """The customer database: slow at one address, and with one that points to where nobody may go."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/moved":
            return web.Response(status=302, headers={"Location": f"http://127.0.0.2:{SERVER_AT}/secret"})
        if request.path == "/slow":
            await asyncio.sleep(60)
        return web.json_response({"customer": {"name": "Ada", "age": 36}})

    async with ONE_AT_A_TIME, FarSide(answer, "0.0.0.0", SERVER_AT) as far:  # noqa: S104
        yield far


@plot
async def asks_and_tells(stage: Stage) -> Played:
    async with server() as far:
        FAR["asked"] = far
        played = await stage.call("224", stay_ms=30_000)
        await far.until(3)
        return played


async def test_a_server_is_asked_and_told(watch: Watch) -> None:
    played = await watch(asks_and_tells)
    played.check()
    assert steps(played) == [
        *(("look-up", "done"), ("tell", "done"), ("inner", "failed"), ("moved", "failed"), ("thanks", "done"))
    ]
    asked = {path: (method, headers, body) for method, path, headers, body in FAR["asked"].asked}
    assert set(asked) == {f"/customers/{played.number}", "/calls", "/moved"}, "inner addresses stay unasked"
    method, headers, body = asked["/calls"]
    assert (method, body) == ("POST", '{"name":"Ada","age":36}')
    assert headers["Idempotency-Key"] == f"{played.events[0].call}:asking/tell:1"


@plot
async def leaves_a_slow_server(stage: Stage) -> Played:
    async with server():
        return await stage.call("225", stay_ms=2500)


async def test_a_caller_leaves_while_a_server_thinks(watch: Watch) -> None:
    played = await watch(leaves_a_slow_server)
    played.check()
    assert steps(played) == [("ask", "done")]
    assert (ended(played).verdict, ended(played).ended_by) == ("ivr_exit", "caller")
