"""The wallboard as it stays open: two tables, and only the lines that can be seen are made."""

import time
from datetime import datetime
from typing import ClassVar, Generic

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Footer, Input, Static

from ivr.api.models import Agent, Queue
from ivr.top.rows import AGENTS, QUEUES, Column, Order, Table, Thing, at_work, notes, ordered, summary
from ivr.top.source import Source

TICK_S = 0.5
"""Clocks on the screen go on so often, also if nothing is told."""


class Lines(ScrollView, Generic[Thing], can_focus=True):
    """The rows of a table."""

    DEFAULT_CSS = "Lines { height: 1fr; overflow-x: hidden; }"

    def __init__(self, columns: tuple[Column[Thing], ...], order: Order, id: str) -> None:  # noqa: A002  (textual's name for it)
        super().__init__(id=id)
        self._columns: tuple[Column[Thing], ...] = columns
        self.order = order
        self._things: list[Thing] = []
        self._now = 0
        self._table: Table[Thing] = Table(columns, 80)

    def show(self, things: list[Thing], now: int, wanted: str) -> Text:
        """Show these from now on; the line with the titles."""
        self._now = now
        self._table = Table(self._columns, self.scrollable_content_region.width or 80)
        self._things = ordered(things, self._columns, self.order, now, wanted)
        if not self._things and self.id == "queues":  # the filter is about agents
            self._things = ordered(things, self._columns, self.order, now)
        self.virtual_size = Size(self.size.width, len(self._things))
        self.refresh()
        return self._table.head(self.order)

    def sort_by_next(self) -> None:
        """By the column to the right of the present one, of those that can be seen."""
        seen = [number for number, column in enumerate(self._columns) if column in self._table.columns]
        later = [number for number in seen if number > self.order.column]
        self.order = Order(later[0] if later else seen[0])

    def turn_round(self) -> None:
        self.order = Order(self.order.column, not self.order.other_way)

    def render_line(self, y: int) -> Strip:
        row = y + self.scroll_offset.y
        width = self.size.width
        if row >= len(self._things):
            return Strip.blank(width, self.rich_style)
        text = self._table.line(self._things[row], self._now)
        segments = text.render(self.app.console)
        return Strip(segments).adjust_cell_length(width, self.rich_style).apply_style(self.rich_style)


class Wallboard(App[None]):
    """What `holdfast top` shows."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "holdfast top"
    CSS = """
    Screen { background: ansi_default; color: ansi_default; }
    Static { height: auto; }
    #summary { height: 1; }
    #titles-queues, #titles-agents { height: 1; background: $panel; }
    #above { height: auto; max-height: 50%; }
    #queues { height: auto; max-height: 100%; scrollbar-size-vertical: 1; }
    #agents { scrollbar-size-vertical: 1; }
    Lines:focus { background: ansi_default; }
    #filter { display: none; height: 1; border: none; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit"),
        Binding("tab", "other", "other table", priority=True),
        Binding("s", "sort", "sort by next"),
        Binding("r", "reverse", "other way"),
        # Before any table has it: over a slow line the letters come together with it, and are no commands.
        Binding("slash", "filter", "filter", key_display="/", priority=True),
        Binding("o", "offline", "offline"),
        Binding("escape", "all", "show all", show=False, priority=True),
    ]

    def __init__(self, source: Source) -> None:
        super().__init__(ansi_color=True)
        self._source = source
        self._everybody = False
        self._wanted = ""
        self._queues: Lines[Queue] = Lines(QUEUES, Order(2), "queues")
        self._agents: Lines[Agent] = Lines(AGENTS, Order(1), "agents")

    def compose(self) -> ComposeResult:
        yield Static(id="summary")
        yield Static(id="notes")
        yield Static(id="titles-queues")
        with Vertical(id="above"):
            yield self._queues
        yield Static(id="titles-agents")
        yield self._agents
        yield Input(placeholder="name, state or queue; Escape shows all", id="filter")
        yield Footer()

    def on_mount(self) -> None:
        self._queues.focus()
        self.run_worker(self._source.run(self.show))
        self.set_interval(TICK_S, self.show)

    def on_resize(self) -> None:
        self.call_after_refresh(self.show)

    def show(self) -> None:
        """Everything as it is now."""
        state = self._source.state
        now, queues, agents = state.now, [*state.queues.values()], [*state.agents.values()]
        line = summary(queues, agents, now)
        line += Text(f"   {_time(now)}" if now else "", "dim")
        self.query_one("#summary", Static).update(line)
        away_ms = int((time.monotonic() - state.since) * 1000)
        told = notes(state.alarms, state.problem, away_ms, _time(state.at), state.today_complete)
        self.query_one("#notes", Static).update(Text("\n").join(told))
        self.query_one("#notes").display = bool(told)
        titles = self._queues.show(queues, now, self._wanted)
        self.query_one("#titles-queues", Static).update(titles)
        people = at_work(agents, self._everybody or bool(self._wanted))
        titles = self._agents.show(people, now, self._wanted)
        self.query_one("#titles-agents", Static).update(titles)

    # Keys

    def _present(self) -> "Lines[Queue] | Lines[Agent]":
        return self._agents if self._agents.has_focus else self._queues

    def action_other(self) -> None:
        (self._agents if self._queues.has_focus else self._queues).focus()

    def action_sort(self) -> None:
        self._present().sort_by_next()
        self.show()

    def action_reverse(self) -> None:
        self._present().turn_round()
        self.show()

    def action_offline(self) -> None:
        self._everybody = not self._everybody
        self.show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  (textual's signature)
        """In the filter a slash is a letter."""
        return action != "filter" or not self.query_one("#filter", Input).has_focus

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.styles.display = "block"
        self.screen.set_focus(field)

    def action_all(self) -> None:
        field = self.query_one("#filter", Input)
        field.value = self._wanted = ""
        field.styles.display = "none"
        self._queues.focus()
        self.show()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._wanted = event.value.strip()
        self.show()

    def on_input_submitted(self) -> None:
        self._queues.focus()


def _time(at: int) -> str:
    """The time of day here."""
    return f"{datetime.fromtimestamp(at / 1000).astimezone():%H:%M:%S}" if at else ""
