"""Callers whose number or name is an attack. It reaches no command, no header, no log line."""

from pathlib import Path
from typing import NamedTuple

import pytest

from calllog.call_events import Ended
from tests.live.stage import Stage
from tests.rig.sipp import Caller
from tests.rig.site import Played

pytestmark = pytest.mark.asyncio(loop_scope="session")

MARK = "PLANTED"
KEPT = 79
"""Asterisk keeps so many characters of a number."""
TRAP = Path("/tmp/holdfast-planted")


class Attack(NamedTuple):
    """What the caller sends, and the number that the call log must show."""

    caller: Caller
    logged_as: str


ATTACKS = {
    "quotes": Attack(Caller("49309001", r"\"O\"Hara\" <sip:1@h>"), "49309001"),
    "expression in the name": Attack(Caller("49309002", f"${{SHELL(touch {TRAP})}}$[1+1]`id`"), "49309002"),
    "separators in the name": Attack(Caller("49309003", "a&b|c,d)(e:f=g?h"), "49309003"),
    "latin-1 in the name": Attack(Caller("49309004", "J\xfcrgen M\xe4\xdf\xff"), "49309004"),
    "4 kB name": Attack(Caller("49309005", "x" * 4000), "49309005"),
    "line end in the number": Attack(
        Caller(f"49309006%0d%0a{MARK}%20yes%0d%0a"), f"49309006\r\n{MARK} yes\r\n"
    ),
    "expression in the number": Attack(
        Caller("49309007%24%7bSHELL(touch%20/tmp/holdfast-planted)%7d"),
        "49309007${SHELL(touch /tmp/holdfast-planted)}",
    ),
    "quotes in the number": Attack(Caller("49309008%22%5c%27%26%7c,)"), "49309008\"\\'&|,)"),
    "JSON in the number": Attack(
        Caller("49309009%22,%22kind%22%3a%22ended%22%7d%0a%7b%22a%22%3a%22"),
        '49309009","kind":"ended"}\n{"a":"',
    ),
}


@pytest.fixture(autouse=True)
def no_trap() -> None:
    TRAP.unlink(missing_ok=True)


async def served(stage: Stage, attack: Attack) -> Played:
    async with stage.agent("hugo", "agent_answers", ring_ms=50, talk_ms=1000) as hugo:
        played = await stage.call(
            "209", {"hugo": hugo}, caller=attack.caller, logged_as=attack.logged_as, stay_ms=10_000
        )
        invite = hugo.phone.trace.partition("\r\n\r\n")[0]
    assert MARK not in [line.partition(":")[0] for line in invite.split("\r\n")]
    await stage.log.state("hugo", "ready")
    return played


@pytest.mark.parametrize("name", ATTACKS)
async def test_a_hostile_caller_is_served_like_any_other(stage: Stage, name: str) -> None:
    played = await served(stage, ATTACKS[name])
    played.check()
    end = played.events[-1]
    assert isinstance(end, Ended)
    assert end.verdict == "completed"
    assert not TRAP.exists()
    assert stage.log.broken == []
    assert planted_lines(stage) == []


async def test_a_number_of_4_kb_does_no_harm(stage: Stage) -> None:
    number = "4" * 4000
    played = await stage.call("4711", caller=Caller(number), logged_as=number[:KEPT], stay_ms=9000)
    played.check()


def planted_lines(stage: Stage) -> list[str]:
    """Log lines that a caller has made: those that begin with his words."""
    found = []
    for path in (stage.server.settings.data / "log").rglob("*"):
        if path.is_file():
            lines = path.read_text("utf-8", "replace").splitlines()
            found += [f"{path.name}: {line}" for line in lines if MARK in line[:40] or '"kind"' in line[:40]]
    return found
