"""What the wallboard shows, line by line, for any width: columns, colours, order, filter. Pure: no terminal.

Colours mean something, and never alone: a word or a number says the same.
    green   free, in time          yellow  soon too late, writing notes     red  too late, not to be reached
    cyan    being rung             magenta pausing                          dim  not there, nothing
"""

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from rich.text import Text

from calllog.printable import printable
from ivr.api.models import Agent, Alarm, Queue

NOTHING = "·"
BARS = " ▁▂▃▄▅▆▇█"
GOOD_SHARE, BAD_SHARE = 0.8, 0.6
"""Service level from which it is green, and below which it is red."""
SOME_LOST, MANY_LOST = 0.05, 0.1
STYLES = {
    "ready": "green",
    "offered": "cyan",
    "connecting": "cyan",
    "talking": "bold",
    "busy_private": "bold",
    "wrapup": "yellow",
    "paused": "magenta",
    "unreachable": "red",
    "offline": "bright_black",
}
STATES = {
    "ready": "free",
    "offered": "rung",
    "connecting": "connecting",
    "busy_private": "other call",
    "wrapup": "wrap-up",
}
"""Words for states, where the log's own are not what people say."""
FIRST = (
    "talking",
    "busy_private",
    "connecting",
    "offered",
    "wrapup",
    "ready",
    "paused",
    "unreachable",
    "offline",
)
"""Order of agents by state."""

Thing = TypeVar("Thing", Queue, Agent)
Key = str | float


class Column(NamedTuple, Generic[Thing]):
    """A column. `from_width`: of the terminal, from which on it is there; `wide`: takes what is left."""

    title: str
    width: int
    cell: Callable[[Thing, int], Text]
    key: Callable[[Thing, int], Key]
    """By it rows are sorted, the greatest first; of texts the least."""
    from_width: int = 0
    wide: bool = False
    right: bool = True


def clock(ms: int) -> str:
    """A duration as on a watch: 0:07, 12:34, 1:02:03, 4 d 03 h."""
    seconds = max(0, ms) // 1000
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02}"
    if seconds < 100 * 3600:
        return f"{seconds // 3600}:{seconds % 3600 // 60:02}:{seconds % 60:02}"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600:02} h"


