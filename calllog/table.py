"""One call's log as a table for the terminal: what happened, when, and where the time went."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from calllog.call_events import AnyCallEvent, CallEvent, Ended
from calllog.events import Disposition, redacted
from calllog.grammar import violations
from calllog.phases import GLYPH, NAME, Phase, after_each, bar, spans
from calllog.printable import duration, escaped, printable
from calllog.words import details, said_of_call, title

MAX_WIDTH = 100
_STRONG = ("arrived", "bridged", "queue_left", "ended")


class CallTable:
    """The log of one call, to be printed by a rich Console. Untrusted text in it is escaped.

    `redact`: numbers and digits of people are shown as `(hidden)`.
    """

    def __init__(self, events: Sequence[AnyCallEvent | Disposition], *, redact: bool = False) -> None:
        """`events`: those of the call, and what its agents have said it was about."""
        self._all = [redacted(event) for event in events] if redact else list(events)
        self._events: list[AnyCallEvent] = [event for event in self._all if isinstance(event, CallEvent)]

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        width = min(options.max_width, MAX_WIDTH)
        return Measurement(width, width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self._events:
            return
        width = min(options.max_width, MAX_WIDTH)
        yield self._heading()
        yield Text()
        yield Padding(Text(bar(self._events, width - 4), no_wrap=True), (0, 0, 0, 2))
        yield Padding(self._legend(), (0, 0, 0, 2))
        yield Text()
        yield self._rows(width)
        yield Text()
        yield self._verdict()

    def _heading(self) -> Text:
        first, last = self._events[0], self._events[-1]
        when = datetime.fromtimestamp(first.at / 1000).astimezone()
        became = last.verdict.replace("_", " ") if isinstance(last, Ended) else "goes on"
        rest = f"{when:%d %b %Y, %H:%M:%S %Z} · {duration(max(last.at - first.at, 0))} · {became}"
        return Text.assemble((f"Call {printable(first.call)}", "bold"), f" · {rest}")

    def _legend(self) -> Text:
        times: dict[Phase, int] = {}
        for span in spans(self._events):
            times[span.phase] = times.get(span.phase, 0) + span.end - span.begin
        return Text("   ".join(f"{GLYPH[phase]} {NAME[phase]} {duration(ms)}" for phase, ms in times.items()))

    def _rows(self, width: int) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 1), width=width)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(width=1, no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold", ratio=1)
        began_at, before, glyph = self._events[0].at, "", " "
        phases = iter(after_each(self._events))
        for event in self._all:
            offset = f"{(event.at - began_at) / 1000:+.3f} s"
            style = "bold" if event.kind in _STRONG else ""
            if isinstance(event, CallEvent):
                phase = next(phases)
                glyph = " " if isinstance(event, Ended) else GLYPH[phase]
            when = Text("" if offset == before else offset)
            said = said_of_call(event) if isinstance(event, Disposition) else details(event)
            table.add_row(when, Text(glyph), Text(title(event), style=style), Text(said))
            before = offset
        return table

    def _verdict(self) -> Text:
        last = self._events[-1]
        found = violations(self._events, live=not isinstance(last, Ended))
        if found:
            lines = "\n".join(f"  ✗ {escaped(broken.what)}" for broken in found)
            return Text(f"This log breaks {len(found)} rule{'s' * (len(found) > 1)}:\n{lines}")
        if not isinstance(last, Ended):
            return Text("The call goes on.")
        parts = {"flow": last.flow_ms, "wait": last.wait_ms, "hold": last.held_ms, "talk": last.talk_ms}
        total = " + ".join(f"{name} {duration(ms)}" for name, ms in parts.items() if ms)
        return Text(f"✓ It adds up: {duration(last.lifetime_ms)} = {total}")
