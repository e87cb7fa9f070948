"""What the API says and is told, as types. The OpenAPI document is made of them. Pure: no I/O.

Instants (`_at`) are ms since the epoch by Redis' clock, durations (`_ms`) are ms. Personal: `from` of calls.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from calllog.vocabulary import AgentState
from queues.settings import Name

Instant = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
Milliseconds = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
CallState = Literal["flow", "waiting", "offered", "connecting", "talking", "ended"]
Topic = Literal["queues", "agents", "calls"]
Role = Literal["viewer", "supervisor"]


class Said(BaseModel):
    """What we say: every field is always there."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        populate_by_name=True,
        json_schema_serialization_defaults_required=True,
    )


class Told(BaseModel):
    """What we are told: an unknown field is a mistake."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, extra="forbid")


class Staff(Said):
    """How many of a queue's agents are in each state."""

    ready: Count = 0
    """Free: could be rung now."""
    ringing: Count = 0
    """Being rung or connected, or cooling down after a call that they did not take."""
    talking: Count = 0
    """In a call, also in one that is none of ours."""
    wrapup: Count = 0
    paused: Count = 0
    unreachable: Count = 0
    """Their telephone cannot be rung."""
    offline: Count = 0


class Today(Said):
    """A queue since the last local midnight, by when callers joined: docs/call-log.md, docs/api.md.

    offered = answered + abandoned + flowed + failed + waiting.
    """

    offered: Count = 0
    answered: Count = 0
    abandoned: Count = 0
    """They hung up, also while a telephone rang for them."""
    short: Count = 0
    """Of these, sooner than the queue's `short_abandon_s`."""
    flowed: Count = 0
    """They left by a rule or a choice."""
    failed: Count = 0
    """They left by an error of ours."""
    waiting: Count = 0
    """Of those who joined today, who still wait."""
    refused: Count = 0
    """The door was shut for them; they are not in `offered`."""
    in_time: Count = 0
    """Answered within the queue's `service_level_s`."""
    service_level: Share | None = None
    """in_time / (offered - short); null: nobody was offered."""
    abandon_rate: Share | None = None
    """(abandoned - short) / (offered - short); null: nobody was offered."""
    asa_ms: Milliseconds | None = None
    """Mean wait of those who were answered."""
    wait_longest_ms: Milliseconds | None = None
    """Longest wait of those who were answered or hung up."""
    abandon_mean_ms: Milliseconds | None = None
    """Mean wait of those who hung up."""


class Queue(Said):
    """A queue now."""

    queue: str
    """Its name in queues.yaml. `_NAME`: the line of callers who wait for the agent NAME himself."""
    title: str
    waiting: Count
    """Everybody in line, also who is being rung for."""
    oldest_joined_at: Instant | None
    """When who waits longest has joined; his wait is `at` less this. null: nobody waits."""
    service_level_s: Annotated[float, Field(ge=0)]
    """Who is answered within this time is in time."""
    staff: Staff
    today: Today
    curve: list[Count]
    """How many waited at most, minute by minute, the present one last; at most 30 minutes."""


class Agent(Said):
    """An agent now."""

    agent: str
    name: str
    state: AgentState
    reason: str
    """Why he pauses, or is unreachable or offline."""
    since_at: Instant
    """Since when he is in this state."""
    device: str
    """The telephone he is at; empty: at none."""
    queues: list[str]
    call: str
    """The call he has or is rung for."""
    wish: str
    """What comes after his call: `offline`, or `paused:REASON`."""
    calls: Count
    """Calls he has taken, ever."""
    talk_ms: Milliseconds
    """How long he has talked, ever."""


class Call(Said):
    """A live call."""

    call: str
    state: CallState
    """flow: in its call flow · waiting · offered: somebody is rung for it · connecting · talking · ended"""
    from_: Annotated[str, Field(alias="from")]
    """The caller's number; personal: `(hidden)` for tokens that are redacted."""
    to: str
    """The number he has called."""
    campaign: str
    flow: str
    step: str
    """Where in its flow it is, such as `main/menu`."""
    queue: str
    """The queue it is in, or was in last."""
    agent: str
    """Who is rung for it, or talks to it."""
    worker: str
    arrived_at: Instant
    joined_at: Instant | None
    """When it joined the queue it is in; null: it waits in none."""
    talking_at: Instant | None
    """When its talk began; null: nobody talks to it."""


