"""The calls behind a figure: which they are, the first of them, and the command that lists all of them."""

from collections.abc import Iterable, Mapping, Sequence
from shlex import quote
from typing import Any, get_args

from sqlalchemy import ColumnElement, Engine, and_, func, or_, select, true

from calllog.archive.schema import calls, refusals, surveys, talks, waits
from calllog.figures.period import Period
from calllog.figures.thresholds import Thresholds
from calllog.report.model import Behind, Cell, Column, Table, Value
from calllog.report.show import period_options
from calllog.vocabulary import AbandonReason

SHOWN = 25
"""Calls that a figure opens at once; the command beside them lists all."""
RINGING = tuple(reason for reason in get_args(AbandonReason) if reason != "caller_hangup")

LEFT = {
    "offered": "joined",
    "answered": "answered",
    "late": "answered, but not in time",
    "abandoned": "abandoned",
    "short": "abandoned after a short while",
    "ringing": "abandoned while an agent rang",
    "flowed": "flowed out",
    "failed": "failed",
    "waiting": "still waiting",
}
"""How a wait ended, as figures count it: what `--left` takes, and what a list is called."""

BEHIND: Mapping[str, str] = {
    "offered": "offered",
    "answered": "answered",
    "abandoned": "abandoned",
    "short": "short",
    "flowed": "flowed",
    "failed": "failed",
    "waiting": "waiting",
    "abandon_rate": "abandoned",
    "abandon_rate_raw": "abandoned",
    "short_share": "short",
    "service_level": "late",
    "service_level_app_queue": "late",
    "service_level_app_queue_all": "late",
    "service_level_genesys": "late",
    "service_level_connect": "late",
    "sla_met": "late",
    "asa_ms": "answered",
    "wait_p50_ms": "answered",
    "wait_p90_ms": "answered",
    "wait_p95_ms": "answered",
    "wait_longest_ms": "answered",
    "abandon_mean_ms": "abandoned",
    "abandoned_ringing": "ringing",
}
"""Figure → the waits that it opens: of a share those that spoil it, of a time the longest first."""

WAITS = (
    Column(name="joined_at", title="Joined", kind="at"),
    Column(name="queue", title="Queue"),
    Column(name="caller", title="Caller", personal=True),
    Column(name="waited_ms", title="Waited", kind="ms"),
    Column(name="reason", title="Left"),
    Column(name="agent", title="Agent"),
    Column(name="call", title="Call"),
)


TALKS = (
    Column(name="bridged_at", title="Began", kind="at"),
    Column(name="agent", title="Agent"),
    Column(name="queue", title="Queue"),
    Column(name="caller", title="Caller", personal=True),
    Column(name="talk_ms", title="Talked", kind="ms", tone="answered"),
    Column(name="held_ms", title="On hold", kind="ms"),
    Column(name="call", title="Call"),
)
CALLS = (
    Column(name="arrived_at", title="Arrived", kind="at"),
    Column(name="caller", title="Caller", personal=True),
    Column(name="number", title="Called"),
    Column(name="verdict", title="Became"),
    Column(name="ended_by", title="Hung up", wide=True),
    Column(name="lifetime_ms", title="Lasted", kind="ms"),
    Column(name="flow_ms", title="In the flow", kind="ms", wide=True),
    Column(name="wait_ms", title="Waited", kind="ms"),
    Column(name="talk_ms", title="Talked", kind="ms", tone="answered"),
    Column(name="held_ms", title="On hold", kind="ms", wide=True),
    Column(name="campaign", title="Campaign", wide=True),
    Column(name="flow", title="Flow", wide=True),
    Column(name="version", title="Version", wide=True),
    Column(name="call", title="Call"),
)


def left_as(group: str, thresholds: Thresholds) -> ColumnElement[bool]:
    """The condition on `waits` for one of LEFT."""
    kind = waits.c["class"]
    match group:
        case "offered":
            return true()
        case "late":
            return and_(kind == "A", _beyond(thresholds))
        case "short":
            return and_(kind == "B", _below(thresholds))
        case "ringing":
            return and_(kind == "B", waits.c.reason.in_(RINGING))
        case "waiting":
            return kind == "W"
    return kind == {"answered": "A", "abandoned": "B", "flowed": "F", "failed": "X"}[group]


def within(period: Period) -> ColumnElement[bool]:
    """Waits that began in the period."""
    return and_(waits.c.joined_at >= period.from_at, waits.c.joined_at < period.to_at)


def left_word(reason: str) -> str:
    """Why somebody left a queue, as people say it."""
    words = {
        "": "still waiting",
        "caller_hangup": "hung up",
        "caller_hangup_ringing": "hung up while an agent rang",
        "caller_hangup_connecting": "hung up while being connected",
    }
    return words.get(reason, reason.replace("_", " "))


