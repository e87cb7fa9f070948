"""A line whose caller, agents and sounds follow a script, in virtual time; it writes down what happens."""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from math import inf
from typing import NamedTuple, NoReturn

from ivr.flow.keeping import notice, recorded_event
from ivr.flow.leaving import first_end
from ivr.flow.line import KEYS, Announcement, Figures, Hangup, Held, MediaFailed, Recorded, Recording
from ivr.flow.opening import Hours
from ivr.flow.run import run_beside
from ivr.flow.script import Agents, Party, Script
from ivr.flow.simulated_caller import THINKS_S, SimulatedCaller, at_step
from ivr.flow.standing import ORDINARY, Standing
from ivr.flow.step import Flow, innermost
from ivr.flow.taking import Take
from ivr.flow.values import Value
from ivr.flow.waiting import AT_THE_DOOR, LEAVES
from ivr.flow.web import Reply, Request, WebFailed, WebTimeout
from queues.models import Queue

REPLY_S = 1.0
"""How long other servers take."""
MAX_AT_ONCE = 1000
"""So many steps without any time passing turn for ever: the call ends, as `failed`."""
INSTANT_S = 1e-6
"""Times that are so near are the same."""
ENDLESS = "turns for ever"


class Passed(NamedTuple):
    """A step that is over: its path, when it began, its outcome, and how long it took in virtual seconds."""

    path: str
    began_s: float
    outcome: str
    took_s: float


