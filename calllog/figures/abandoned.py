"""Each caller who gave up, and what is known of it: the list that stands before all rates."""

from collections.abc import Iterator
from typing import get_args

import msgspec
from sqlalchemy import Engine, and_, select

from calllog.archive.schema import calls, waits
from calllog.figures.period import Period
from calllog.figures.read import fine_spans, in_span, key_table, keys_of, streamed
from calllog.vocabulary import AbandonReason

REASONS: frozenset[str] = frozenset(get_args(AbandonReason))


class Abandoned(msgspec.Struct, frozen=True):
    """A wait that ended with the caller hanging up."""

    call: str
    n: int
    joined_at: int
    queue: str
    reason: str
    waited_ms: int
    position_first: int
    position_last: int
    last_heard: str
    """The last announcement in this wait; if there was none, the last step before it."""
    told_position: int
    """The place he was told last; 0: none."""
    told_wait_s: float | None
    """The wait he was told last, to be compared with `waited_ms`."""
    rung: int
    """How many agents were rung in vain."""
    ringing: str
    """Who was being rung when he hung up."""
    campaign: str
    flow: str
    version: str
    caller: str | None
    """Personal. None: the call is not in the archive."""


def abandoned_waits(engine: Engine, period: Period, *, queue: str | None = None) -> Iterator[Abandoned]:
    """Everybody who joined in the period (one `queue`, if given) and gave up, in the order of joining."""
    columns = [waits.c[name] for name in Abandoned.__struct_fields__ if name != "caller"]
    with engine.connect() as connection:
        keys = [
            key
            for key in keys_of(connection, waits.c.queue, waits.c.reason)
            if key[1] in REASONS and queue in (None, key[0])
        ]
        if not keys:
            return
        key = key_table("keys", ("queue", "reason"), keys)
        found = (
            select(*columns, calls.c.caller)
            .select_from(key)
            .join(waits, and_(waits.c.queue == key.c.queue, waits.c.reason == key.c.reason))
            .outerjoin(calls, calls.c.call == waits.c.call)
            .order_by(waits.c.joined_at, waits.c.call, waits.c.n)
        )
        for span in fine_spans(connection, waits.c.joined_at, period, ()):
            for row in streamed(connection, found.where(in_span(waits.c.joined_at, span))):
                yield Abandoned(*row)
