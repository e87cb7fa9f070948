"""Agents at phones that are not theirs, and at phones on which they talk without us."""

import pytest

from calllog.events import AgentStateChanged, Disposition
from tests.live.conftest import Watch
from tests.live.stage import Stage, plot
from tests.rig.sipp import Account, Play
from tests.rig.site import Played

pytestmark = pytest.mark.asyncio(loop_scope="session")

PIN = "840392"
DESK = "desk-phone"
DESK_PORT = 6351


def desk(stage: Stage, keys: str = "") -> Account:
    return stage.server.account(DESK, DESK_PORT)._replace(keys=keys)


@plot
async def hot_desk(stage: Stage) -> Played:
    server = stage.server
    code, _, err = await server.run("agent-pin", "hana", typed=f"{PIN}\n")
    assert code == 0, err
    keys = {"think_ms": 500, "stay_ms": 15_000}
    async with server.phone(Play("agent_logs_in", keys, [desk(stage, f"{PIN}#")], service="*40351")) as phone:
        await phone.done()
    async with server.agent(DESK_PORT, "agent_answers", ring_ms=100, talk_ms=500) as hana:
        played = await stage.call("351", {"hana": hana}, stay_ms=20_000)
    await stage.log.state("hana", "wrapup")
    await server.dials(desk(stage), "*481")
    await stage.log.state("hana", "ready")
    await server.dials(desk(stage), "*41")
    return played


async def test_an_agent_at_a_phone_that_is_not_hers(watch: Watch, stage: Stage) -> None:
    played = await watch(hot_desk)
    played.check()
    states = [event.to for event in stage.log.agent_states("hana")]
    assert states == ["ready", "offered", "connecting", "talking", "wrapup", "ready", "offline"]
    said = next(event for event in stage.log.events if isinstance(event, Disposition))
    assert (said.call, said.code) == (played.one("bridged").call, "sold")
    data = stage.server.settings.data
    logs = [path.read_text("utf-8", "replace") for path in data.glob("log/*/current")]
    kept = [path.read_bytes().decode("latin-1") for path in data.glob("redis/**/*") if path.is_file()]
    assert logs
    assert kept
    assert not [text for text in (*logs, *kept) if PIN in text]


@plot
async def private(stage: Stage) -> Played:
    talk = Play("agent_dials", {"stay_ms": 4000}, [stage.account("priska")], service="355")
    async with (
        stage.agent("priska", "agent_answers", ring_ms=100, talk_ms=500) as priska,
        stage.server.phone(talk) as phone,
    ):
        await stage.log.state("priska", "busy_private")
        played = await stage.call("352", {"priska": priska}, stay_ms=20_000)
        await phone.done()
    return played


async def test_who_talks_on_her_phone_is_not_rung(watch: Watch, stage: Stage) -> None:
    played = await watch(private)
    played.check()
    states: list[AgentStateChanged] = stage.log.agent_states("priska")
    assert [event.to for event in states[:4]] == ["ready", "busy_private", "ready", "offered"]
    assert played.one("joined").at < states[2].at
    assert played.one("offered").at - states[2].at < 50
    assert len(played.agents["priska"]) == 1