class Opener:
    """Collects what the figures of one report open. Nothing is asked for if nobody can open it."""

    def __init__(self, engine: Engine, period: Period, thresholds: Thresholds, *, wanted: bool) -> None:
        self._engine, self._period, self._thresholds = engine, period, thresholds
        self._wanted = wanted
        self.found: dict[str, Behind] = {}

    def of_figure(
        self, figure: str, total: Value, queue: str | None = None, span: Period | None = None
    ) -> str:
        """The key of the waits behind a figure of queues; `total`: how many they are (empty key: none)."""
        return self.waits(BEHIND[figure], total, queue, span) if figure in BEHIND else ""

    def waits(self, group: str, total: Value, queue: str | None = None, span: Period | None = None) -> str:
        """The key of the list of waits that ended like that."""
        if not self._wanted or not isinstance(total, int) or not total:
            return ""
        period = span or self._period
        where = [within(period), left_as(group, self._thresholds)]
        options = [period_options(period), "--left", group]
        if queue is not None:
            where.append(waits.c.queue == queue)
            options += ["--queue", quote(queue)]
        if group == "late" and not (total := self._count(where)):
            return ""
        key = f"w{len(self.found)}"
        rows = waits_where(self._engine, where, SHOWN, longest=group not in ("offered", "waiting"))
        table = Table(name="calls", title="", columns=WAITS, rows=rows)
        title = f"{queue + ': ' if queue else ''}{LEFT[group]}"
        command = f"holdfast report calls {' '.join(options)}"
        self.found[key] = Behind(title=title, table=table, total=max(total, len(rows)), command=command)
        return key

    def _count(self, where: Iterable[ColumnElement[bool]]) -> int:
        """How many waits these are, for what no figure counts."""
        (row,) = rows_of(self._engine, select(func.count().label("count")).select_from(waits).where(*where))
        return int(row["count"])

    def talks(self, total: Value, queue: str | None = None, agent: str | None = None) -> str:
        """The key of the list of talks that are over, the longest first."""
        if not self._wanted or not isinstance(total, int) or not total:
            return ""
        key = f"w{len(self.found)}"
        own = {"queue": queue, "agent": agent}
        given = {name: value for name, value in own.items() if value is not None}
        period, at = self._period, talks.c.bridged_at
        statement = (
            select(
                at,
                talks.c.agent,
                talks.c.queue,
                calls.c.caller,
                talks.c.talk_ms,
                talks.c.held_ms,
                talks.c.call,
            )
            .join(calls, calls.c.call == talks.c.call, isouter=True)
            .where(at >= period.from_at, at < period.to_at, talks.c.unbridged_at.is_not(None))
            .where(*(talks.c[name] == value for name, value in given.items()))
            .order_by((talks.c.talk_ms + talks.c.held_ms).desc(), at, talks.c.call)
            .limit(SHOWN)
        )
        whose = "".join(f"{value}: " for value in given.values())
        self.found[key] = Behind(
            title=f"{whose}talks",
            table=Table(
                name="talks", title="", columns=TALKS, rows=cells_of(rows_of(self._engine, statement))
            ),
            total=total,
            command=f"holdfast report calls {period_options(period)} --talked"
            + "".join(f" --{name} {quote(value)}" for name, value in given.items()),
        )
        return key

    def calls(self, verdict: str, total: Value, **own: str) -> str:
        """The key of the list of calls with that verdict (empty: any), of a number or flow."""
        if not self._wanted or not isinstance(total, int) or not total:
            return ""
        key = f"w{len(self.found)}"
        period, at = self._period, calls.c.arrived_at
        where = [
            at >= period.from_at,
            at < period.to_at,
            *(calls.c[name] == value for name, value in own.items()),
        ]
        if verdict:
            where.append(calls.c.verdict == verdict)
        rows = calls_where(self._engine, where, SHOWN)
        options = {"verdict": verdict, **own} if verdict else own
        whose = "".join(f"{value}: " for value in own.values())
        self.found[key] = Behind(
            title=f"{whose}{verdict.replace('_', ' ') or 'arrived'}",
            table=Table(name="calls", title="", columns=CALLS, rows=rows),
            total=max(total, len(rows)),
            command=f"holdfast report calls {period_options(period)}"
            + "".join(f" --{name} {quote(value)}" for name, value in options.items()),
        )
        return key

    def surveys(self, total: Value) -> str:
        """The key of the list of answers to surveys, the worst first."""
        if not self._wanted or not isinstance(total, int) or not total:
            return ""
        key = f"w{len(self.found)}"
        at = surveys.c.offered_at
        names = ("answered_at", "survey", "score", "highest", "queue", "agent", "call")
        statement = (
            select(*(surveys.c[name] for name in names))
            .where(at >= self._period.from_at, at < self._period.to_at, surveys.c.score.is_not(None))
            .order_by(surveys.c.score, at, surveys.c.call)
            .limit(SHOWN)
        )
        columns = (
            Column(name="answered_at", title="Answered", kind="at"),
            Column(name="survey", title="Survey"),
            Column(name="score", title="Answer", kind="count"),
            Column(name="highest", title="of", kind="count"),
            Column(name="queue", title="Queue"),
            Column(name="agent", title="Agent"),
            Column(name="call", title="Call"),
        )
        rows = cells_of(rows_of(self._engine, statement))
        self.found[key] = Behind(
            title="answers, the worst first",
            table=Table(name="answers", title="", columns=columns, rows=rows),
            total=max(total, len(rows)),
            command=f"holdfast report calls {period_options(self._period)} --surveyed",
        )
        return key

    def refusals(self, total: Value, queue: str | None = None) -> str:
        """The key of the list of callers whom the door of a queue did not let in."""
        if not self._wanted or not isinstance(total, int) or not total:
            return ""
        key = f"w{len(self.found)}"
        at = refusals.c.at
        where = [at >= self._period.from_at, at < self._period.to_at]
        if queue is not None:
            where.append(refusals.c.queue == queue)
        statement = (
            select(at, refusals.c.queue, calls.c.caller, refusals.c.reason, refusals.c.call)
            .join(calls, calls.c.call == refusals.c.call, isouter=True)
            .where(*where)
            .order_by(at)
            .limit(SHOWN)
        )
        columns = (
            Column(name="at", title="When", kind="at"),
            Column(name="queue", title="Queue"),
            Column(name="caller", title="Caller", personal=True),
            Column(name="reason", title="Why"),
            Column(name="call", title="Call"),
        )
        rows = cells_of(rows_of(self._engine, statement), {"reason": lambda text: text.replace("_", " ")})
        self.found[key] = Behind(
            title=f"{queue + ': ' if queue else ''}not let in",
            table=Table(name="refused", title="", columns=columns, rows=rows),
            total=total,
            command=f"holdfast report calls {period_options(self._period)} --refused"
            + (f" --queue {quote(queue)}" if queue is not None else ""),
        )
        return key


