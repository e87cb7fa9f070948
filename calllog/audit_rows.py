"""Are the derived tables of the archive what the raw events give? A part of the audit.

Rows are compared as calls end: what calllog.facts makes of a call's events with what stands in the tables, by
key and column. Of personal columns it is said that they differ, not how.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, exists, literal, or_, select

from calllog.archive import schema
from calllog.archive.instants import INSTANT
from calllog.call_events import AnyCallEvent
from calllog.events import AgentStateChanged, AnyEvent
from calllog.facts import CALL_TABLES, agent_facts, call_facts, other_facts
from calllog.grammar import Violation
from calllog.scope import EVERYTHING, Scope

Row = dict[str, Any]
Key = tuple[Any, ...]

BATCH = 300
"""Calls (or rows of agents and of the system) that are compared by one question to each table."""


class RowCheck:
    """Collects what the tables must hold, and asks them by the batch. `found` is told what differs."""

    def __init__(self, scope: Scope, found: Callable[[Violation], None]) -> None:
        self._scope, self._found = scope, found
        self._calls: dict[str, Mapping[str, list[Row]]] = {}
        self._rows: dict[str, list[Row]] = {}
        self._last: dict[str, AgentStateChanged] = {}
        """By agent: the change that began the interval he is in."""
        self._searched = False
        self.compared = 0
        """Rows that were compared."""

    @property
    def full(self) -> bool:
        """Whether there is enough to be asked."""
        return max(len(self._calls), *map(len, self._rows.values()), 0) >= BATCH

    def call(self, call: str, events: Sequence[AnyCallEvent]) -> None:
        """What has been archived of a call of the scope."""
        self._calls[call] = call_facts(sorted(events, key=lambda event: event.seq))

    def seed(self, event: AgentStateChanged) -> None:
        """An agent's last change before what is read."""
        self._last[event.agent] = event

    def event(self, event: AnyEvent) -> None:
        """The next archived event that is no call's."""
        if isinstance(event, AgentStateChanged):
            before = self._last.get(event.agent)
            if before is not None and self._touches(before.at, event.at):
                self._want("agent_states", agent_facts([before, event])[0])
            self._last[event.agent] = event
        elif self._scope.has(event):
            for table, rows in other_facts(event).items():
                for row in rows:
                    self._want(table, row)

    def flush(self, connection: Connection) -> None:
        """Compare what has been collected."""
        if self._calls:
            for name in CALL_TABLES:
                self._compare_calls(connection, schema.metadata.tables[name])
            self._calls = {}
        for name, rows in self._rows.items():
            self._compare_rows(connection, schema.metadata.tables[name], rows)
        self._rows = {}

    def finish(self, connection: Connection, *, to_the_end: bool) -> None:
        """Compare what is left, and look for rows without events. `to_the_end`: of the archive was read."""
        for event in self._last.values():
            (row,) = agent_facts([event])
            if self._touches(event.at, self._scope.to_at):
                if not to_the_end:
                    del row["to_at"]  # a change that was not read may have ended it
                self._want("agent_states", row)
        self.flush(connection)
        if not self._searched:
            for name in INSTANT:
                self._without_events(connection, schema.metadata.tables[name])
        self._searched = True

    def _touches(self, begin: int, end: int) -> bool:
        return begin < self._scope.to_at and end > self._scope.from_at

    def _want(self, table: str, row: Row) -> None:
        self._rows.setdefault(table, []).append(row)

    def _compare_calls(self, connection: Connection, table: Table) -> None:
        there = self._by_key(connection, table, table.c.call.in_(list(self._calls)))
        for facts in self._calls.values():
            for row in facts.get(table.name, []):
                self._compare(table, row, there.pop(_key(table, row), None))
        for row in there.values():
            self._differs(table, row, "is there, and the call's events give none")

    def _compare_rows(self, connection: Connection, table: Table, rows: list[Row]) -> None:
        keys = [column.name for column in table.primary_key]
        wanted = or_(*(and_(*(table.c[key] == row[key] for key in keys)) for row in rows))
        if len(keys) == 1:
            wanted = table.c[keys[0]].in_([row[keys[0]] for row in rows])
        there = self._by_key(connection, table, wanted)
        for row in rows:
            self._compare(table, row, there.get(_key(table, row)))

    @staticmethod
    def _by_key(connection: Connection, table: Table, wanted: Any) -> dict[Key, Row]:
        rows: Iterable[Any] = connection.execute(select(table).where(wanted)).mappings()
        return {_key(table, row): dict(row) for row in rows}

    def _compare(self, table: Table, due: Row, row: Row | None) -> None:
        self.compared += 1
        if row is None:
            self._differs(table, due, "is missing")
            return
        for name, value in due.items():
            if row[name] != value:
                said = f"{row[name]!r}, the events give {value!r}"
                personal = table.c[name].info.get("personal")
                what = "is not what the events give" if personal else f"is {said}"
                self._differs(table, due, f"{name} {what}")

    def _without_events(self, connection: Connection, table: Table) -> None:
        """Rows of the period whose call (or agent, or event) the archive has no event of."""
        events = schema.events.c
        if "call" in table.primary_key.columns:
            of_it = events.owner == table.c.call
        elif table is schema.agent_states:
            of_it = and_(events.owner == literal("agent:") + table.c.agent, events.seq == table.c.n)
        else:
            of_it = events.id == table.c.id
        time = table.c[INSTANT[table.name]]
        lies: ColumnElement[bool] = time.between(self._scope.from_at, self._scope.to_at - 1)
        if self._scope is EVERYTHING:
            lies = or_(lies, time.is_(None))
        alone = select(table).where(lies, ~exists().where(of_it))
        for row in connection.execute(alone).mappings():
            self._differs(table, dict(row), "is there, and no event gives it")

    def _differs(self, table: Table, row: Row, what: str) -> None:
        owner = row["call"] if "call" in table.primary_key.columns else row.get("id", "")
        if table is schema.agent_states:
            owner = f"agent {row['agent']}"
        number = f" {row['n']}" if "n" in row else f" {row['survey']}" if "survey" in row else ""
        at = row.get(INSTANT[table.name]) or 0
        self._found(Violation(str(owner), "derived", f"{table.name}{number}: {what}", at=at))


def _key(table: Table, row: Mapping[str, Any]) -> Key:
    return tuple(row[column.name] for column in table.primary_key)
