"""Agents give callers away and hand them over, by REFER and by key, to agents, queues and numbers outside."""

import asyncio
import time

import pytest

from calllog.call_events import Bridged, Consulted, ConsultEnded, Ended, Joined, Transferred, Unbridged
from calllog.grammar import violations
from tests.live.conftest import Watch
from tests.live.stage import Stage, plot
from tests.live.test_doing import ONE_AT_A_TIME, OUTSIDE_AT
from tests.rig.agreement import caller_disagreements
from tests.rig.ear import Ear
from tests.rig.keypad import Habits, typed
from tests.rig.log_watch import kinds
from tests.rig.site import Agent, Played
from tests.rig.sound import ENOUGH, LOUD, Samples, decode_ulaw, heard, heard_music, loudness
from tests.rig.voice import speech

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEGAN = time.monotonic()
FAST = Habits(press_s=0.06, pause_s=0.06)
"""Where the instant counts. `test_keys` has who types fast; others type as people do."""
HELLO = speech(300, 0.3)
LONG_MS = 60_000


async def press(by: Agent, keys: str, heard_from: Ear) -> None:
    """An agent types; his telephone must have heard somebody to know where to send it."""
    if not by.ear.packets:
        await heard_from.say(HELLO)
    await by.ear.send(typed(keys, Habits(), since_s=time.monotonic() - BEGAN))


def sound(played: Played) -> None:
    """Nothing in the log breaks a rule, and what it says of the caller is what his phone saw."""
    wrong = [*violations(played.events), *caller_disagreements(played.number, played.caller, played.events)]
    assert not wrong, "\n".join([*map(str, wrong), *map(str, played.events), str(played.caller)])


def parties(played: Played) -> list[str]:
    return [event.agent for event in played.events if isinstance(event, Bridged)]


def verdict(played: Played) -> tuple[str, str]:
    end = played.events[-1]
    assert isinstance(end, Ended)
    return end.verdict, end.ended_by


# Blind


@plot
async def given(stage: Stage) -> Played:
    to = "sip:3881@127.0.0.1"
    async with (
        stage.agent(
            "gina", "agent_transfers", ring_ms=100, before_ms=1000, refer_to=to, talk_ms=LONG_MS
        ) as gina,
        stage.agent("gus", "agent_answers", ring_ms=1500, talk_ms=1000) as gus,
    ):
        return await stage.call("380", {"gina": gina, "gus": gus}, stay_ms=LONG_MS)


async def test_by_refer_to_an_agent(watch: Watch, stage: Stage) -> None:
    played = await watch(given)
    sound(played)
    assert parties(played) == ["gina", "gus"]
    event = played.one("transferred")
    assert isinstance(event, Transferred)
    assert (event.how, event.agent, event.by) == ("blind", "gus", "agent")
    (gina,), (gus,) = played.agents["gina"], played.agents["gus"]
    assert gina.ended_by == "them", "her phone is let go"
    assert gus.invited_at - gina.ended_at == pytest.approx(0, abs=400)
    assert verdict(played) == ("completed", "system")
    ringing = played.heard.part(gus.invited_at / 1000 + 0.1, gus.answered_at / 1000 - 0.1)
    assert heard_music(ringing, stage.music).share >= ENOUGH


@plot
async def moved(stage: Stage) -> Played:
    async with (
        stage.agent("mia", "agent_answers", ring_ms=700, talk_ms=LONG_MS) as mia,
        stage.agent("max", "agent_answers", ring_ms=100, talk_ms=1500) as max_,
    ):

        async def meanwhile(call: str, ear: Ear) -> None:
            await stage.log.event(call, "bridged")
            await press(mia, "12345*13883#", ear)
            await stage.log.event(call, "transferred")
            assert ear.keys == "12345", "he hears what is no code"

        return await stage.call("381", {"mia": mia, "max": max_}, meanwhile=meanwhile, stay_ms=LONG_MS)


async def test_by_key_to_a_queue(watch: Watch) -> None:
    played = await watch(moved)
    sound(played)
    assert parties(played) == ["mia", "max"]
    event = played.one("transferred")
    assert isinstance(event, Transferred)
    assert (event.how, event.queue) == ("blind", "moved-to")
    first, second = (event for event in played.events if isinstance(event, Joined))
    assert second.queue == "moved-to"
    assert first.head_start_s == 0
    assert second.head_start_s == pytest.approx(0.7, abs=0.3), "he has waited so long already"


@plot
async def sent(stage: Stage) -> Played:
    async with (
        ONE_AT_A_TIME,
        stage.agent("sam", "agent_answers", ring_ms=100, talk_ms=LONG_MS) as sam,
        stage.server.agent(OUTSIDE_AT, "agent_answers", ring_ms=300, talk_ms=1000) as party,
    ):

        async def meanwhile(call: str, ear: Ear) -> None:
            await stage.log.event(call, "bridged")
            await press(sam, "*103090182#", ear)

        played = await stage.call("382", {"sam": sam}, meanwhile=meanwhile, stay_ms=LONG_MS)
        await party.phone.quiet()
        return played