class Caller(Call):
    """Somebody in a queue's line."""

    position: Annotated[int, Field(ge=1)]
    """1 is next."""


class Alarm(Said):
    """Something that somebody should look at."""

    alarm: str
    """Which, such as `redis-away`: a closed list, docs/api.md."""
    since_at: Instant
    problem: str
    mend: str


class Head(Said):
    """How current an answer is."""

    at: Instant
    """The instant of these figures."""
    seq: Count
    """Number of this state; it is greater after every change, and begins anew when the API is started."""
    age_ms: Milliseconds
    """How old they were when they were sent. More than 1,000: see `alarms`."""
    alarms: list[Alarm]
    today_from: Instant
    """The local midnight since which `today` counts."""
    today_complete: bool
    """false: the log since then is still being read; `today` has too little."""


class Queues(Head):
    """Every queue; lines of agents by name only while somebody waits there."""

    queues: list[Queue]


class OneQueue(Head):
    queue: Queue


class Agents(Head):
    agents: list[Agent]


class OneAgent(Head):
    agent: Agent


class Calls(Head):
    """Live calls, the oldest first."""

    total: Count
    """So many match; `calls` are the first of them."""
    calls: list[Call]


class OneCall(Head):
    call: Call


class Callers(Head):
    """Who waits in a queue, in order."""

    total: Count
    callers: list[Caller]


class Gone(Said):
    """Names of what is there no more."""

    queues: list[str] = []
    agents: list[str] = []
    calls: list[str] = []


class LiveMessage(Head):
    """A message of /v1/live. Only what was asked for is in it.

    snapshot: everything, replaces what was known · change: what is new · tick: nothing new, figures of `at`.
    """

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    type: Literal["snapshot", "change", "tick"]
    queues: list[Queue] = []
    agents: list[Agent] = []
    calls: list[Call] = []
    gone: Gone = Gone()


class LiveRequest(Told):
    """What a client of /v1/live says: first (within 5 s), and whenever it wants something else."""

    token: str = Field("", max_length=200)
    """In the first message, unless the header `Authorization` has it."""
    topics: list[Topic] = Field(default=["queues", "agents"], max_length=3)


class Move(Told):
    """Where a waiting caller is to be. What is left out stays as it is; doing it again changes nothing."""

    queue: Name | None = None
    """The queue he waits in from now on."""
    position: int | None = Field(None, ge=1, le=1_000_000)
    """His place in line, 1 is next."""
    priority_s: int | None = Field(None, ge=0, le=86_400)
    """He is served as if he had come so many seconds earlier, instead of what his flow says."""


class Moved(Said):
    call: str
    queue: str
    position: Count
    state: str


class StateWish(Told):
    """What state an agent is to be in. Asking for it again changes nothing."""

    state: Literal["ready", "paused", "offline"]
    reason: str = Field("", max_length=40)
    """Of a pause: must be given then, and only then."""
    device: Name | None = None
    """The telephone he is at from now on."""
    force: bool = False
    """He must, whatever he has still to say about his call; it is not for him to change while it lasts."""


class AgentStatus(Said):
    agent: str
    state: str
    reason: str
    wish: str
    """What will be when his call is over; empty: it is so now."""


class Check(Said):
    """One of the things that must be right."""

    check: Literal["redis", "figures", "workers", "asterisk", "archive"]
    right: bool
    problem: str = ""
    mend: str = ""


class Health(Said):
    """The API itself runs."""

    status: Literal["ok"] = "ok"


class Readiness(Said):
    """Whether calls are taken, and figures are current."""

    ready: bool
    checks: list[Check]


class Problem(Said):
    """What was wrong with a request (RFC 9457, application/problem+json)."""

    type: str
    """Which problem, such as `urn:holdfast:unknown-queue`."""
    title: str
    status: int
    detail: str
    """The following in one sentence."""
    place: str
    """What it is about: a field, a header, a path."""
    problem: str
    mend: str
