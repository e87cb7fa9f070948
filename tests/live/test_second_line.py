"""Agents ask by a second call of their telephone, and hand over by its transfer key (REFER with Replaces)."""

import asyncio

import pytest

from calllog.call_events import Bridged, ConsultEnded, Declined, Transferred
from tests.live.conftest import Watch
from tests.live.stage import Stage, plot
from tests.live.test_agent_transfers import LONG_MS, RITES, parties, sound, verdict
from tests.rig.desk_phone import DeskPhone, Line
from tests.rig.ear import Ear
from tests.rig.log_watch import kinds
from tests.rig.site import Played
from tests.rig.sound import ENOUGH, heard, heard_music

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEEN: dict[str, Line] = {}
"""Lines of the desk phones, as they were at the end."""


async def talk(stage: Stage, desk: DeskPhone, call: str) -> Line:
    """He talks to the caller, puts him on hold, and may dial."""
    await stage.log.event(call, "bridged")
    line = await desk.rung()
    desk.hold(line)
    await stage.log.until(lambda event: event.kind == "hold_started" and getattr(event, "by", "") == "agent")
    return line


@plot
async def handed(stage: Stage) -> Played:
    """He asks, and hands over by Replaces; who was asked talks on with the caller."""
    async with (
        stage.desk("lotte") as lotte,
        stage.agent("lars", "agent_answers", ring_ms=400, talk_ms=LONG_MS) as lars,
    ):

        async def meanwhile(call: str, ear: Ear) -> None:
            first = await talk(stage, lotte, call)
            second = SEEN["lotte"] = lotte.dial("4501")
            await lotte.until(second, "answered")
            await stage.log.event(call, "consulted")
            await second.ear.say(RITES["hedi"])
            await lars.ear.say(RITES["hans"])
            lotte.transfer(first, second)
            await stage.log.event(call, "transferred")
            await lotte.told(first, "200 OK")
            await asyncio.gather(lotte.until(first, "ended"), lotte.until(second, "ended"))
            await ear.say(RITES["caller"])

        return await stage.call("450", {"lars": lars}, meanwhile=meanwhile, stay_ms=7000)


async def test_asks_on_a_second_line_and_hands_over(watch: Watch, stage: Stage) -> None:
    played = await watch(handed)
    sound(played)
    assert parties(played) == ["lotte", "lars"]
    event = played.one("transferred")
    assert isinstance(event, Transferred)
    assert (event.how, event.agent, event.by) == ("attended", "lars", "agent")
    over = played.one("consult_ended")
    assert isinstance(over, ConsultEnded)
    assert over.talk_ms > 700
    assert verdict(played) == ("completed", "caller")
    lars, lotte = played.heard_by_agents["lars"].samples, SEEN["lotte"].ear.recording.samples
    assert heard(lars, RITES["hedi"]).share >= ENOUGH
    assert heard(lotte, RITES["hans"]).share >= ENOUGH
    assert heard(lars, RITES["caller"]).share >= ENOUGH
    on_hold = played.heard_between(played.one("hold_started", "agent"), played.one("hold_ended", "agent"))
    assert heard_music(on_hold, stage.music).share >= ENOUGH
    assert heard(played.heard.samples, RITES["hedi"]).share < 0.2


async def test_who_asks_is_at_work_all_the_time(watch: Watch, stage: Stage) -> None:
    """His second call is none of his own: he is not `busy_private` after it."""
    await watch(handed)
    states = [event.to for event in stage.log.agent_states("lotte")]
    assert states[-4:] == ["offered", "connecting", "talking", "ready"]


@plot
async def early(stage: Stage) -> Played:
    """He presses transfer while it still rings there."""
    async with (
        stage.desk("erna") as erna,
        stage.agent("emil", "agent_answers", ring_ms=2500, talk_ms=800) as emil,
    ):

        async def meanwhile(call: str, _: Ear) -> None:
            first = await talk(stage, erna, call)
            second = erna.dial("4503")
            await erna.until(second, "ringing")
            await asyncio.sleep(0.3)
            erna.transfer(first, second)
            await stage.log.event(call, "transferred")
            await erna.told(first, "200 OK")
            await erna.until(first, "ended")
            await erna.until(second, "ended")

        return await stage.call("451", {"emil": emil}, meanwhile=meanwhile, stay_ms=LONG_MS)


