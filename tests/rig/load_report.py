"""What SIPp saw of a load, beside what the call log says of the same calls. Pure but for the printing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from bench.figures import Spread, spread
from calllog.call_events import Answered, AnyCallEvent, Arrived, Ended, QueueLeft
from calllog.grammar import violations
from tests.rig.agreement import caller_disagreements
from tests.rig.sip_view import Leg

SHOWN = 5
SLACK_MS = 5000
"""Delay is what a load measures; only what is further apart is told as a difference."""


@dataclass(frozen=True)
class SippSide:
    """The callers' side: the leg of each caller, by the number he called from."""

    legs: Mapping[str, Leg]

    @property
    def answered(self) -> list[Leg]:
        return [leg for leg in self.legs.values() if leg.answered_at]

    def ended_by(self, who: str) -> int:
        return sum(leg.ended_by == who for leg in self.legs.values())

    @property
    def refused(self) -> str:
        """Final statuses of 300 and above, with their counts."""
        statuses = Counter(leg.status for leg in self.legs.values() if leg.status >= 300)
        return ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items())) or "0"

    @property
    def unanswered(self) -> int:
        """Calls that got no final response at all."""
        return sum(not leg.status for leg in self.legs.values())

    @property
    def to_answer(self) -> Spread:
        return spread(leg.answered_at - leg.invited_at for leg in self.answered)


@dataclass(frozen=True)
class LogSide:
    """The call log's side: the events of each call, by the caller's number."""

    calls: Mapping[str, list[AnyCallEvent]] = field(default_factory=dict)

    def of(self, kind: type[AnyCallEvent]) -> int:
        return sum(any(isinstance(event, kind) for event in events) for events in self.calls.values())

    @property
    def ends(self) -> list[Ended]:
        return [event for events in self.calls.values() for event in events if isinstance(event, Ended)]

    @property
    def verdicts(self) -> str:
        found = Counter(end.verdict for end in self.ends)
        return ", ".join(f"{verdict}: {count}" for verdict, count in found.most_common()) or "none"

    @property
    def to_answer(self) -> Spread:
        waits = []
        for events in self.calls.values():
            at = {type(event): event.at for event in reversed(events)}
            if Answered in at and Arrived in at:
                waits.append(at[Answered] - at[Arrived])
        return spread(waits)

    @property
    def waits(self) -> Spread:
        """Times in queues of those who were answered there."""
        found = (event for events in self.calls.values() for event in events if isinstance(event, QueueLeft))
        return spread(event.waited_ms for event in found if event.reason == "answered")


def findings(sipp: SippSide, log: LogSide) -> list[str]:
    """Calls of which both sides tell different things, and logs that break the grammar. Empty: all well."""
    found = []
    for number, leg in sipp.legs.items():
        events = log.calls.get(number)
        if events is None:
            found.append(f"{number}: not in the log")
            continue
        found += [f"{number}: {violation}" for violation in violations(events)]
        found += [f"{number}: {told}" for told in caller_disagreements(number, leg, events, SLACK_MS)]
    return found


def print_report(console: Console, sipp: SippSide, failed: int, log: LogSide | None, why_not: str) -> None:
    """The table, and beneath it what does not fit. `why_not`: why there is no log to compare with."""
    table = Table("", "SIPp saw", "the call log says", title="Load", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, seen, logged in _rows(sipp, failed, log or LogSide()):
        table.add_row(name, seen, logged if log else "-")
    console.print(table)
    if log is None:
        console.print(f"No call log beside it: {why_not}", highlight=False)
        return
    console.print(f"Verdicts in the log: {log.verdicts}", highlight=False)
    wrong = findings(sipp, log)
    console.print(
        f"Calls told differently by SIPp and the log: {len({line.split(':')[0] for line in wrong})}"
    )
    for line in wrong[:SHOWN]:
        console.print(f"  {line}", markup=False)
    if len(wrong) > SHOWN:
        console.print(f"  and {len(wrong) - SHOWN} more")


def _rows(sipp: SippSide, failed: int, log: LogSide) -> Sequence[tuple[str, str, str]]:
    by = Counter(end.ended_by for end in log.ends)
    return (
        ("calls", str(len(sipp.legs)), str(log.of(Arrived))),
        ("answered", str(len(sipp.answered)), str(log.of(Answered))),
        ("refused", sipp.refused, str(sum(end.verdict == "rejected" for end in log.ends))),
        ("no final response", str(sipp.unanswered), ""),
        ("hung up by the caller", str(sipp.ended_by("us")), str(by["caller"])),
        ("let go by the server", str(sipp.ended_by("them")), str(by["system"] + by["agent"])),
        ("failed, as SIPp counts", str(failed), str(sum(end.verdict == "failed" for end in log.ends))),
        ("to the answer, p50 / p95 / p99 ms", _spread(sipp.to_answer), _spread(log.to_answer)),
        ("wait for an agent, p50 / p95 / p99 ms", "", _spread(log.waits)),
    )


def _spread(found: Spread) -> str:
    if not found.samples:
        return "-"
    return f"{found.p50_ms:.0f} / {found.p95_ms:.0f} / {found.p99_ms:.0f}"
