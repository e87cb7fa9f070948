"""When the rows of derived tables are; and which quarters of an hour of them are no longer what they were.

Whoever copies the archive by columns sees by the table `quarters` what has to be copied anew.
"""

import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, literal, select

from calllog.archive.schema import metadata, quarters
from calllog.facts_story import Row

QUARTER_MS = 900_000
"""Quarters are counted from the epoch on."""
INSTANT = {
    "calls": "arrived_at",
    "waits": "joined_at",
    "refusals": "at",
    "offers": "offered_at",
    "talks": "bridged_at",
    "holds": "started_at",
    "transfers": "at",
    "steps": "at",
    "overtakings": "at",
    "surveys": "offered_at",
    "sales": "made_at",
    "escalations": "at",
    "dispositions": "at",
    "agent_states": "from_at",
    "system": "at",
}
"""The column of each derived table that says when; a row without an instant is in no period."""


def quarters_of(name: str, rows: Iterable[Row]) -> set[int]:
    """The quarters in which rows of this table are."""
    column = INSTANT[name]
    instants = {row[column] for row in rows}
    instants.discard(None)
    return {at // QUARTER_MS for at in instants}


def marks(touched: Mapping[str, Iterable[int]]) -> list[dict[str, Any]]:
    """Rows of `quarters` that say: these quarters of these tables are no longer what they were."""
    mark, now = secrets.token_hex(6), int(time.time() * 1000)
    return [
        {"name": name, "quarter": quarter, "mark": mark, "touched_at": now}
        for name, written in touched.items()
        for quarter in written
    ]


def touch_all(connection: Connection) -> None:
    """Note anew which quarters have rows, and that none is what it was: after writing by another way."""
    connection.execute(delete(quarters))
    mark, now = secrets.token_hex(6), int(time.time() * 1000)
    for name, at in INSTANT.items():
        instant = metadata.tables[name].c[at]
        quarter = instant // QUARTER_MS
        found = (
            select(literal(name), quarter, literal(mark), literal(now)).where(instant.is_not(None)).distinct()
        )
        connection.execute(insert(quarters).from_select(list(quarters.c.keys()), found))
