"""`make demo`: three real calls to the example callflows, and the log of each. Status 0 if all is well.

With a server up on this machine (or in this container) it calls that one; otherwise it starts one in name
spaces of its own and stops it afterwards. It plays bob at his phone.
"""

import asyncio
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from bench.world import enter
from calllog.call_events import Declined, Ended, HoldEnded, Input, QueueLeft, Step, Unbridged
from calllog.table import CallTable
from ivr.serve import connects
from ivr.settings import Settings
from tests.rig.ear import Ear
from tests.rig.log_watch import kinds
from tests.rig.server import REPOSITORY, Server
from tests.rig.sipp import Caller
from tests.rig.site import Played, Site
from tests.rig.sound import ENOUGH, heard_music

NUMBER = "100"
AGENT, DEVICE, PORT = "bob", "bob-phone", 6300
MUSIC_S = 2.0
HOLD_MS = 2000
WAITS_MS = 4000
NEAR_MS = 300
"""How far a duration may lie from what the plot says."""


class Call(NamedTuple):
    """One of the three calls."""

    plot: str
    play: Callable[[Site], Awaitable[Played]]
    wrong: Callable[[Site, Played], Iterator[str]]


def number() -> str:
    """A caller's number that nobody has used."""
    return f"49301{random.randrange(10**6):06}"


async def talks(site: Site) -> Played:
    account = site.account(DEVICE, PORT)
    times = {"ring_ms": 1000, "before_ms": 1500, "hold_ms": HOLD_MS, "talk_ms": 60_000}
    await site.register(account)
    try:
        async with site.agent(PORT, "agent_holds", **times) as phone:

            async def meanwhile(call: str, ear: Ear) -> None:
                joined = await site.log.event(call, "joined")
                await ear.listen(joined.at / 1000 + MUSIC_S)
                await site.dials(account, "*45")

            return await site.call(
                NUMBER,
                Caller(number(), "Ada", "1"),
                {AGENT: phone},
                scenario="caller_presses_keys",
                meanwhile=meanwhile,
                think_ms=2000,
                stay_ms=11_000,
            )
    finally:
        await site.dials(account, "*46")
        await site.register(account, 0)


def wrong_talk(site: Site, played: Played) -> Iterator[str]:
    expected = ["input", *["step"] * 3, "joined", "hold_started:queue"]
    expected += ["offered", "hold_ended:queue", "queue_left"]
    expected += ["bridged", "hold_started:agent", "hold_ended:agent", "unbridged", "ended"]
    found = kinds(played.events)
    if found[-len(expected) :] != expected:
        yield f"the log tells {found}, not … {expected}"
        return
    hold, parted, ended = played.one("hold_ended", "agent"), played.one("unbridged"), played.events[-1]
    assert isinstance(hold, HoldEnded)
    assert isinstance(parted, Unbridged)
    assert isinstance(ended, Ended)
    if abs(hold.held_ms - HOLD_MS) > NEAR_MS:
        yield f"held for {hold.held_ms} ms, not {HOLD_MS}"
    if (parted.ended_by, ended.verdict) != ("caller", "completed"):
        yield f"ended by {parted.ended_by} as {ended.verdict}, not by the caller as completed"
    waiting = played.heard_between(played.one("hold_started", "queue"), played.one("hold_ended", "queue"))
    share = heard_music(waiting, site.music).share
    if share < ENOUGH:
        yield f"the caller heard music for {share:.0%} of his wait"


async def abandons(site: Site) -> Played:
    return await site.call(
        NUMBER,
        Caller(number(), "Ben", "22"),
        scenario="caller_presses_keys",
        think_ms=1000,
        stay_ms=WAITS_MS,
    )


def wrong_abandon(_: Site, played: Played) -> Iterator[str]:
    ended = played.events[-1]
    if "queue_left" not in kinds(played.events) or not isinstance(ended, Ended):
        yield f"the log tells {kinds(played.events)}, without queue_left and ended"
        return
    left = played.one("queue_left")
    assert isinstance(left, QueueLeft)
    if (left.reason, ended.verdict, ended.ended_by) != ("caller_hangup", "abandoned", "caller"):
        yield f"left by {left.reason} as {ended.verdict}, not by caller_hangup as abandoned"
    if not 0 < left.waited_ms <= WAITS_MS or left.position < 1 or ended.wait_ms != left.waited_ms:
        yield f"waited {left.waited_ms} ms at place {left.position}, of {WAITS_MS} ms at most"
    if any(isinstance(event, Declined) for event in played.events):
        yield "an agent was rung for him"


async def errs(site: Site) -> Played:
    return await site.call(
        NUMBER,
        Caller(number(), "Cleo", "8"),
        scenario="caller_presses_keys",
        think_ms=1000,
        stay_ms=60_000,
    )


def wrong_error(_: Site, played: Played) -> Iterator[str]:
    ended = played.events[-1]
    assert isinstance(ended, Ended)
    menus = [event.outcome for event in played.events if isinstance(event, Step)]
    keys = [event.digits for event in played.events if isinstance(event, Input)]
    if keys != ["8"] or "timeout" not in menus:
        yield f"keys {keys} and steps that ended in {menus}, not the key 8 and then a timeout"
    if (ended.verdict, ended.ended_by) != ("self_served", "system") or played.caller.ended_by != "them":
        yield f"ended by {ended.ended_by} as {ended.verdict}, not let go by the flow"


CALLS = (
    Call("A caller presses 1, hears music, talks to bob, is held for 2 s, hangs up", talks, wrong_talk),
    Call(
        "A caller presses 2, wants no survey, and hangs up while waiting: one abandonment",
        abandons,
        wrong_abandon,
    ),
    Call("A caller presses a wrong key, then nothing, and is let go by the flow", errs, wrong_error),
)


async def demonstrate(site: Site, console: Console) -> bool:
    """Play all three at once and print what came of them; whether all is as it should be."""
    console.print(f"Three calls to {NUMBER} at {site.target}, all at once; they take about 20 s.")
    outcomes = await asyncio.gather(*(call.play(site) for call in CALLS), return_exceptions=True)
    good = True
    for letter, call, played in zip("abc", CALLS, outcomes, strict=True):
        console.print(f"\n[bold]({letter}) {call.plot}[/bold]\n")
        if isinstance(played, BaseException):
            console.print(f"  [red]not played: {type(played).__name__}: {played}[/red]", markup=True)
            good = False
            continue
        console.print(CallTable(played.events))
        wrong = [*played.wrong(), *call.wrong(site, played)]
        for finding in wrong:
            console.print(f"  wrong: {finding}", style="red", markup=False)
        if not wrong:
            console.print("  As it should be; SIPp saw the same.", style="green")
        good = good and not wrong
    return good


def server_is_up(settings: Settings) -> bool:
    """Whether a server's Redis can be reached from here."""
    return bool(settings.redis_url) or connects(str(settings.data / "run" / "redis.sock"))


async def main() -> int:
    console = Console()
    settings = Settings()
    async with AsyncExitStack() as stack:
        if server_is_up(settings):
            target = settings.sip_bind.replace("0.0.0.0", "127.0.0.1")  # noqa: S104  (not bound: called)
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-demo-")))
            site: Site = Site(settings, directory, target)
        else:
            console.print("No server is up here: one is started for the demo, and stopped afterwards.")
            site = Server(REPOSITORY / "callflows")
        return 0 if await demonstrate(await stack.enter_async_context(site), console) else 1


if __name__ == "__main__":
    if not server_is_up(Settings()):
        enter("tests.rig.demo")
    sys.exit(asyncio.run(main()))