def spark(values: Sequence[int], width: int) -> str:
    """The last values as bars; the highest of them is a full one."""
    shown = list(values)[-width:]
    most = max(shown, default=0)
    bars = "".join(BARS[-(-value * 8 // most)] if most else BARS[0] for value in shown)
    return bars.rjust(width)


# Queues


def waited_ms(queue: Queue, now: int) -> int:
    """How long who waits longest has waited; 0: nobody waits."""
    return max(0, now - queue.oldest_joined_at) if queue.oldest_joined_at else 0


def _waiting(queue: Queue, now: int) -> Text:
    return Text(str(queue.waiting) if queue.waiting else NOTHING, _lateness(queue, now))


def _longest(queue: Queue, now: int) -> Text:
    return Text(clock(waited_ms(queue, now)) if queue.waiting else "", _lateness(queue, now))


def _lateness(queue: Queue, now: int) -> str:
    if not queue.waiting:
        return "bright_black"
    share = waited_ms(queue, now) / 1000 / queue.service_level_s if queue.service_level_s else 2.0
    return "bold red" if share > 1 else "yellow" if share > 0.5 else "green"


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{100 * value:.0f} %"


def _level(queue: Queue, _: int) -> Text:
    value = queue.today.service_level
    if value is None:
        return Text(NOTHING, "bright_black")
    return Text(_share(value), "green" if value >= GOOD_SHARE else "red" if value < BAD_SHARE else "yellow")


def _lost(queue: Queue, _: int) -> Text:
    lost = queue.today.abandoned - queue.today.short
    rate = queue.today.abandon_rate or 0
    return Text(
        str(lost) if lost else NOTHING, "red" if rate > MANY_LOST else "yellow" if rate > SOME_LOST else ""
    )


def _staff(name: str, style: str = "") -> Callable[[Queue, int], Text]:
    def cell(queue: Queue, _: int) -> Text:
        count = getattr(queue.staff, name)
        if name == "ready" and not count and queue.waiting:
            return Text("0", "bold red")
        return Text(str(count) if count else NOTHING, style if count else "bright_black")

    return cell


def _of_staff(name: str) -> Callable[[Queue, int], Key]:
    return lambda queue, _: getattr(queue.staff, name)


def _today(name: str) -> Callable[[Queue, int], Text]:
    def cell(queue: Queue, _: int) -> Text:
        value = getattr(queue.today, name)
        if not value:
            return Text(NOTHING, "bright_black")
        return Text(clock(value) if name.endswith("_ms") else str(value))

    return cell


def _of_today(name: str) -> Callable[[Queue, int], Key]:
    return lambda queue, _: getattr(queue.today, name) or 0


QUEUES: tuple[Column[Queue], ...] = (
    Column(
        "queue",
        12,
        lambda q, _: Text(printable(q.title)),
        lambda q, _: q.title.lower(),
        wide=True,
        right=False,
    ),
    Column("wait", 4, _waiting, lambda q, _: q.waiting),
    Column("longest", 8, _longest, waited_ms),
    Column("30 min", 9, lambda q, _: Text(spark(q.curve, 9), "blue"), lambda q, _: max(q.curve, default=0)),
    Column("free", 4, _staff("ready", "green"), _of_staff("ready")),
    Column("rung", 4, _staff("ringing", "cyan"), _of_staff("ringing"), 90),
    Column("talk", 4, _staff("talking", "bold"), _of_staff("talking")),
    Column("wrap", 4, _staff("wrapup", "yellow"), _of_staff("wrapup")),
    Column("paus", 4, _staff("paused", "magenta"), _of_staff("paused")),
    Column("off", 4, _staff("offline", "bright_black"), _of_staff("offline"), 100),
    Column(
        "in time", 7, _level, lambda q, _: -1 if q.today.service_level is None else -q.today.service_level
    ),
    Column("lost", 5, _lost, lambda q, _: q.today.abandoned - q.today.short),
    Column("lost %", 6, lambda q, _: Text(_share(q.today.abandon_rate)), _of_today("abandon_rate"), 110),
    Column("offered", 7, _today("offered"), _of_today("offered"), 110),
    Column("answered", 8, _today("answered"), _of_today("answered"), 120),
    Column("mean", 6, _today("asa_ms"), _of_today("asa_ms"), 130),
    Column("refused", 7, _today("refused"), _of_today("refused"), 140),
)


# Agents


def in_state_ms(agent: Agent, now: int) -> int:
    """How long he is in his state."""
    return max(0, now - agent.since_at)


def _state(agent: Agent, _: int) -> Text:
    word = STATES.get(agent.state, agent.state)
    if agent.reason and agent.state in ("paused", "unreachable", "offline"):
        word += f" ({printable(agent.reason, 20)})"
    return Text(word, STYLES[agent.state])


def _after(agent: Agent, _: int) -> Text:
    state, reason = agent.wish.partition(":")[::2]
    word = f"then {state}" + (f" ({printable(reason, 20)})" if reason else "")
    return Text(word if state else "", "magenta")


AGENTS: tuple[Column[Agent], ...] = (
    Column(
        "agent", 16, lambda a, _: Text(printable(a.name)), lambda a, _: a.name.lower(), wide=True, right=False
    ),
    Column("state", 20, _state, lambda a, _: -FIRST.index(a.state), right=False),
    Column("for", 9, lambda a, now: Text(clock(in_state_ms(a, now)), STYLES[a.state]), in_state_ms),
    Column(
        "queues", 22, lambda a, _: Text(", ".join(a.queues)), lambda a, _: ",".join(a.queues), right=False
    ),
    Column("calls", 6, lambda a, _: Text(str(a.calls)), lambda a, _: a.calls, 90),
    Column("after his call", 20, _after, lambda a, _: a.wish, 120, right=False),
    Column("device", 16, lambda a, _: Text(a.device), lambda a, _: a.device, 140, right=False),
    Column("call", 24, lambda a, _: Text(printable(a.call, 24)), lambda a, _: a.call, 170, right=False),
)


class Order(NamedTuple):
    """How rows are sorted: by the column of that number, and whether the other way round."""

    column: int
    other_way: bool = False


class Table(Generic[Thing]):
    """Columns that fit a width, and lines of them."""

    def __init__(self, every: Sequence[Column[Thing]], width: int) -> None:
        """Those of `every` column that there is room for."""
        self.every: Sequence[Column[Thing]] = every
        self.columns: list[Column[Thing]] = [column for column in every if column.from_width <= width]
        fixed = sum(column.width for column in self.columns) + 2 * (len(self.columns) - 1)
        self._more: int = max(0, min(width - fixed, 26))

    def head(self, order: Order) -> Text:
        """The titles; the one that is sorted by has an arrow."""
        sorted_by = self.every[order.column]
        arrow = "▲" if order.other_way else "▼"

        def title(column: Column[Thing]) -> Text:
            if column is not sorted_by:
                return Text(column.title, "dim")
            return Text(column.title[: column.width - 1] + arrow, "bold")

        return self._joined([title(column) for column in self.columns])

    def line(self, thing: Thing, now: int) -> Text:
        """One row."""
        return self._joined([column.cell(thing, now) for column in self.columns])

    def _joined(self, cells: Sequence[Text]) -> Text:
        line = Text(no_wrap=True, end="")
        for column, cell in zip(self.columns, cells, strict=True):
            width = column.width + (self._more if column.wide else 0)
            cell.truncate(width, overflow="ellipsis")
            space = " " * (width - cell.cell_len)
            line += Text("  " if line.plain else "")
            line += Text(space) + cell if column.right else cell + Text(space)
        return line


def ordered(
    things: Sequence[Thing], columns: Sequence[Column[Thing]], order: Order, now: int, wanted: str = ""
) -> list[Thing]:
    """Sorted, those that have the `wanted` text somewhere; of equals by name."""
    column = columns[order.column]
    found: list[Thing] = list(things)
    if wanted:
        found = [thing for thing in things if wanted.lower() in _words(thing, now)]
    found.sort(key=_name)
    texts = any(isinstance(column.key(thing, now), str) for thing in found[:1])
    found.sort(key=lambda thing: column.key(thing, now), reverse=texts == order.other_way)
    return found


def _name(thing: Queue | Agent) -> str:
    return thing.title.lower() if isinstance(thing, Queue) else thing.name.lower()


def _words(thing: Queue | Agent, now: int) -> str:
    if isinstance(thing, Queue):
        return f"{thing.queue} {thing.title}".lower()
    words = (thing.agent, thing.name, _state(thing, now).plain, *thing.queues, thing.device)
    return " ".join(words).lower()


# Above the tables


def summary(queues: Sequence[Queue], agents: Sequence[Agent], now: int) -> Text:
    """How it is, in one line."""
    waiting = sum(queue.waiting for queue in queues)
    longest = max((waited_ms(queue, now) for queue in queues), default=0)
    states = [agent.state for agent in agents]
    free, talking = states.count("ready"), states.count("talking")
    line = Text("Holdfast", "bold", no_wrap=True, end="")
    line += Text(f"   {waiting} waiting", "bold" if waiting else "")
    if waiting:
        line += Text(f", the longest {clock(longest)}")
    line += Text(f"   {free} free", "green") + Text(f"   {talking} talking")
    return line


def notes(alarms: Sequence[Alarm], problem: str, away_ms: int, at: str, today_complete: bool) -> list[Text]:
    """What somebody has to know, a line each. `problem`: why nothing comes; for so long; `at`: since when."""
    found = []
    if problem:
        old = f"; what you see is of {at}" if at else ""
        found.append(Text(f" waiting for {clock(away_ms)}: {problem}{old} ", "bold white on red"))
    else:
        found += [Text(f" {alarm.problem}; {alarm.mend} ", "bold white on red") for alarm in alarms]
    if not problem and not today_complete:
        found.append(Text(" today's figures are still being read from the log ", "black on yellow"))
    return found


def at_work(agents: Sequence[Agent], everybody: bool) -> list[Agent]:
    """Those who are there; on demand also those who are offline."""
    return [agent for agent in agents if everybody or agent.state != "offline"]
