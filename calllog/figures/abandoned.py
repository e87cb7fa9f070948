"""Each caller who gave up, and what is known of it: the list that stands before all rates."""

from collections.abc import Iterator

import msgspec
from sqlalchemy import Engine, select

from calllog.archive.schema import calls, waits
from calllog.figures.period import Period
from calllog.figures.read import in_span, streamed


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
    found = (
        select(*columns, calls.c.caller)
        .outerjoin_from(waits, calls, calls.c.call == waits.c.call)
        .where(in_span(waits.c.joined_at, period), waits.c["class"] == "B")
        .order_by(waits.c.joined_at, waits.c.call, waits.c.n)
    )
    if queue is not None:
        found = found.where(waits.c.queue == queue)
    with engine.connect() as connection:
        for row in streamed(connection, found):
            yield Abandoned(*row)
