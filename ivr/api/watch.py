"""Keeps the board up to date: what the call log names is read anew from Redis, and the rest bit by bit.

    1. the log since the last turn ──► agents and calls that it names; counts of today
    2. `wall`: all queues at one instant (queues/lua/wall.lua)
    3. some more agents and calls, in turn: what is in no event (a device, a wish), or was missed
    4. the board's next turn

So a turn costs what has happened since the last one, not what there is. Redis away: the figures of before
stay, with their age and an alarm.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from calllog.call_events import CallEvent, Joined
from calllog.errors import ArchiveAway, LogAway
from calllog.events import AgentStateChanged, AnyEvent, FlowPublished, WorkerRecovered
from calllog.stream import ArchiveState, LogStream
from calllog.today import Limits, Past, Today
from calllog.vocabulary import AgentState
from ivr.api import alarms, models
from ivr.api.board import Board
from ivr.api.tally import Tally
from ivr.checkpoint import Checkpoint, Peer
from queues import snapshots
from queues.errors import StoreAway, StoreFault
from queues.models import is_direct_line
from queues.operations import now_ms
from queues.results import AgentView, CallView, QueueSettings, QueueStand
from queues.store import Store

log = logging.getLogger(__name__)

TURN_S = 0.5
PATIENCE_S = 3.0
"""A turn that takes longer is given up: Redis hangs."""
IN_TURN = 100
"""So many agents, and calls, are read anew in a turn although nothing was told of them."""
NAMES_S, LIVE_S, PEERS_S = 5.0, 60.0, 1.0
"""How often is looked which queues and agents there are, which calls, which workers."""
MOST_CALLS = 100_000
PAGES = 20
"""So many pages of the log at most are read in a turn."""
CURVE_MINUTES = 30

Day = Callable[[int], tuple[int, int]]
"""Of an instant: the local midnights before and after it, ms."""
Archived = Callable[[int, int], Past | None]
"""What an archive has of a period, if there is one. Blocks."""


def nothing_archived(begins_at: int, ends_at: int) -> None:
    """There is no archive."""


class Watch:
    """What has to be read when, of one site."""

    def __init__(
        self,
        store: Store,
        stream: LogStream,
        board: Board,
        tally: Tally,
        day: Day,
        archived: Archived = nothing_archived,
    ) -> None:
        self._operations, self._checkpoint = store.operations, Checkpoint(store)
        self._stream, self._board, self._tally, self._day = stream, board, tally, day
        self._read = self._counted = ""
        """Positions in the log: what came up to there is on the board, and in the figures of today."""
        self._names: list[str] = []
        self._people: frozenset[str] = frozenset()
        """Queues and agents that are published."""
        self._settings: dict[str, QueueSettings] = {}
        self._agents: set[str] = set()
        self._calls: set[str] = set()
        """Who is to be read anew."""
        self._agents_in_turn, self._calls_in_turn = InTurn(), InTurn()
        self._lines: set[str] = set()
        """Lines of agents by name in which somebody waits."""
        self._curves: dict[str, deque[int]] = {}
        self._minute = 0
        self._next = {"names": 0.0, "live": 0.0, "peers": 0.0}
        self.today = Today(0, 0, {})
        self.peers: Sequence[Peer] = ()
        self.problem = "it was not asked yet"
        """Why there are no figures; empty: there are."""
        self.archives: Sequence[ArchiveState] = ()
        self._archived = archived

    async def run(self) -> None:
        """A turn after the other, for ever."""
        loop = asyncio.get_running_loop()
        following = loop.time()
        while True:
            await self.turn()
            following = max(following + TURN_S, loop.time())
            await asyncio.sleep(following - loop.time())

    async def turn(self) -> None:
        """One turn. Redis away is no error: it is an alarm."""
        at: int | None = None
        try:
            async with asyncio.timeout(PATIENCE_S if self._board.at else None):
                at = await self._look()
            self.problem = ""
        except TimeoutError:
            self.problem = f"it has not answered for {PATIENCE_S:.0f} s"
        except (StoreAway, StoreFault, LogAway) as error:
            self.problem = str(error)
        self._board.turn(at, alarms.alarms(self.findings(), self._board.alarms))

    def findings(self) -> alarms.Findings:
        """What is known of the server's parts."""
        return alarms.Findings(self.problem, self._board.age_ms, self.peers, self.archives, now_ms())

    def refresh(self, agent: str) -> None:
        """Somebody has asked something of this agent by us: look at him in the next turn."""
        self._agents.add(agent)

    # One turn

    async def _look(self) -> int:
        """The instant of the figures. What was to be read anew stays so until it has been."""
        if now_ms() >= self.today.ends_at:
            self._begin_day()
        await self._read_news()
        if self._is_due("peers", PEERS_S):
            self.peers = await self._checkpoint.workers()
            self.archives = await self._stream.archives()
        if self._is_due("names", NAMES_S):
            await self._look_for_names()
        if self._is_due("live", LIVE_S):
            self._calls |= {*self._board.calls.cards, *await snapshots.live(self._operations, MOST_CALLS)}
        agents = {*self._agents, *self._agents_in_turn.some(self._board.agents.cards)}
        calls = {*self._calls, *self._calls_in_turn.some(self._board.calls.cards)}
        self._put_agents(await snapshots.agents_of(self._operations, [*agents]))
        self._agents -= agents
        self._put_calls(await snapshots.calls_of(self._operations, [*calls]))
        self._calls -= calls
        at, stands = await snapshots.wall(self._operations, [*self._names, *sorted(self._lines)])
        self._put_queues(stands, at)
        return at

    async def _read_news(self) -> None:
        if not self._read:
            self._read = await self._stream.end()
        for _ in range(PAGES):
            before = self._read
            lines, _ = await self._stream.page(before)
            if not lines:
                return
            self._read = lines[-1].position
            self._tally.count_all(lines)
            events = [line.event for line in lines]
            if self._counted == before:
                self._counted = self._read
                self.today.count_all(events)
            self._note(events)

    def _note(self, events: Iterable[AnyEvent | None]) -> None:
        """Of whom something is told, so that he is to be read anew."""
        for event in events:
            if isinstance(event, CallEvent):
                self._calls.add(event.call)
                if isinstance(event, Joined) and is_direct_line(event.queue):
                    self._lines.add(event.queue)
            elif isinstance(event, AgentStateChanged):
                self._agents.add(event.agent)
            elif isinstance(event, FlowPublished):
                self._next["names"] = 0.0
            elif isinstance(event, WorkerRecovered):
                self._next["live"] = 0.0

    def _is_due(self, what: str, period_s: float) -> bool:
        now = time.monotonic()
        if now < self._next[what]:
            return False
        self._next[what] = now + period_s
        return True

    async def _look_for_names(self) -> None:
        queues, agents = await snapshots.published(self._operations)
        names = [queue for queue in queues if not is_direct_line(queue)]
        self._settings = await snapshots.queue_settings(self._operations, names)
        if not self._board.at:  # whoever waits in a line of his own may be there already
            self._lines = {queue for queue in queues if is_direct_line(queue)}
        self._names = names
        self._people = frozenset(agents)
        self._agents |= self._people - self._board.agents.cards.keys()
        self._board.agents.keep(agents)
        self._tally.queues = frozenset(names)
        self.today.measure_by(self._limits())

    def _limits(self) -> dict[str, Limits]:
        return {
            name: Limits(round(1000 * each.service_level_s), round(1000 * each.short_abandon_s))
            for name, each in self._settings.items()
        }

    # The board

    def _put_agents(self, views: dict[str, AgentView | None]) -> None:
        for name, view in views.items():
            if view is None or name not in self._people:
                self._board.agents.drop(name)
            else:
                self._board.agents.put(name, agent_of(view))

    def _put_calls(self, views: dict[str, CallView | None]) -> None:
        for name, view in views.items():
            if view is None or view.state == "ended":
                self._board.calls.drop(name)
                self._board.scores.pop(name, None)
            else:
                self._board.scores[name] = view.score
                self._board.calls.put(name, call_of(view))

    def _put_queues(self, stands: Sequence[QueueStand], at: int) -> None:
        begins = at // 60_000 > self._minute
        self._minute = max(self._minute, at // 60_000)
        for stand in stands:
            curve = self._curves.setdefault(stand.queue, deque(maxlen=CURVE_MINUTES))
            curve.append(0 if begins or not curve else curve.pop())
            curve.append(max(curve.pop(), stand.waiting))
            if is_direct_line(stand.queue) and not stand.waiting:
                self._lines.discard(stand.queue)
                del self._curves[stand.queue]
                continue
            settings = self._settings.get(stand.queue) or QueueSettings(stand.queue, 20, 5)
            today = models.Today(**self.today.figures(stand.queue)._asdict())
            self._board.queues.put(stand.queue, queue_of(stand, settings, today, list(curve)))
        self._board.queues.keep({*self._names, *self._lines})
        self._board.today_from = self.today.begins_at
        self._board.today_complete = self._counted == self._read

    # Counts of today

    def _begin_day(self) -> None:
        self.today = Today(*self._day(now_ms()), self._limits())
        self._counted = ""

    async def catch_up(self) -> None:
        """Count what has happened today before we came, beside the turns; for ever: there is a next day."""
        while True:
            try:
                while self._read and self._counted != self._read:
                    if self._counted:
                        await self._catch_up(self._counted, self._read)
                    else:
                        await self._begin_count()
            except (LogAway, ArchiveAway) as error:
                log.warning("figures of today are put off: %s", error)
            await asyncio.sleep(TURN_S)

    async def _begin_count(self) -> None:
        """From what is archived of today; else from the first event of today that the log has."""
        today = self.today
        past = await asyncio.to_thread(self._archived, today.begins_at, today.ends_at)
        if self.today is not today:
            return
        if past is not None:
            today.begin_with(past)
            self._counted = past.position
        else:
            midnight = f"{today.begins_at}-0"
            self._counted = self._read if is_behind(midnight, self._read) else midnight

    async def _catch_up(self, after: str, end: str) -> None:
        """Count a page. Whoever has come to where `_read` is has nothing left: the turns do it from there."""
        today = self.today
        if is_behind(after, self._read):  # the archive was quicker than we: nothing of that counts twice
            await asyncio.sleep(TURN_S / 5)
            return
        lines, _ = await self._stream.page(after)
        if self.today is not today:
            return
        if not lines:
            self._counted = end
            return
        known = [line.event for line in lines if not is_behind(line.position, self._read)]
        today.count_all(known)
        self._counted = lines[-1].position if len(known) == len(lines) else self._read


class InTurn:
    """Names, some at a time, each as often as the others."""

    def __init__(self) -> None:
        self._rest: list[str] = []

    def some(self, names: Iterable[str]) -> list[str]:
        """The next `IN_TURN` of them."""
        if not self._rest:
            self._rest = list(names)
        found, self._rest = self._rest[:IN_TURN], self._rest[IN_TURN:]
        return found


def is_behind(position: str, end: str) -> bool:
    """Whether a position of the stream is later than another."""
    return _numbers(position) > _numbers(end)


def _numbers(position: str) -> tuple[int, ...]:
    return tuple(int(part) for part in position.split("-"))


def agent_of(view: AgentView) -> models.Agent:
    served = [queue for queue in view.queues if not is_direct_line(queue)]
    return models.Agent.model_construct(
        agent=view.agent,
        name=view.name,
        state=cast(AgentState, view.state),  # as queues/states.py has them
        reason=view.reason,
        since_at=view.since_at,
        device=view.device,
        queues=served,
        call=view.call,
        wish=view.wish,
        calls=view.calls,
        talk_ms=view.talk_ms,
    )


def call_of(view: CallView) -> models.Call:
    waits = view.state in ("waiting", "offered", "connecting")
    return models.Call.model_construct(
        call=view.call,
        state=cast(models.CallState, view.state),  # as the record has it: ivr/checkpoint.py
        from_=view.from_,
        to=view.to,
        campaign=view.campaign,
        flow=view.flow,
        step=view.step,
        queue=view.queue,
        agent=view.agent,
        worker=view.worker,
        arrived_at=view.arrived_at,
        joined_at=view.joined_at if waits else None,
        talking_at=view.bridged_at if view.state == "talking" and view.bridged_at else None,
    )


def queue_of(
    stand: QueueStand, settings: QueueSettings, today: models.Today, curve: list[int]
) -> models.Queue:
    staff = {name: max(0, getattr(stand, name)) for name in models.Staff.model_fields}
    return models.Queue.model_construct(
        queue=stand.queue,
        title=settings.title,
        service_level_s=settings.service_level_s,
        waiting=stand.waiting,
        oldest_joined_at=stand.oldest_joined_at or None,
        staff=models.Staff.model_construct(**staff),
        today=today,
        curve=curve,
    )
