"""What the store answers, as types."""

from dataclasses import dataclass
from typing import NamedTuple


class Offer(NamedTuple):
    """An agent reserved for a waiting call: ring him. Each attempt of a call is told once per worker."""

    call: str
    agent: str
    device: str
    attempt: int
    queue: str
    ring_s: int
    leg: str = ""
    """The channel by which he is connected already; empty: his device is to be rung."""


class Consult(NamedTuple):
    """Somebody whom an agent asks is to be rung. `device`: an agent's; empty: it is a number outside."""

    attempt: int
    device: str
    ring_s: int
    leg: str = ""
    """As of an offer."""


class Done(NamedTuple):
    """An operation was applied, or waits for Redis in the journal."""

    changed: bool
    """False: there was nothing to do (he had left, was not on hold, did not talk). Unknown: True."""
    journaled: bool = False


class Joined(NamedTuple):
    """The caller's place: 1 is next. Position 0: he is no longer in line (a repeated join came too late)."""

    position: int
    score: float
    joined_at: int
    offered: bool
    """An agent is being rung already; the offer has gone to `on_offer`."""
    refused: str = ""
    """Why the door stayed shut: closed, no_agents, full or ratio; then he is not in line."""


class Crowd(NamedTuple):
    """A queue in which some who wait have to leave, each after a look of his own (`Store.exit`)."""

    queue: str
    reason: str
    """no_agents, full or ratio."""
    calls: frozenset[str]
    """Whom it concerns, at most 100 of them; empty: everybody."""


class Moved(NamedTuple):
    """A caller whom somebody has moved. `state`: waiting or offered."""

    queue: str
    position: int
    state: str


class AgentStatus(NamedTuple):
    """An agent after a request. `wish`: what will be when his call is over (`offline`, `paused:REASON`)."""

    state: str
    reason: str
    wish: str


class Sweep(NamedTuple):
    """What a sweep found and mended; `found` is 0 in healthy runs."""

    found: int
    details: list[str]


class QueueFigures(NamedTuple):
    """A queue at one moment: how many wait, how long the first has (s), who could be rung, who is at work."""

    waiting: int
    longest_wait_s: float
    ready: int
    staffed: int


class QueueStand(NamedTuple):
    """A queue at one instant: who waits, and how many of its agents are in each group of states.

    `ringing`: rung, being connected, or cooling down after a call that they did not take.
    """

    queue: str
    waiting: int
    oldest_joined_at: int
    """When who waits longest has joined, ms; 0: nobody waits."""
    offline: int
    unreachable: int
    ready: int
    ringing: int
    talking: int
    wrapup: int
    paused: int


class QueueSettings(NamedTuple):
    """What is published of a queue, as far as figures need it. `_s`: seconds."""

    title: str
    service_level_s: float
    short_abandon_s: float


@dataclass(frozen=True)
class WaitingCaller:
    """Somebody in a queue's line. `state`: waiting, offered or connecting."""

    call: str
    position: int
    score: float
    joined_at: int
    state: str
    agent: str


@dataclass(frozen=True)
class QueueView:
    """A queue now. `waiting` counts all; `callers` are the first of the line, the longest wait is theirs."""

    queue: str
    title: str
    waiting: int
    ready: int
    longest_wait_ms: int
    callers: list[WaitingCaller]


@dataclass(frozen=True)
class AgentView:
    """An agent now. `since_at`: since when he is in this state, ms since the epoch."""

    agent: str
    name: str
    state: str
    reason: str
    since_at: int
    device: str
    queues: list[str]
    call: str
    wish: str
    calls: int
    talk_ms: int


@dataclass(frozen=True)
class CallView:
    """A live call now. Personal: `from_`."""

    call: str
    worker: str
    state: str
    from_: str
    to: str
    flow: str
    step: str
    queue: str
    agent: str
    arrived_at: int
    campaign: str = ""
    score: float = 0
    """By it he stands in line; the lowest is next."""
    joined_at: int = 0
    """When he joined the queue he is in, or was in last; 0: he was in none."""
    bridged_at: int = 0
    """When he was connected with the agent he had last; 0: he had none."""
