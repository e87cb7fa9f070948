"""The tables of the first archive."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "agent_states",
        sa.Column("agent", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("queue", sa.Text(), server_default="", nullable=False),
        sa.Column("call", sa.Text(), server_default="", nullable=False),
        sa.Column("by", sa.Text(), server_default="", nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=True),
        sa.Column("to_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("agent", "n"),
    )
    op.create_index("agent_states_by_time", "agent_states", ["from_at"], unique=False)
    op.create_index("agent_states_of_agent", "agent_states", ["agent", "from_at"], unique=False)
    op.create_table(
        "calls",
        sa.Column("call", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("arrived_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("caller", sa.Text(), server_default="", nullable=False),
        sa.Column("number", sa.Text(), server_default="", nullable=False),
        sa.Column("campaign", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("topic", sa.Text(), server_default="", nullable=False),
        sa.Column("asterisk", sa.Text(), server_default="", nullable=False),
        sa.Column("journey", sa.Text(), server_default="", nullable=False),
        sa.Column("flow", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("verdict", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("ended_by", sa.Text(), server_default="", nullable=False),
        sa.Column("queue", sa.Text(), server_default="", nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("cause", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lifetime_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("flow_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("wait_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("talk_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("served", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("hold_abandon", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("inferred", sa.Boolean(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("call"),
    )
    op.create_index("calls_by_time", "calls", ["arrived_at"], unique=False)
    op.create_index("calls_of_caller", "calls", ["caller", "arrived_at"], unique=False)
    op.create_table(
        "dispositions",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("call", sa.Text(), server_default="", nullable=False),
        sa.Column("queue", sa.Text(), server_default="", nullable=False),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("dispositions_by_time", "dispositions", ["at"], unique=False)
    op.create_index("dispositions_of_call", "dispositions", ["call"], unique=False)
    op.create_table(
        "escalations",
        sa.Column("call", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("path", sa.Text(), server_default="", nullable=False),
        sa.Column("queue", sa.Text(), server_default="", nullable=False),
        sa.Column("from_queue", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("call", "n"),
    )
    op.create_index("escalations_by_time", "escalations", ["at"], unique=False)
    op.create_table(
        "events",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("events_by_time", "events", ["at"], unique=False)
    op.create_index("events_of_owner", "events", ["owner", "seq"], unique=False)
    op.create_table(
        "holds",
        sa.Column("call", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("by", sa.Text(), server_default="", nullable=False),
        sa.Column("queue", sa.Text(), server_default="", nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("held_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("call", "n"),
    )
    op.create_index("holds_by_time", "holds", ["started_at"], unique=False)
    op.create_table(
        "kept_aside",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Text(), server_default="", nullable=False),
        sa.Column("line", sa.Integer(), server_default="0", nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("n"),
    )
    op.create_table(
        "offers",
        sa.Column("call", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("queue", sa.Text(), server_default="", nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("offered_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.Text(), server_default="", nullable=False),
        sa.Column("ring_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("call", "n"),
    )
    op.create_index("offers_by_time", "offers", ["offered_at"], unique=False)
    op.create_table(
        "overtakings",
        sa.Column("call", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("queue", sa.Text(), server_default="", nullable=False),
        sa.Column("by_call", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("head_start_s", sa.Float(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("call", "n"),
    )
    op.create_index("overtakings_by_time", "overtakings", ["at"], unique=False)
    op.create_table(
        "progress",
        sa.Column("name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "quarters",
        sa.Column("name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("quarter", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mark", sa.Text(), server_default="", nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", "quarter"),
    )
    op.create_table(
        "refusals",
        sa.Column("call", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("queue", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("campaign", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("call", "n"),
    )
    op.create_index("refusals_by_time", "refusals", ["at"], unique=False)
    op.create_table(
        "sales",
        sa.Column("call", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), server_default="", nullable=False),
        sa.Column("offer", sa.Text(), server_default="", nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("took_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("queue", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("call", "n"),
    )
    op.create_index("sales_by_time", "sales", ["made_at"], unique=False)
    op.create_table(
        "steps",
        sa.Column("call", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("flow", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("path", sa.Text(), server_default="", nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("took_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next", sa.Text(), server_default="", nullable=False),
        sa.Column("dropped", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("entry", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("call", "n"),
    )
    op.create_index("steps_by_time", "steps", ["at"], unique=False)
    op.create_table(
        "surveys",
        sa.Column("call", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("survey", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), server_default="", nullable=False),
        sa.Column("offered_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("score", sa.SmallInteger(), nullable=True),
        sa.Column("lowest", sa.SmallInteger(), nullable=True),
        sa.Column("highest", sa.SmallInteger(), nullable=True),
        sa.Column("queue", sa.Text(), server_default="", nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("call", "survey"),
    )
    op.create_index("surveys_by_time", "surveys", ["offered_at"], unique=False)
    op.create_table(
        "system",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("worker", sa.Text(), server_default="", nullable=False),
        sa.Column("asterisk", sa.Text(), server_default="", nullable=False),
        sa.Column("what", sa.Text(), server_default="", nullable=False),
        sa.Column("caller", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("system_by_time", "system", ["at"], unique=False)
    op.create_table(
        "talks",
        sa.Column("call", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("queue", sa.Text(), server_default="", nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("bridged_at", sa.BigInteger(), nullable=True),
        sa.Column("unbridged_at", sa.BigInteger(), nullable=True),
        sa.Column("talk_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ended_by", sa.Text(), server_default="", nullable=False),
        sa.Column("transferred", sa.Text(), server_default="", nullable=False),
        sa.Column("given", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("last", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("only", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("campaign", sa.Text(), server_default="", nullable=False),
        sa.Column("flow", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("call", "n"),
    )
    op.create_index("talks_by_time", "talks", ["bridged_at"], unique=False)
    op.create_table(
        "transfers",
        sa.Column("call", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("how", sa.Text(), server_default="", nullable=False),
        sa.Column("by", sa.Text(), server_default="", nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("to", sa.Text(), server_default="", nullable=False),
        sa.Column("to_agent", sa.Text(), server_default="", nullable=False),
        sa.Column("to_queue", sa.Text(), server_default="", nullable=False),
        sa.Column("failed", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("call", "n"),
    )
    op.create_index("transfers_by_time", "transfers", ["at"], unique=False)
    op.create_table(
        "waits",
        sa.Column("call", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("queue", sa.Text(), server_default="", nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=True),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
        sa.Column("bridged_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("class", sa.Text(), server_default="", nullable=False),
        sa.Column("waited_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("position_first", sa.Integer(), server_default="0", nullable=False),
        sa.Column("position_last", sa.Integer(), server_default="0", nullable=False),
        sa.Column("head_start_s", sa.Float(), server_default="0", nullable=False),
        sa.Column("needs", sa.Text(), server_default="", nullable=False),
        sa.Column("escalated", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("last_heard", sa.Text(), server_default="", nullable=False),
        sa.Column("told_position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("told_wait_s", sa.Float(), nullable=True),
        sa.Column("rung", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ringing", sa.Text(), server_default="", nullable=False),
        sa.Column("campaign", sa.Text(), server_default="", nullable=False),
        sa.Column("flow", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("call", "n"),
    )
    op.create_index("waits_by_end", "waits", ["left_at", "joined_at", "call"], unique=False)
    op.create_index("waits_by_time", "waits", ["joined_at"], unique=False)