class SimulatedLine(SimulatedCaller):
    """The line."""

    def __init__(self, script: Script, language: str = "en") -> None:
        super().__init__(script)
        self.call = "test-1.1"
        self.language = language
        self.about = script.about
        self.variables: dict[str, Value] = dict(script.variables)
        self.secrets: dict[str, Value] = {}
        self.visits: dict[str, int] = {}
        self.answered = False
        self.in_line = False
        self.notes: list[tuple[str, dict[str, object]]] = []
        self.asked: list[Request] = []
        """What other servers were asked and told."""
        self._replies = deque(script.replies)
        self.passed: list[Passed] = []
        self._began_s: dict[str, float] = {}
        self._at_once = (0.0, 0)
        """An instant, and how many steps have begun in it."""
        self._take: Take | None = None

    @property
    def heard(self) -> list[str]:
        """What was played: names of prompts, and texts as they are spoken."""
        played = [what.removeprefix("play ") for what in self.story if what.startswith("play ")]
        return [
            each.removeprefix("say:") if each.startswith("say:") else each.partition("/")[2]
            for each in played
        ]

    async def checkpoint(self, flow: str, version: int, path: str, held: Held | None = None) -> None:  # noqa: ARG002  (the line's own)
        await self._await()
        self.path = path
        self._began_s[innermost(path)] = self._loop.time()
        at, steps = self._at_once
        self._at_once = (self.now_s, steps + 1 if at == self.now_s else 1)
        if steps > MAX_AT_ONCE:
            self._tell(ENDLESS)
            raise Hangup("system")
        self._tell(f"step {innermost(path)}")
        gone_after_s = at_step(self._script.gone_in, path)
        if gone_after_s is not None:
            self._loop.call_later(gone_after_s, self._leave)

    async def remember(self) -> None:
        await self._await()

    async def answer(self) -> None:
        await self._await()
        if not self.answered:
            self.answered = True
            self._tell("answer")

    def prompt(self, name: str) -> str:
        return f"{self.language}/{name}"

    async def say(self, text: str, passing: bool = False) -> str:  # noqa: ARG002  (the line's own)
        await self._await()
        return f"say:{text}"

    async def play(self, media: Sequence[str], interrupt: str = "") -> str | None:
        await self._await()
        for each in media:
            if self._keys and self._keys[0] in interrupt:
                return self._keys[0]
            seconds = self._seconds(each)
            self._tell(f"play {each}")
            if await self._wait(seconds, interrupt):
                self._tell("stop")
                return next(key for key in self._keys if key in interrupt)
        return None

    async def digit(self, timeout_s: float) -> str | None:
        await self._await()
        if not self._keys:
            self._take_turn(timeout_s)
            await self._wait(timeout_s, KEYS)
        return self._keys.popleft() if self._keys else None

    def now(self) -> datetime:
        came_at, zone = self._script.came_at, self._zone
        came_at = came_at if came_at.tzinfo else came_at.replace(tzinfo=zone)
        # Seconds pass in UTC: the clocks may be changed during the call.
        return (came_at.astimezone(UTC) + timedelta(seconds=self._loop.time())).astimezone(zone)

    @property
    def _zone(self) -> tzinfo:
        """Where the company is."""
        return UTC

    async def figures(self, queue: str) -> Figures | None:
        await self._await()
        return self._script.figures.get(queue)

    async def count(self, counter: str, key: str) -> int:  # noqa: ARG002 (one call counts once)
        await self._await()
        counts = self._script.counts
        return counts.get(counter, counts.get(counter.rpartition("/")[2], 0)) + 1

    def hours(self, name: str) -> Hours | None:
        return self._script.hours.get(name)

    def interrupted(self, name: str) -> bool:  # noqa: ARG002 (nobody is killed here)
        return False

    async def record(self, name: str, wish: Recording) -> Recorded:
        """He speaks until he presses a key, as long as the script says, or to the end."""
        await self._await()
        self._keys.clear()
        if wish.beep:
            self._tell("beep")
        self._tell(f"record {name}")
        speaks_s = min(self._script.speaks_s, wish.max_s)
        take = self._take = Take(name, wish, innermost(self.path), self.now_s, speaks_s)
        self._take_turn(wish.max_s)
        await self._wait(min(speaks_s + (wish.silence_s or inf), wish.max_s), wish.keys)
        self._keys.clear()
        take.length_s = self.now_s - take.begun_s
        said = take.heard_until(self.now_s)
        if not said:
            self._take = None
        return Recorded(f"recording:{name}" if said else "", take.length_s)

    def keep_recording(self) -> None:
        take, self._take = self._take, None
        assert take is not None, "there is something to keep"
        length_s = take.length_s or self.now_s - take.begun_s
        self.note("recorded", **recorded_event(take.name, take.wish, self.about, take.path, length_s))
        if take.wish.notify:
            self.post(notice(take.name, take.wish, self.about, self.call, length_s))

    def flush_digits(self) -> None:
        self._keys.clear()

    def ignore_key(self, key: str, within_s: float) -> None:
        if not self._keys:
            self._ignored = (key, self._loop.time() + within_s)
        elif self._keys[0] == key:
            self._keys.popleft()

    async def queue(
        self,
        name: str,
        max_wait_s: float | None,
        reason: str = "",
        standing: Standing = ORDINARY,
        exits: Collection[str] = ("timeout",),
    ) -> str:
        await self._await()
        if reason:
            self.note("escalated", path=innermost(self.path), queue=name, reason=reason)
        queue, agents = self.settings_of(name), self._script.agents.get(name, Agents())
        ends = first_end(
            queue, agents, self._script.exits.get(name), max_wait_s, exits, lambda s: self._shut(queue, s)
        )
        if ends.outcome in AT_THE_DOOR and not ends.after_s:
            self._tell(f"refused by {name}: {ends.outcome}")
            return ends.outcome
        self._tell(f"wait in {name}{standing}")
        if await self._hold_on(queue, ends.after_s, exits):
            return "exit"
        if ends.outcome != "answered":
            return ends.outcome
        self._tell("talk")
        await self._wait(agents.talk_s, "")
        return "answered"

    async def _hold_on(self, queue: Queue, for_s: float, exits: Collection[str]) -> bool:
        """He is in line for so long; whether he leaves, by the exit key or by the menu."""
        self.in_line = True
        menu, flow = queue.menu, self.flow_named(queue.menu.flow) if queue.menu is not None else None
        keys = (queue.exit_key or "") if "exit" in exits else ""
        own = menu.key or "" if menu is not None and flow is not None else ""
        ends_s = self.now_s + for_s
        begins_s = self.now_s + (menu.after_s or inf) if menu is not None and flow is not None else inf
        left = False
        while not left and self.now_s < ends_s - INSTANT_S:
            key = await self._key_until(min(ends_s, begins_s), keys + own)
            by_itself = begins_s <= self.now_s + INSTANT_S < ends_s
            if flow is not None and (key == own if key else by_itself):
                begins_s = inf
                left = await self._in_menu(flow, ends_s) and LEAVES in exits
            else:
                left = key != ""
        if left or flow is not None:
            self._keys.clear()
        self.in_line = False
        return left

    async def _key_until(self, until_s: float, keys: str) -> str:
        """The first of these keys that he presses until then; empty: none."""
        known, left_s = len(self._keys), until_s - self.now_s
        if keys:
            self._take_turn(left_s)
        if not await self._wait(left_s, keys):
            return ""
        return next(key for key in list(self._keys)[known:] if key in keys)

    async def _in_menu(self, flow: Flow, ends_s: float) -> bool:
        """He goes through the menu of the queue, at most until then; whether he wants to leave."""
        self._tell(f"menu {flow.name}")
        self._keys.clear()
        path, ended = self.path, ""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(ends_s if ends_s < inf else None):
                ended = await run_beside(self, flow)
        self._keys.clear()
        self.secrets.clear()
        self.path = path
        return ended == LEAVES

    def flow_named(self, name: str) -> Flow | None:  # noqa: ARG002 (nothing is published here)
        """What is published under that name."""
        return None

    def settings_of(self, queue: str) -> Queue:  # noqa: ARG002 (nothing is published here)
        """What is published of a queue."""
        return Queue()

    def _shut(self, queue: Queue, after_s: float) -> bool:
        """Whether its hours are over so many seconds from now."""
        hours = self.hours(queue.hours) if queue.hours is not None else None
        return hours is not None and hours.state(self.now() + timedelta(seconds=after_s)) != "open"

    async def transfer(
        self,
        number: str,
        ring_s: int,
        key: str,  # noqa: ARG002 (nothing is counted)
        announcement: Announcement | None = None,
    ) -> str:
        await self._await()
        self._tell(f"call {number}")
        party = self._script.outside.get(number, Party())
        if party.outcome == "refused":
            return party.outcome
        outcome = "no_answer" if party.after_s > ring_s else party.outcome
        return await self._rung(outcome, party, ring_s, announcement)

    async def _announced(self, announcement: Announcement, party: Party) -> str:
        """Who has answered is told who comes, thinks, and takes the call, if there is time."""
        takes_s = THINKS_S
        for each in announcement.media:
            try:
                takes_s += self._seconds(each)
            except MediaFailed:
                return "failed"
            self._tell(f"announce {each}")
        await self._wait(min(takes_s, announcement.within_s), "")
        if takes_s > announcement.within_s:
            return "declined"
        self._tell(
            f"the other presses {announcement.accept if party.outcome == 'done' else announcement.refuse}"
        )
        return party.outcome

    async def transfer_to_agent(self, agent: str, within_s: int) -> str:
        await self._await()
        self._tell(f"wait for {agent}")
        agents = self._script.agents.get(agent, Agents())
        late = agents.after_s > within_s
        return await self._rung("no_answer" if late else "done", agents, within_s)

    async def _rung(
        self, outcome: str, party: Party | Agents, ring_s: float, announcement: Announcement | None = None
    ) -> str:
        await self._wait(min(party.after_s, ring_s), "")
        if isinstance(party, Party) and outcome in ("done", "declined"):
            outcome = await self._announced(announcement, party) if announcement else "done"
        if outcome == "done":
            self._tell("talk")
            await self._wait(party.talk_s, "")
        return outcome

    async def first(self, what: str, key: str, within_s: int) -> bool:  # noqa: ARG002 (one call is short)
        await self._await()
        return what not in self._script.known

    async def ask(self, request: Request) -> Reply:
        await self._await()
        self.asked.append(request)
        left_s = request.timeout_s
        reply: Reply | WebFailed = Reply(200, b"{}")
        for _ in range(request.retries + 1):
            self._tell(_written("ask", request))
            reply = self._replies.popleft() if self._replies else reply
            takes_s = inf if isinstance(reply, WebTimeout) else REPLY_S
            await self._wait(min(takes_s, left_s), "")
            left_s -= takes_s
            if left_s < 0:
                raise WebTimeout("no answer")
            if isinstance(reply, Reply) and not reply.passing:
                break
        if isinstance(reply, WebFailed):
            raise reply
        return reply

    def post(self, request: Request) -> None:
        self.asked.append(request)
        self._tell(_written("post", request))

    async def hangup(self, cause: str) -> NoReturn:
        await self._await()
        self._tell(f"hangup {cause}")
        raise Hangup("system")

    def note(self, kind: str, **fields: object) -> None:
        self.notes.append((kind, fields))
        if kind == "step":
            path = str(fields["path"])
            began_s = self._began_s.get(path, 0.0)  # a call that was taken over has begun it elsewhere
            self.passed.append(Passed(path, began_s, str(fields["outcome"]), self.now_s - began_s))

    def _going(self) -> None:
        if self._take and self._take.heard_until(self.now_s):
            self.keep_recording()


def _written(what: str, request: Request) -> str:
    if request.secret:
        return f"{what} {request.method} {request.url} (what is sent is sensitive)"
    headers = [f"{name}: {value}" for name, value in request.headers.items()]
    return " ".join(filter(None, (what, request.method, request.url, request.body.decode(), *headers)))
