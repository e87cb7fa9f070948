"""The tables of the archive. `events` and `kept_aside` are what has been written; all others are derived.

Instants (`_at`) are milliseconds since the epoch, durations (`_ms`) milliseconds. A derived row depends on
the events of its own call (or its own agent) alone, in the order of `seq`, and on nothing else: not on when
it was archived, not on other calls. So a rebuild gives the same rows. Personal data is in columns marked
`personal`.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

metadata = MetaData()


def _key(name: str, kind: type[Any] = Text) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _text(name: str, *, personal: bool = False) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="", info={"personal": personal})


def _at(name: str) -> Column[int]:
    """An instant; NULL: not yet."""
    return Column(name, BigInteger)


def _ms(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default="0")


events = Table(
    "events",
    metadata,
    Column("n", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    _at("at"),
    _text("kind"),
    _text("owner"),
    _count("seq"),
    Column("raw", LargeBinary, nullable=False),
    Index("events_of_owner", "owner", "seq"),
    Index("events_by_time", "at"),
)
"""Every event as it was written, in the order of the stream. `owner`: the call, `agent:NAME`, or the worker.
"""

kept_aside = Table(
    "kept_aside",
    metadata,
    Column("n", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _text("position"),
    _count("line"),
    Column("raw", LargeBinary, nullable=False, info={"personal": True}),
    _text("reason"),
    _at("at"),
)
"""Lines of the stream that are no events of this site, and why."""

progress = Table("progress", metadata, _key("name"), _text("value"))
"""How far the archive has read, by name; written with what was read."""

quarters = Table(
    "quarters", metadata, _key("name"), _key("quarter", Integer), _text("mark"), _at("touched_at")
)
"""What has been written of each derived table, by quarters of an hour: bookkeeping for copies of them.

`name`: the table; `quarter`: instants of its rows (calllog.archive.instants) / 900,000 ms; `mark`: another
one each time a row of that quarter has been written. A quarter that is not here has no rows.
"""

calls = Table(
    "calls",
    metadata,
    _key("call"),
    _at("arrived_at"),
    _at("answered_at"),
    _at("ended_at"),
    _text("caller", personal=True),
    _text("number"),
    _text("campaign"),
    _text("language"),
    _text("topic"),
    _text("asterisk"),
    _text("journey"),
    _text("flow"),
    _text("version"),
    _text("verdict"),
    _text("reason"),
    _text("ended_by"),
    _count("cause"),
    _ms("lifetime_ms"),
    _ms("flow_ms"),
    _ms("wait_ms"),
    _ms("held_ms"),
    _ms("talk_ms"),
    _flag("served"),
    _flag("hold_abandon"),
    _flag("inferred"),
    Index("calls_by_time", "arrived_at"),
    Index("calls_of_caller", "caller", "arrived_at"),
)
"""One row for each call. `ended_at` NULL: it goes on. `flow`, `version`: of its first step.

`campaign`, `topic`: as tagged last. `served`: the flow has given him what he came for (he left a message,
was connected outside, accepted an offer or answered a survey). `hold_abandon`: he hung up while on hold
after an answer. `inferred`: at least one of its events was worked out after a fault.
"""

waits = Table(
    "waits",
    metadata,
    _key("call"),
    _key("n", Integer),
    _text("queue"),
    _at("joined_at"),
    _at("left_at"),
    _at("bridged_at"),
    _text("reason"),
    _text("class"),
    _ms("waited_ms"),
    _text("agent"),
    _count("position_first"),
    _count("position_last"),
    Column("head_start_s", Float, nullable=False, server_default="0"),
    _text("needs"),
    _flag("escalated"),
    _text("last_heard"),
    _count("told_position"),
    Column("told_wait_s", Float),
    _count("rung"),
    _text("ringing"),
    _text("campaign"),
    _text("flow"),
    _text("version"),
    Index("waits_by_time", "joined_at"),
    Index("waits_by_end", "left_at", "joined_at", "call"),
)
"""One row for each time a caller joined a queue; `n` is the `seq` of `joined`.

`class`: A, B, F, X, or W while he waits. `waited_ms`: of answered callers `bridged_at` - `joined_at`, else
`left_at` - `joined_at`; 0 while he waits. `escalated`: the flow had handed him to this queue as one of a
higher level. For forensics: the last announcement in this wait (`last_heard`; if there was none, path of
the last step before it), what he was told last of his position (0: nothing) and of his wait, how many
agents were rung in vain, and who was being rung when he left. `campaign`, `flow`, `version`: as of the call
when he joined.
"""

refusals = Table(
    "refusals",
    metadata,
    _key("call"),
    _key("n", Integer),
    _at("at"),
    _text("queue"),
    _text("reason"),
    _text("campaign"),
    Index("refusals_by_time", "at"),
)
"""Callers whom the door of a queue did not let in."""

offers = Table(
    "offers",
    metadata,
    _key("call"),
    _key("n", Integer),
    _text("queue"),
    _text("agent"),
    _count("attempt"),
    _text("why"),
    _at("offered_at"),
    _at("closed_at"),
    _text("result"),
    _ms("ring_ms"),
    Index("offers_by_time", "offered_at"),
)
"""Each agent who was rung. `result`: `bridged`, `consulted`, the reason of `declined`, or empty while he is
rung.