async def test_transfers_while_it_rings(watch: Watch) -> None:
    played = await watch(early)
    sound(played)
    assert parties(played) == ["erna", "emil"]
    event = played.one("transferred")
    assert isinstance(event, Transferred)
    assert (event.how, event.agent) == ("blind", "emil")
    assert "consulted" not in kinds(played.events)


@plot
async def unwilling(stage: Stage) -> Played:
    """Two queues keep him out; nobody has that number; who is asked is busy; then he talks, and hangs up.

    She has her caller still.
    """
    async with (
        stage.desk("ulla") as ulla,
        stage.desk("udo") as udo,
    ):
        udo.refuse = 486

        async def meanwhile(call: str, ear: Ear) -> None:
            first = await talk(stage, ulla, call)
            for times, shut in enumerate(("never-open", "unstaffed"), 1):
                ulla.refer(first, f"sip:{shut}@127.0.0.1")
                await ulla.told(first, "603", times)
            nobody = ulla.dial("4999")
            await ulla.until(nobody, "ended")
            busy = ulla.dial("4505")
            await ulla.until(busy, "ended")
            SEEN.update(nobody=nobody, busy=busy)
            await stage.log.event(call, "declined")
            udo.refuse = 0
            assert (await stage.server.run("agent", "udo", "ready"))[0] == 0
            second = ulla.dial("4505")
            await ulla.until(second, "answered")
            await stage.log.event(call, "consulted")
            his = await udo.rung()
            udo.hang_up(his)
            await ulla.until(second, "ended")
            await stage.log.event(call, "consult_ended")
            third = ulla.dial("4505")
            await ulla.until(third, "answered")
            ulla.hang_up(third)
            await stage.log.until(lambda _: _count(stage, call, "consult_ended") == 2)
            ulla.transfer(first, third)  # which is over
            ulla.hold(first, on=False)
            await stage.log.until(lambda _: _count(stage, call, "hold_ended") == 2)
            await ulla.told(first, "603", 3)
            await ear.say(RITES["caller"])
            SEEN["ulla"] = first

        return await stage.call("452", {}, meanwhile=meanwhile, stay_ms=LONG_MS // 6)


def _count(stage: Stage, call: str, kind: str) -> int:
    return [event.kind for event in stage.log.of_call(call)].count(kind)


async def test_who_is_asked_does_not_want_him(watch: Watch) -> None:
    played = await watch(unwilling)
    sound(played)
    assert parties(played) == ["ulla"]
    assert not {"transferred", "queue_refused"} & set(kinds(played.events))
    assert SEEN["nobody"].status == 486
    assert SEEN["busy"].status == 486
    (declined,) = (event for event in played.events if isinstance(event, Declined))
    assert (declined.agent, declined.reason) == ("udo", "busy")
    assert kinds(played.events).count("consulted") == 2
    assert heard(SEEN["ulla"].ear.recording.samples, RITES["caller"]).share >= ENOUGH


@plot
async def left_alone(stage: Stage) -> Played:
    """The caller hangs up while they talk about him: both lines end."""
    async with (
        stage.desk("lisa") as lisa,
        stage.agent("lutz", "agent_answers", ring_ms=100, talk_ms=LONG_MS) as lutz,
    ):

        async def meanwhile(call: str, _: Ear) -> None:
            first = await talk(stage, lisa, call)
            second = lisa.dial("4507")
            await lisa.until(second, "answered")
            await asyncio.gather(lisa.until(first, "ended"), lisa.until(second, "ended"))

        return await stage.call("453", {"lutz": lutz}, meanwhile=meanwhile, stay_ms=2500)


async def test_the_caller_does_not_wait(watch: Watch, stage: Stage) -> None:
    played = await watch(left_alone)
    sound(played)
    assert [event.agent for event in played.events if isinstance(event, Bridged)] == ["lisa"]
    assert verdict(played) == ("completed", "caller")
    assert [event.to for event in stage.log.agent_states("lutz")][-1] == "ready"


async def test_who_talks_to_nobody_calls_nobody(watch: Watch, stage: Stage) -> None:
    await watch(handed)
    async with stage.desk("lotte") as lotte:
        line = lotte.dial("4501")
        await lotte.until(line, "ended")
    assert line.status == 486
    assert not line.ringing_at