async def test_by_key_to_a_number_outside(watch: Watch) -> None:
    played = await watch(sent)
    sound(played)
    event = played.one("transferred")
    assert isinstance(event, Transferred)
    assert (event.how, event.to, event.by) == ("blind", "+493090182", "agent")
    assert kinds(played.events)[-4:] == ["unbridged", "transferred", "step", "ended"]


@plot
async def recalled(stage: Stage) -> Played:
    async with (
        stage.agent("ruby", "agent_answers", ring_ms=100, talk_ms=2500) as ruby,
        stage.agent("rob", "agent_is_busy", ring_ms=100) as rob,
    ):

        async def meanwhile(call: str, ear: Ear) -> None:
            await stage.log.event(call, "bridged")
            await press(ruby, "*13886#", ear)

        return await stage.call("383", {"ruby": ruby, "rob": rob}, meanwhile=meanwhile, stay_ms=LONG_MS)


async def test_who_is_busy_does_not_lose_him(watch: Watch) -> None:
    played = await watch(recalled)
    sound(played)
    assert parties(played) == ["ruby", "ruby"]
    assert [event.queue for event in played.events if isinstance(event, Joined)] == [
        "recalled",
        "_rob",
        "_ruby",
    ], "also in her wrap-up"


# Attended

RITES: dict[str, Samples] = {"hedi": speech(301, 0.8), "hans": speech(302, 0.8), "caller": speech(303, 0.8)}


@plot
async def handed(stage: Stage) -> Played:
    async with (
        stage.agent("hedi", "agent_answers", ring_ms=100, talk_ms=LONG_MS) as hedi,
        stage.agent("hans", "agent_answers", ring_ms=700, talk_ms=LONG_MS) as hans,
    ):

        async def meanwhile(call: str, ear: Ear) -> None:
            await stage.log.event(call, "bridged")
            await press(hedi, "*23888#", ear)
            await stage.log.event(call, "consulted")
            await hedi.ear.say(HELLO)
            await asyncio.gather(hans.ear.say(RITES["hans"]), hedi.ear.say(RITES["hedi"]))
            await press(hedi, "*3", ear)
            await stage.log.event(call, "transferred")
            await ear.say(HELLO)
            await ear.say(RITES["caller"])

        return await stage.call("384", {"hedi": hedi, "hans": hans}, meanwhile=meanwhile, stay_ms=5000)


async def test_consult_first_then_hand_over(watch: Watch) -> None:
    played = await watch(handed)
    sound(played)
    assert parties(played) == ["hedi", "hans"]
    began, over = played.one("consulted"), played.one("consult_ended")
    assert isinstance(began, Consulted)
    assert isinstance(over, ConsultEnded)
    assert (began.agent, over.ended_by) == ("hans", "agent")
    event = played.one("transferred")
    assert isinstance(event, Transferred)
    assert (event.how, event.agent, event.by) == ("attended", "hans", "agent")
    first = next(event for event in played.events if isinstance(event, Unbridged))
    assert first.held_ms >= over.talk_ms + 600, "it has rung for 700 ms, too"
    assert verdict(played) == ("completed", "caller")


async def test_who_hears_whom_in_a_consult(watch: Watch, stage: Stage) -> None:
    played = await watch(handed)
    hedi, hans = (played.heard_by_agents[name].samples for name in ("hedi", "hans"))
    assert heard(hans, RITES["hedi"]).share >= ENOUGH
    assert heard(hedi, RITES["hans"]).share >= ENOUGH
    assert heard(hans, RITES["caller"]).share >= ENOUGH
    assert heard(hedi, RITES["caller"]).share < 0.2, "she has gone"
    on_hold = played.heard_between(played.one("hold_started", "agent"), played.one("hold_ended", "agent"))
    assert heard_music(on_hold, stage.music).share >= ENOUGH
    assert heard(played.heard.samples, RITES["hedi"]).share < 0.2
    assert heard(played.heard.samples, RITES["hans"]).share < 0.2


PARTIES = ("caller", "alma", "alf")
LOUDNESS: dict[tuple[str, str], float] = {}
"""Who of the three spoke, who listened, how loud that was. Mixed sounds cannot be compared with others."""


def loud(ear: Ear, since_at: float) -> float:
    """How loud it has been there since, after the first moments."""
    return loudness(
        [each for packet in ear.packets if packet.at > since_at + 0.2 for each in decode_ulaw(packet.payload)]
    )