`ring_ms` of those who took the call: until then.
"""

talks = Table(
    "talks",
    metadata,
    _key("call"),
    _key("n", Integer),
    _text("queue"),
    _text("agent"),
    _at("bridged_at"),
    _at("unbridged_at"),
    _ms("talk_ms"),
    _ms("held_ms"),
    _text("ended_by"),
    _text("transferred"),
    _flag("given"),
    _text("campaign"),
    _text("flow"),
    _text("version"),
    Index("talks_by_time", "bridged_at"),
)
"""Each talk of a caller with an agent (a leg). `queue`: the one from which it came, also after hand-overs.

`transferred`: `blind` or `attended` if this agent gave the caller away. `given`: it began with a hand-over
by another agent, not with an answered offer.
"""

holds = Table(
    "holds",
    metadata,
    _key("call"),
    _key("n", Integer),
    _text("by"),
    _text("queue"),
    _text("agent"),
    _at("started_at"),
    _at("ended_at"),
    _ms("held_ms"),
    Index("holds_by_time", "started_at"),
)
"""Each hold: by the `queue` (its music), an `agent` or the `caller`; in which queue's wait, or which agent's
talk.
"""

transfers = Table(
    "transfers",
    metadata,
    _key("call"),
    _key("n", Integer),
    _at("at"),
    _text("how"),
    _text("by"),
    _text("agent"),
    _text("to", personal=True),
    _text("to_agent"),
    _text("to_queue"),
    _text("failed"),
    Index("transfers_by_time", "at"),
)
"""Each `transferred`; `by`: `flow`, or `agent`, who is `agent` then. `failed`: the reason of the
`transfer_failed` that follows it before another one.
"""

steps = Table(
    "steps",
    metadata,
    _key("call"),
    _key("n", Integer),
    _at("at"),
    _text("flow"),
    _text("version"),
    _text("path"),
    _text("outcome"),
    _ms("took_ms"),
    _text("next"),
    _flag("dropped"),
    _text("entry"),
    Index("steps_by_time", "at"),
)
"""Each step of a flow that is over, without the values it has set.

`next`: path of the call's following step; empty: it has none yet. `dropped`: it was the last one of a call
whose verdict is `ivr_exit`. `entry`: the flow of the call's first step.
"""

overtakings = Table(
    "overtakings",
    metadata,
    _key("call"),
    _key("n", Integer),
    _at("at"),
    _text("queue"),
    _text("by_call"),
    _text("reason"),
    Column("head_start_s", Float, nullable=False, server_default="0"),
    Index("overtakings_by_time", "at"),
)
"""Each time somebody who had joined later was connected while this caller waited on."""

surveys = Table(
    "surveys",
    metadata,
    _key("call"),
    _key("survey"),
    _text("path"),
    _at("offered_at"),
    _at("answered_at"),
    Column("score", SmallInteger),
    Column("lowest", SmallInteger),
    Column("highest", SmallInteger),
    _text("queue"),
    _text("agent"),
    Index("surveys_by_time", "offered_at"),
)
"""One row for each survey put to a call: asked again it counts once; of several answers the last counts.

`queue`, `agent`: of the call's last talk before the question.
"""

sales = Table(
    "sales",
    metadata,
    _key("call"),
    _key("n", Integer),
    _text("path"),
    _text("offer"),
    _at("made_at"),
    _at("accepted_at"),
    _ms("took_ms"),
    _text("queue"),
    Index("sales_by_time", "made_at"),
)
"""Each thing offered for sale. `took_ms`: what the step that offered it has cost the caller, 0 if it did not
end.
"""

escalations = Table(
    "escalations",
    metadata,
    _key("call"),
    _key("n", Integer),
    _at("at"),
    _text("path"),
    _text("queue"),
    _text("from_queue"),
    _text("reason"),
    Index("escalations_by_time", "at"),
)
"""Each `escalated`: to which queue, and from which the caller had come last (empty: from none)."""

dispositions = Table(
    "dispositions",
    metadata,
    _key("id"),
    _at("at"),
    _text("agent"),
    _text("call"),
    _text("queue"),
    _text("code"),
    Index("dispositions_of_call", "call"),
    Index("dispositions_by_time", "at"),
)
"""What agents said their talks were about. Of several of one agent about one call the last counts."""

agent_states = Table(
    "agent_states",
    metadata,
    _key("agent"),
    _key("n", Integer),
    _text("state"),
    _text("reason"),
    _text("queue"),
    _text("call"),
    _text("by"),
    _at("from_at"),
    _at("to_at"),
    Index("agent_states_by_time", "from_at"),
    Index("agent_states_of_agent", "agent", "from_at"),
)
"""Intervals of agents' states: they tile his days from his first event on. `to_at` NULL: he is in it now.

`n`: the number of the event that began it.
"""

system = Table(
    "system",
    metadata,
    _key("id"),
    _at("at"),
    _text("kind"),
    _text("worker"),
    _text("asterisk"),
    _text("what"),
    _text("caller", personal=True),
    Index("system_by_time", "at"),
)
"""Events of the system. `what`: version, reason, result, or number called, whichever the kind has."""

DERIVED = tuple(
    table for table in metadata.sorted_tables if table not in (events, kept_aside, progress, quarters)
)
