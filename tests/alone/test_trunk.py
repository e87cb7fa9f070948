"""A trunk that wants a password and sees numbers: given while the server runs, and nowhere to be read."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from calllog.call_events import Step
from tests.live.stage import make_callflows
from tests.rig.server import Server, alone_in_network
from tests.rig.sipp import Caller
from tests.rig.site import Agent, Played

pytestmark = pytest.mark.asyncio(loop_scope="module")

CARRIER_AT = 6170
USER, PASSWORD, WRONG = "holdfast", "s3;cret/word", "not-the-password"
TRUNK = f"trunks:\n  local: {{match: [127.0.0.0/8], address: '127.0.0.1:{CARRIER_AT}'%s}}\n"
PATIENCE_S = 10.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    if not alone_in_network():
        pytest.fail("live tests want name spaces of their own: make test")
    callflows: Path = tmp_path_factory.mktemp("trunk") / "callflows"
    make_callflows(callflows)
    (callflows / "trunks.yaml").write_text(TRUNK % "")
    async with Server(callflows) as server:
        yield server


async def says(server: Server, words: str, times: int = 1) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while server.said.count(words) < times:  # noqa: ASYNC110  (it tells only its operator)
            await asyncio.sleep(0.02)


async def give(server: Server, password: str) -> str:
    code, out, err = await server.run("trunk-password", "local", typed=f"{password}\n")
    assert code == 0, err
    return out + err


def way(played: Played) -> str:
    played.check()
    return next(event.outcome for event in played.events if isinstance(event, Step))


def carrier(server: Server, challenge: int) -> AbstractAsyncContextManager[Agent]:
    told: dict[str, int | str] = {"user": USER, "password": PASSWORD, "talk_ms": 300}
    return server.agent(CARRIER_AT, "carrier_challenges", challenge=challenge, **told)


def messages(at: Agent, beginning: str) -> list[str]:
    """The messages that SIPp has sent or received and that begin so."""
    return [each for each in re.split(r"\n-{20,}.*\n", at.phone.trace) if f"\n{beginning}" in f"\n{each}"]


async def test_a_password_is_given_used_and_nowhere_to_be_read(server: Server) -> None:
    said: list[int | str] = []
    async with carrier(server, 401) as far:
        assert way(await server.call("221", Caller("4930601"), stay_ms=30_000)) == "failed"
        trunks = server.settings.callflows / "trunks.yaml"
        trunks.write_text(TRUNK % f", user: {USER}, registers: yes")
        await says(server, "trunk `local` has a `user` and no password: holdfast trunk-password local")
        said.append(await give(server, WRONG))
        await says(server, "trunks and music of version 2 are live")
        assert way(await server.call("221", Caller("4930602"), stay_ms=30_000)) == "failed"
        await _answers(far, "REGISTER", 403)
        said.append(await give(server, PASSWORD))
        await says(server, "trunks and music of version 2 are live", times=2)
        assert way(await server.call("221", Caller("4930603"), stay_ms=30_000)) == "done"
        await _answers(far, "REGISTER", 200)
    async with carrier(server, 407) as far:
        await _shown(server, far)
    for words in (("versions", "--json"), ("diff", "1"), ("check", "--json"), ("log", "--json")):
        said += await server.run(*words)
    assert PASSWORD not in "".join(map(str, said)) + server.said
    holding = [path for path in server.settings.data.rglob("*") if path.is_file() and _holds(path)]
    assert {path.name for path in holding} == {"trunk-local", "pjsip.conf"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in holding)


async def _answers(far: Agent, method: str, status: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not any(f" {method}" in each for each in messages(far, f"SIP/2.0 {status} ")):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def _holds(path: Path) -> bool:
    content = path.read_bytes()
    return any(each.encode() in content for each in (PASSWORD, PASSWORD.replace(";", "\\;")))


async def _shown(server: Server, far: Agent) -> None:
    """What the party sees: the caller's number, ours, or nothing if he hides his."""
    calls = [
        server.call("221", Caller("4930604", "Ada"), stay_ms=30_000),
        server.call("266", Caller("4930605", "Bob"), stay_ms=30_000),
        server.call("221", Caller("anonymous", "Anonymous"), logged_as="", stay_ms=30_000),
    ]
    for played in await asyncio.gather(*calls):
        assert way(played) == "done"
    invites, host = messages(far, "INVITE"), "127.0.0.1"
    assert [_right(each) for each in invites if "Proxy-Authorization:" in each] == [True] * 3
    assert {_identity(invite) for invite in invites} == {
        (f'"Ada" <sip:4930604@{host}>', f'"Ada" <sip:4930604@{host}>', "4930604"),
        (f"<sip:0305550@{host}>", f"<sip:0305550@{host}>", "0305550"),
        (f'"Anonymous" <sip:anonymous@{host}>', "", "anonymous"),
    }


def _right(invite: str) -> bool:
    """Whether the digest in it (RFC 2617, 3.2.2.1, qop=auth) is that of our password."""
    header = invite.partition("Proxy-Authorization:")[2].partition("\n")[0]
    said: dict[str, str] = dict(re.findall(r'(\w+)="?([^",\r\n]+)', header))

    def md5(*parts: str) -> str:
        return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()

    secret, asked = md5(USER, said["realm"], PASSWORD), md5("INVITE", said["uri"])
    return said["response"] == md5(secret, said["nonce"], said["nc"], said["cnonce"], said["qop"], asked)


def _identity(invite: str) -> tuple[str, str, str]:
    """From and P-Asserted-Identity of an INVITE, and any number of a caller that is elsewhere in it."""
    asserted = re.search(r"^P-Asserted-Identity: *([^\r\n]*)", invite, re.MULTILINE)
    sender = re.search(r"^From: *([^\r\n;]*)", invite, re.MULTILINE)
    assert sender
    told = set(re.findall(r"4930\d+|0305550|anonymous", invite.replace("+4930901820", "")))
    return sender[1], asserted[1] if asserted else "", ",".join(sorted(told))
