"""The tables of the archive. `events` and `kept_aside` are what has been written; all others are derived.

Instants (`_at`) are milliseconds since the epoch, durations (`_ms`) milliseconds. A derived row depends on
the events of its own call (or its own agent) alone, in the order of `seq`, and on nothing else: not on when
it was archived, not on other calls. So a rebuild gives the same rows. Personal data is in columns marked
`personal`.
"""

from sqlalchemy import (
    BigInteger,
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

from calllog.archive.kinds import at, count, flag, key, ms, text

metadata = MetaData()


events = Table(
    "events",
    metadata,
    Column("n", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    at("at"),
    text("kind"),
    text("owner"),
    count("seq"),
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
    text("position"),
    count("line"),
    Column("raw", LargeBinary, nullable=False, info={"personal": True}),
    text("reason"),
    at("at"),
)
"""Lines of the stream that are no events of this site, and why."""

progress = Table("progress", metadata, key("name"), text("value"))
"""How far the archive has read, by name; written with what was read."""

quarters = Table("quarters", metadata, key("name"), key("quarter", Integer), text("mark"), at("touched_at"))
"""What has been written of each derived table, by quarters of an hour: bookkeeping for copies of them.

`name`: the table; `quarter`: instants of its rows (calllog.archive.instants) / 900,000 ms; `mark`: another
one each time a row of that quarter has been written. A quarter that is not here has no rows.
"""

calls = Table(
    "calls",
    metadata,
    key("call"),
    at("arrived_at"),
    at("answered_at"),
    at("ended_at"),
    text("caller", personal=True),
    text("number"),
    text("campaign"),
    text("language"),
    text("topic"),
    text("asterisk"),
    text("journey"),
    text("flow"),
    text("version"),
    text("verdict"),
    text("reason"),
    text("ended_by"),
    text("queue"),
    text("agent"),
    count("cause"),
    ms("lifetime_ms"),
    ms("flow_ms"),
    ms("wait_ms"),
    ms("held_ms"),
    ms("talk_ms"),
    flag("served"),
    flag("hold_abandon"),
    flag("inferred"),
    Index("calls_by_time", "arrived_at"),
    Index("calls_of_caller", "caller", "arrived_at"),
)
"""One row for each call. `ended_at` NULL: it goes on. `flow`, `version`: of its first step.

`campaign`, `topic`: as tagged last. `queue`, `agent`: of its last talk that is over. `served`: the flow has
given him what he came for (he left a message, was connected outside, accepted an offer or answered a
survey). `hold_abandon`: he hung up while on hold after an answer. `inferred`: at least one of its events was
worked out after a fault.
"""

waits = Table(
    "waits",
    metadata,
    key("call"),
    key("n", Integer),
    text("queue"),
    at("joined_at"),
    at("left_at"),
    at("bridged_at"),
    text("reason"),
    text("class"),
    ms("waited_ms"),
    text("agent"),
    count("position_first"),
    count("position_last"),
    Column("head_start_s", Float, nullable=False, server_default="0"),
    text("needs"),
    flag("escalated"),
    text("last_heard"),
    count("told_position"),
    Column("told_wait_s", Float),
    count("rung"),
    text("ringing"),
    text("campaign"),
    text("flow"),
    text("version"),
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
    key("call"),
    key("n", Integer),
    at("at"),
    text("queue"),
    text("reason"),
    text("campaign"),
    Index("refusals_by_time", "at"),
)
"""Callers whom the door of a queue did not let in."""

offers = Table(
    "offers",
    metadata,
    key("call"),
    key("n", Integer),
    text("queue"),
    text("agent"),
    count("attempt"),
    text("why"),
    at("offered_at"),
    at("closed_at"),
    text("result"),
    ms("ring_ms"),
    Index("offers_by_time", "offered_at"),
)
"""Each agent who was rung. `result`: `bridged`, `consulted`, the reason of `declined`, or empty while he is
rung.

`ring_ms` of those who took the call: until then.
"""

talks = Table(
    "talks",
    metadata,
    key("call"),
    key("n", Integer),
    text("queue"),
    text("agent"),
    at("bridged_at"),
    at("unbridged_at"),
    ms("talk_ms"),
    ms("held_ms"),
    text("ended_by"),
    text("transferred"),
    flag("given"),
    flag("last"),
    flag("only"),
    text("campaign"),
    text("flow"),
    text("version"),
    Index("talks_by_time", "bridged_at"),
)
"""Each talk of a caller with an agent (a leg). `queue`: the one from which it came, also after hand-overs.

`transferred`: `blind` or `attended` if this agent gave the caller away. `given`: it began with a hand-over
by another agent, not with an answered offer. `last`: of the talks of this agent with this caller in this
call it is the last one that is over. `only`: it is the only one of the call that is over.
"""

holds = Table(
    "holds",
    metadata,
    key("call"),
    key("n", Integer),
    text("by"),
    text("queue"),
    text("agent"),
    at("started_at"),
    at("ended_at"),
    ms("held_ms"),
    Index("holds_by_time", "started_at"),
)
"""Each hold: by the `queue` (its music), an `agent` or the `caller`; in which queue's wait, or which agent's
talk.
"""

transfers = Table(
    "transfers",
    metadata,
    key("call"),
    key("n", Integer),
    at("at"),
    text("how"),
    text("by"),
    text("agent"),
    text("to", personal=True),
    text("to_agent"),
    text("to_queue"),
    text("failed"),
    Index("transfers_by_time", "at"),
)
"""Each `transferred`; `by`: `flow`, or `agent`, who is `agent` then. `failed`: the reason of the
`transfer_failed` that follows it before another one.
"""

steps = Table(
    "steps",
    metadata,
    key("call"),
    key("n", Integer),
    at("at"),
    text("flow"),
    text("version"),
    text("path"),
    text("outcome"),
    ms("took_ms"),
    text("next"),
    flag("dropped"),
    text("entry"),
    Index("steps_by_time", "at"),
)
"""Each step of a flow that is over, without the values it has set.

`next`: path of the call's following step; empty: it has none yet. `dropped`: it was the last one of a call
whose verdict is `ivr_exit`. `entry`: the flow of the call's first step.
"""

overtakings = Table(
    "overtakings",
    metadata,
    key("call"),
    key("n", Integer),
    at("at"),
    text("queue"),
    text("by_call"),
    text("reason"),
    Column("head_start_s", Float, nullable=False, server_default="0"),
    Index("overtakings_by_time", "at"),
)
"""Each time somebody who had joined later was connected while this caller waited on."""

surveys = Table(
    "surveys",
    metadata,
    key("call"),
    key("survey"),
    text("path"),
    at("offered_at"),
    at("answered_at"),
    Column("score", SmallInteger),
    Column("lowest", SmallInteger),
    Column("highest", SmallInteger),
    text("queue"),
    text("agent"),
    Index("surveys_by_time", "offered_at"),
)
"""One row for each survey put to a call: asked again it counts once; of several answers the last counts.

`queue`, `agent`: of the call's last talk before the question.
"""

sales = Table(
    "sales",
    metadata,
    key("call"),
    key("n", Integer),
    text("path"),
    text("offer"),
    at("made_at"),
    at("accepted_at"),
    ms("took_ms"),
    text("queue"),
    Index("sales_by_time", "made_at"),
)
"""Each thing offered for sale. `took_ms`: what the step that offered it has cost the caller, 0 if it did not
end.
"""

escalations = Table(
    "escalations",
    metadata,
    key("call"),
    key("n", Integer),
    at("at"),
    text("path"),
    text("queue"),
    text("from_queue"),
    text("reason"),
    Index("escalations_by_time", "at"),
)
"""Each `escalated`: to which queue, and from which the caller had come last (empty: from none)."""

dispositions = Table(
    "dispositions",
    metadata,
    key("id"),
    at("at"),
    text("agent"),
    text("call"),
    text("queue"),
    text("code"),
    Index("dispositions_of_call", "call"),
    Index("dispositions_by_time", "at"),
)
"""What agents said their talks were about. Of several of one agent about one call the last counts."""

agent_states = Table(
    "agent_states",
    metadata,
    key("agent"),
    key("n", Integer),
    text("state"),
    text("reason"),
    text("queue"),
    text("call"),
    text("by"),
    at("from_at"),
    at("to_at"),
    Index("agent_states_by_time", "from_at"),
    Index("agent_states_of_agent", "agent", "from_at"),
)
"""Intervals of agents' states: they tile his days from his first event on. `to_at` NULL: he is in it now.

`n`: the number of the event that began it.
"""

system = Table(
    "system",
    metadata,
    key("id"),
    at("at"),
    text("kind"),
    text("worker"),
    text("asterisk"),
    text("what"),
    text("caller", personal=True),
    Index("system_by_time", "at"),
)
"""Events of the system. `what`: version, reason, result, or number called, whichever the kind has."""

DERIVED = tuple(
    table for table in metadata.sorted_tables if table not in (events, kept_aside, progress, quarters)
)
