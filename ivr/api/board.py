"""What is live, in memory: written by `Watch` once a turn, read by everybody who asks.

Each thing is put into JSON once, when it has changed (twice if it holds personal data), whoever watches.
A turn that has changed something has the next number, and the last few turns are kept, so that who watches
can be told of what is new; who is further behind gets everything.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from calllog.events import HIDDEN
from ivr.api.models import Agent, Alarm, Call, Gone, Head, Queue, Said, Topic

KEPT_TURNS = 20
"""Who has not taken the last so many turns gets a snapshot instead."""
IN_LINE = frozenset({"waiting", "offered", "connecting"})

Thing = TypeVar("Thing", bound=Said)


class Card(NamedTuple, Generic[Thing]):
    """A thing, and its JSON for those who may see everything, and for those who may not."""

    thing: Thing
    full: bytes
    redacted: bytes

    def json(self, redacted: bool) -> bytes:
        return self.redacted if redacted else self.full


class Shelf(Generic[Thing]):
    """All things of one kind by name, and which of them are new in this turn."""

    def __init__(self) -> None:
        self.cards: dict[str, Card[Thing]] = {}
        self._new: set[str] = set()
        self._gone: set[str] = set()

    def put(self, name: str, thing: Thing) -> bool:
        """Whether that is anything new."""
        full = json_of(thing)
        before = self.cards.get(name)
        if before is not None and before.full == full:
            return False
        hidden = isinstance(thing, Call) and bool(thing.from_)
        redacted = json_of(thing.model_copy(update={"from_": HIDDEN})) if hidden else full
        self.cards[name] = Card(thing, full, redacted)
        self._new.add(name)
        self._gone.discard(name)
        return True

    def drop(self, name: str) -> bool:
        """Whether it was there."""
        if self.cards.pop(name, None) is None:
            return False
        self._new.discard(name)
        self._gone.add(name)
        return True

    def keep(self, names: Iterable[str]) -> None:
        """Drop all others."""
        for name in self.cards.keys() - set(names):
            self.drop(name)

    def all(self) -> list[Card[Thing]]:
        """Everything, by name."""
        return [self.cards[name] for name in sorted(self.cards)]

    def turn(self) -> tuple[frozenset[str], frozenset[str]]:
        """What is new, and what is gone, since the last turn."""
        new, gone = frozenset(self._new), frozenset(self._gone)
        self._new, self._gone = set(), set()
        return new, gone


class Turn(NamedTuple):
    """What one turn has changed."""

    seq: int
    new: dict[Topic, frozenset[str]]
    gone: dict[Topic, frozenset[str]]


class View(NamedTuple):
    """What somebody wants to see, and may."""

    topics: frozenset[Topic]
    redacted: bool


class Board:
    """The live state. `at`: the instant of the figures, ms by Redis' clock; 0: there are none yet."""

    def __init__(self) -> None:
        self.queues: Shelf[Queue] = Shelf()
        self.agents: Shelf[Agent] = Shelf()
        self.calls: Shelf[Call] = Shelf()
        self.at, self.seq = 0, 0
        self.alarms: list[Alarm] = []
        self.scores: dict[str, float] = {}
        """Live call → by what it stands in line."""
        self.today_from, self.today_complete = 0, False
        self.turned = asyncio.Event()
        """Set when the next turn is there; a new one is put in its place."""
        self._taken = 0.0
        self._turns: deque[Turn] = deque(maxlen=KEPT_TURNS)
        self._messages: dict[tuple[str, int, View], bytes] = {}
        self._lines: dict[str, list[Card[Call]]] = {}

    @property
    def shelves(self) -> dict[Topic, Shelf[Any]]:
        return {"queues": self.queues, "agents": self.agents, "calls": self.calls}

    def turn(self, at: int | None, alarms: Sequence[Alarm]) -> None:
        """What was put since the last turn is to be seen now. `at` None: the figures are those of before."""
        if at is not None:
            self.at, self._taken = at, time.monotonic()
        new: dict[Topic, frozenset[str]] = {}
        gone: dict[Topic, frozenset[str]] = {}
        for topic, shelf in self.shelves.items():
            new[topic], gone[topic] = shelf.turn()
        if any(new.values()) or any(gone.values()) or list(alarms) != self.alarms:
            self.seq += 1
            self._turns.append(Turn(self.seq, new, gone))
            self._lines = {}
        self.alarms = list(alarms)
        self._messages = {}
        turned, self.turned = self.turned, asyncio.Event()
        turned.set()

    @property
    def age_ms(self) -> int:
        """How old the figures are."""
        return int((time.monotonic() - self._taken) * 1000) if self.at else 0

    def head(self) -> bytes:
        """The fields of `Head` as the beginning of a JSON object, without its end."""
        head = Head(
            at=self.at,
            seq=self.seq,
            age_ms=self.age_ms,
            alarms=self.alarms,
            today_from=self.today_from,
            today_complete=self.today_complete,
        )
        return json_of(head)[:-1]

    def line(self, queue: str) -> list[Card[Call]]:
        """Who waits in a queue, in order, as Redis has it: by score, then by id."""
        found = self._lines.get(queue)
        if found is None:
            cards = self.calls.cards.values()
            there = [card for card in cards if card.thing.queue == queue and card.thing.state in IN_LINE]
            found = self._lines[queue] = sorted(there, key=lambda card: self.order(card.thing))
        return found

    def order(self, call: Call) -> tuple[float, bytes]:
        """By what callers stand in line."""
        return self.scores.get(call.call, 0.0), call.call.encode()

    # Messages

    def snapshot(self, view: View) -> bytes:
        """Everything that somebody wants to see."""
        return self._kept(0, view, "snapshot")

    def since(self, seq: int, view: View) -> bytes | None:
        """What is new since then, in one message; None: that is too long ago."""
        if seq == self.seq:
            return self._kept(seq, view, "tick")
        kept = self._turns[0].seq if self._turns else self.seq + 1
        return self._kept(seq, view, "change") if kept - 1 <= seq < self.seq else None

    def _kept(self, seq: int, view: View, kind: str) -> bytes:
        """Made once a turn for all who want the same."""
        key = (kind, seq, view)
        message = self._messages.get(key)
        if message is None:
            message = self._messages[key] = self._message(seq, view, kind)
        return message

    def _message(self, seq: int, view: View, kind: str) -> bytes:
        parts = [self.head(), f'"type":"{kind}"'.encode()]
        gone: dict[str, list[str]] = {}
        for topic, shelf in self.shelves.items():
            if topic not in view.topics or kind == "tick":
                continue
            if kind == "snapshot":
                cards = shelf.all()
            else:
                cards, gone[topic] = self._new(seq, topic)
            parts.append(f'"{topic}":'.encode() + array(cards, view.redacted))
        if any(gone.values()):
            parts.append(b'"gone":' + json_of(Gone(**gone)))
        return b",".join(parts) + b"}"

    def _new(self, seq: int, topic: Topic) -> tuple[list[Card[Any]], list[str]]:
        """What is new since then, and what is gone."""
        shelf, names, gone = self.shelves[topic], set(), set()
        for turn in self._turns:
            if turn.seq > seq:
                gone |= set(turn.gone[topic])
                names |= set(turn.new[topic])
        return [shelf.cards[name] for name in sorted(names & shelf.cards.keys())], sorted(
            gone - shelf.cards.keys()
        )


def json_of(thing: Said) -> bytes:
    return thing.__pydantic_serializer__.to_json(thing, by_alias=True)


def array(cards: Iterable[Card[Any]], redacted: bool) -> bytes:
    """JSON of all of these."""
    return b"[" + b",".join(card.json(redacted) for card in cards) + b"]"