def waits_where(
    engine: Engine, where: Iterable[ColumnElement[bool]], limit: int | None, *, longest: bool = False
) -> tuple[tuple[Cell, ...], ...]:
    """Rows of WAITS for these conditions: the longest waits first, or as they came."""
    statement = (
        select(
            waits.c.joined_at,
            waits.c.queue,
            calls.c.caller,
            waits.c.waited_ms,
            waits.c.reason,
            waits.c.agent,
            waits.c.call,
        )
        .join(calls, calls.c.call == waits.c.call, isouter=True)
        .where(*where)
        .order_by(*([waits.c.waited_ms.desc()] if longest else []), waits.c.joined_at, waits.c.call)
        .limit(limit)
    )
    return cells_of(rows_of(engine, statement), {"reason": left_word})


def calls_where(
    engine: Engine, where: Iterable[ColumnElement[bool]], limit: int | None
) -> tuple[tuple[Cell, ...], ...]:
    """Rows of CALLS for these conditions, as they came."""
    statement = (
        select(*(calls.c[column.name] for column in CALLS))
        .where(*where)
        .order_by(calls.c.arrived_at, calls.c.call)
        .limit(limit)
    )
    words = {"verdict": lambda text: text.replace("_", " ") or "goes on", "ended_by": str}
    return cells_of(rows_of(engine, statement), words)


def rows_of(engine: Engine, statement: Any) -> list[dict[str, Any]]:
    """What a statement finds."""
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(statement)]


def cells_of(
    rows: Sequence[Mapping[str, Any]], words: Mapping[str, Any] | None = None
) -> tuple[tuple[Cell, ...], ...]:
    """Rows as cells; `words`: how a column's values are said."""
    said = words or {}
    return tuple(
        tuple(Cell(said[name](value) if name in said else value) for name, value in row.items())
        for row in rows
    )


def _below(thresholds: Thresholds) -> ColumnElement[bool]:
    own = [
        and_(waits.c.queue == queue, waits.c.waited_ms < thresholds.short_abandon_ms(queue))
        for queue in thresholds.queues
    ]
    usual = waits.c.waited_ms < thresholds.short_abandon_ms("")
    return or_(*own, and_(waits.c.queue.not_in(list(thresholds.queues)), usual))


def _beyond(thresholds: Thresholds) -> ColumnElement[bool]:
    own = [
        and_(waits.c.queue == queue, waits.c.waited_ms > thresholds.service_level_ms(queue))
        for queue in thresholds.queues
    ]
    usual = waits.c.waited_ms > thresholds.service_level_ms("")
    return or_(*own, and_(waits.c.queue.not_in(list(thresholds.queues)), usual))
