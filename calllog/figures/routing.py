"""How well callers were handed to agents: router regret, and who was served out of turn.

No sums tell that: the ideal router is fed with the events of a time, one after the other. So they are read
from the archive as they were written.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, func, or_, select

from calllog.archive.database import upkept
from calllog.archive.schema import agent_states, events, waits
from calllog.call_events import CallEvent, Joined
from calllog.events import AnyEvent, decode
from calllog.figures.figure import Figure, Measure, Row, measured
from calllog.figures.period import DAY_MS, Period
from calllog.figures.read import in_span
from calllog.regret import Record, Regret, Wait, regret
from calllog.routing import AsOffered
from calllog.turns import TurnCheck

MOST_WAITS = 100_000
"""So many are worked out at once: half a minute, and 4 KB each."""

AROUND_MS = 2 * 3_600_000
"""What is so long before and after the period is read, too: talks reach into it and out of it."""

_KINDS = (
    "agent_state",
    "joined",
    "moved",
    "hold_started",
    "hold_ended",
    "offered",
    "declined",
    "queue_left",
    "unbridged",
    "ended",
)


class TooMany(Exception):  # noqa: N818
    """More have waited than can be worked out at once; the text says it."""


class OutOfTurn(NamedTuple):
    """Somebody was offered to an agent though another one, with the same claim, had come before him."""

    call: str
    queue: str
    at: int
    what: str


class Handed(NamedTuple):
    """How well some of the callers were handed to agents."""

    regret: Regret
    out_of_turn: int


ROUTING_MEASURES: tuple[Measure[Handed], ...] = (
    Measure(
        Figure(
            "router_regret_ms",
            "Router regret",
            "ms",
            "mean over answered waits of (wait - wait of the same caller with an ideal router)",
            "The ideal one serves first come, first served, takes no time, and is fed with what was "
            "recorded: who came when, how long agents rang, and for how long each caller occupied his agent. "
            "Who may serve whom is not in the log: in the ideal an agent takes callers of those queues and "
            "needs of which he was offered one. Single calls differ by seconds either way.",
            "routing",
        ),
        lambda handed: handed.regret.mean_ms if handed.regret.waits else None,
    ),
    Measure(
        Figure(
            "router_regret_error_ms",
            "… give or take",
            "ms",
            "standard deviation of the regrets (of a sample) / square root of how many they are",
            "The regret of so few callers may be chance within twice this.",
            "routing",
        ),
        lambda handed: handed.regret.error_ms,
    ),
    Measure(
        Figure(
            "router_regret_waits",
            "… of so many waits",
            "count",
            "answered waits of callers whom an agent was offered",
            family="routing",
        ),
        lambda handed: handed.regret.waits,
    ),
    Measure(
        Figure(
            "out_of_turn",
            "Served out of turn",
            "count",
            "offers of a caller while another one waited who had come before him to the same queue, with the "
            "same needs and the same head start",
            "By when the agent was rung. Who has put us on hold is passed over, and keeps his place.",
            "routing",
        ),
        lambda handed: handed.out_of_turn,
    ),
)


class Routed(NamedTuple):
    """What the walk through the events of a period has found."""

    waits: list[Wait]
    """Answered, of callers who joined in the period."""
    out_of_turn: list[OutOfTurn]

    def rows(self, period: Period) -> list[Row]:
        """ROUTING_MEASURES of all together, whose key is empty, then by queue."""
        queues = sorted({wait.queue for wait in self.waits} | {each.queue for each in self.out_of_turn})
        return [Row(period.from_at, period.to_at, key, self._figures(key)) for key in ("", *queues)]

    def _figures(self, queue: str) -> dict[str, float | int | None]:
        own = [wait for wait in self.waits if not queue or wait.queue == queue]
        passed = sum(not queue or each.queue == queue for each in self.out_of_turn)
        return measured(ROUTING_MEASURES, Handed(regret(own), passed))


def routed(archive: Engine, period: Period) -> Routed:
    """Of this archive (not of its columns). Raises TooMany, ArchiveAway."""
    with upkept(archive), archive.connect() as connection, connection.begin():
        _few_enough(connection, period)
        record, rules, turns = Record(_ready(connection, period.from_at - AROUND_MS)), AsOffered(), _Turns()
        for event in _events(connection, period):
            for each in (record, rules, turns):
                each.add(event)
    own = [wait for wait in record.answered(rules) if period.from_at <= wait.joined_at < period.to_at]
    return Routed(own, [each for each in turns.found if period.from_at <= each.at < period.to_at])


def _few_enough(connection: Connection, period: Period) -> None:
    joined = select(func.count()).select_from(waits).where(in_span(waits.c.joined_at, period))
    if (many := connection.scalar(joined) or 0) > MOST_WAITS:
        raise TooMany(
            f"{many:,} callers waited in this time; how well they were handed out is worked out of at most "
            f"{MOST_WAITS:,}. Choose a shorter time."
        )


def _ready(connection: Connection, at: int) -> list[str]:
    """Agents who were ready then, and had been so for less than a day."""
    state = agent_states.c
    there: ColumnElement[bool] = or_(state.to_at.is_(None), state.to_at > at)
    began = state.from_at > at - DAY_MS, state.from_at < at
    return list(connection.scalars(select(state.agent).where(state.state == "ready", there, *began)))


def _events(connection: Connection, period: Period) -> Iterator[AnyEvent]:
    """In the order of the stream."""
    near = Period(period.from_at - AROUND_MS, period.to_at + AROUND_MS, period.zone)
    raw = select(events.c.raw).where(in_span(events.c.at, near), events.c.kind.in_(_KINDS))
    for line in connection.execution_options(yield_per=1000).scalars(raw.order_by(events.c.n)):
        yield decode(line)


class _Turns:
    """Who was served out of turn, with his queue."""

    def __init__(self) -> None:
        self.found: list[OutOfTurn] = []
        self._check = TurnCheck()
        self._queues: dict[str, str] = {}

    def add(self, event: AnyEvent) -> None:
        """The next event of the log."""
        if not isinstance(event, CallEvent):
            return
        if isinstance(event, Joined):
            self._queues[event.call] = event.queue
        for passed in self._check.call(event):
            self.found.append(OutOfTurn(passed.call, self._queues[passed.call], passed.at, passed.what))