@plot
async def all_three(stage: Stage) -> Played:
    async with (
        stage.agent("alma", "agent_answers", ring_ms=100, talk_ms=11_000) as alma,
        stage.agent("alf", "agent_answers", ring_ms=100, talk_ms=LONG_MS) as alf,
    ):

        async def meanwhile(call: str, ear: Ear) -> None:
            await stage.log.event(call, "bridged")
            await press(alma, "*23890#", ear)
            await stage.log.event(call, "consulted")
            await press(alma, "*4", ear)
            await stage.log.event(call, "consult_ended")
            await ear.say(HELLO)
            await press(alma, "*23890#", ear)
            await stage.log.until(lambda event: isinstance(event, Consulted) and event.seq > 14)
            await press(alma, "*5", ear)
            await asyncio.sleep(0.3)
            ears = {"caller": ear, "alma": alma.ear, "alf": alf.ear}
            for speaker in ears:
                began = time.time()
                for _ in range(
                    2
                ):  # of an ear that speaks again, as another source, Asterisk drops every other
                    await ears[speaker].say(RITES["caller"])
                LOUDNESS.update({(speaker, who): loud(ears[who], began) for who in ears})
                await asyncio.sleep(0.3)

        return await stage.call("385", {"alma": alma, "alf": alf}, meanwhile=meanwhile, stay_ms=14_000)


async def test_come_back_then_all_three_then_she_leaves(watch: Watch) -> None:
    played = await watch(all_three)
    sound(played)
    assert {pair: level > LOUD for pair, level in LOUDNESS.items()} == {
        (speaker, who): speaker != who for speaker in PARTIES for who in PARTIES
    }, LOUDNESS
    assert parties(played) == ["alma", "alf"]
    assert kinds(played.events).count("consulted") == 2
    assert len(played.agents["alf"]) == 2
    assert played.agents["alf"][0].ended_by == "them", "he is let go when she comes back"
    assert verdict(played) == ("completed", "caller")


@plot
async def deserted(stage: Stage) -> Played:
    async with (
        stage.agent("dana", "agent_answers", ring_ms=100, talk_ms=3000) as dana,
        stage.agent("dirk", "agent_answers", ring_ms=3500, talk_ms=500) as dirk,
    ):

        async def meanwhile(call: str, ear: Ear) -> None:
            await stage.log.event(call, "bridged")
            await press(dana, "*23892#", ear)

        return await stage.call("386", {"dana": dana, "dirk": dirk}, meanwhile=meanwhile, stay_ms=LONG_MS)


async def test_she_leaves_while_it_rings(watch: Watch) -> None:
    played = await watch(deserted)
    sound(played)
    assert parties(played) == ["dana", "dirk"]
    event = played.one("transferred")
    assert isinstance(event, Transferred)
    assert (event.how, event.agent) == ("blind", "dirk")
    assert "consulted" not in kinds(played.events)


@plot
async def refused(stage: Stage) -> Played:
    async with (
        stage.agent("rosa", "agent_answers", ring_ms=100, talk_ms=4000) as rosa,
        stage.agent("ralf", "agent_is_busy", ring_ms=100) as ralf,
    ):

        async def meanwhile(call: str, ear: Ear) -> None:
            await stage.log.event(call, "bridged")
            await press(rosa, "*23894#", ear)
            await stage.log.event(call, "declined")
            await asyncio.sleep(0.2)
            await ear.say(HELLO)
            await ear.say(RITES["caller"])

        return await stage.call("387", {"rosa": rosa, "ralf": ralf}, meanwhile=meanwhile, stay_ms=LONG_MS)


async def test_who_is_asked_is_busy(watch: Watch) -> None:
    played = await watch(refused)
    sound(played)
    assert parties(played) == ["rosa"]
    assert kinds(played.events).count("declined") == 1
    assert heard(played.heard_by_agents["rosa"].samples, RITES["caller"]).share >= ENOUGH
    assert verdict(played) == ("completed", "system")


# By callers

BY_HIMSELF: list[Played] = []


@plot
async def by_himself(stage: Stage) -> Played:
    replaces = "?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2"
    async with stage.agent("cilly", "agent_answers", ring_ms=100, talk_ms=LONG_MS) as cilly:
        for wanted in ("sip:3881@127.0.0.1", f"sip:3881@127.0.0.1{replaces}"):
            keys: dict[str, int | str] = {"before_ms": 600, "refer_to": wanted, "stay_ms": 500}
            BY_HIMSELF.append(
                await stage.call("388", {"cilly": cilly}, scenario="caller_transfers", **keys)  # type: ignore[arg-type]
            )
    return BY_HIMSELF[0]


async def test_a_caller_cannot_make_us_call_anybody(watch: Watch) -> None:
    """Blind and attended: his phone is refused, or its plot would have failed, and the talk goes on."""
    await watch(by_himself)
    assert len(BY_HIMSELF) == 2
    for played in BY_HIMSELF:
        played.check()
        assert parties(played) == ["cilly"]
        assert "transferred" not in kinds(played.events)
        assert verdict(played) == ("completed", "caller")
