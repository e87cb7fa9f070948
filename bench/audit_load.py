"""Three witnesses of 2,000 mixed calls, compared call by call: `make audit-load`.

SIPp's record of its own messages, the call log, and Asterisk's channel event log with its record of SIP
messages must tell the same of every hold and hangup: that it was, when, and whose it was. Then
`holdfast audit` looks at the log.
Exit codes: 0 every goal met · 1 one was missed.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
from rich.console import Console
from rich.table import Table

from bench import audit_company
from bench.figures import Spread, spread
from bench.mixed import Goal, goals_table, keep
from bench.report import Facts, facts
from bench.world import REPOSITORY, enter
from calllog.call_events import Arrived, CallEvent, Ended, QueueLeft, Unbridged
from calllog.events import AnyEvent
from calllog.stream import LogStream
from ivr.runtime import find
from tests.rig.server import Server
from tests.rig.sipp import Phone
from tests.witness.by_asterisk import by_asterisk
from tests.witness.by_log import by_log
from tests.witness.by_phones import by_phones
from tests.witness.dialogs import Message, read_capture, read_trace
from tests.witness.facts import Fact
from tests.witness.listening import Listening
from tests.witness.matching import MOST_MS, Matched, match

P99_MS = 20.0
TAIL_S = 70.0
SHOWN = 40
"""So many differences are printed; all of them are in the results."""
HOLDS_AND_HANGUPS = ("hold", "unhold", "music", "music over", "leg over", "ended")
"""What the goals are about; the other kinds are matched, too, and shown."""


class Seen(NamedTuple):
    """What is left of a run."""

    told: dict[str, dict[str, list[Fact]]]
    """Witness → what it says of each call."""
    events: list[AnyEvent]
    broken: int
    placed: int
    audit_code: int
    audit_said: str


class Apart(msgspec.Struct, frozen=True):
    """By how much two witnesses differ about the instants of one kind of fact; ms, regardless of the sign."""

    between: str
    what: str
    spread: Spread


class Report(msgspec.Struct, frozen=True):
    """The whole run."""

    at: str
    facts: Facts
    options: dict[str, int]
    calls: int
    matched_calls: int
    holds: int
    """Begun by agents and callers, by the log."""
    withdrawn: int
    """Offers taken back before the agent's phone was dialled: only the log has them."""
    crossed: int
    """Holds, pick-ups, hangups and rings that crossed a hangup: in which order they came cannot be said."""
    ends: dict[str, int]
    """How calls, talks and waits ended, by the log."""
    apart: list[Apart]
    unmatched: list[str]
    accounts: dict[str, list[str]]
    """Of each call in which something is unmatched, all that the three say, in order of time."""
    goals: list[Goal]


async def play(calls: int, rate: int) -> tuple[Seen, Facts]:
    """One run on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-audit-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        async with Server(audit_company.write(directory / "callflows")) as server:
            await server.log.__aexit__(None, None, None)  # following it would cost what callers need
            told = facts(find(server.settings.runtime))
            async with Listening(server) as asterisk:
                phones = await _calls(server, calls, rate)
            code, said, error = await server.run("audit")
            async with LogStream(server.settings.redis, server.settings.site) as stream:
                entries = [entry async for entry in stream.read()]
    events = [entry.event for entry in entries if entry.event is not None]
    witnesses = {
        "phones": by_phones(phones),
        "log": by_log(events),
        "asterisk": by_asterisk(asterisk.cel, read_capture(asterisk.sip), audit_company.devices()),
    }
    return Seen(witnesses, events, len(entries) - len(events), calls, code, said + error), told


async def _calls(server: Server, calls: int, rate: int) -> list[list[Message]]:
    """Place them; what each SIPp has written down."""
    async with AsyncExitStack() as stack:
        agents = [await stack.enter_async_context(server.phone(play)) for play in audit_company.phones()]
        callers: list[Phone] = []
        for play in audit_company.plays(calls, rate, server.target):
            callers.append(await stack.enter_async_context(server.phone(play)))
        with suppress(TimeoutError):  # a call, or a leg, that never ends is found by the comparison
            async with asyncio.timeout(calls / rate + TAIL_S):
                await asyncio.gather(*(phone.over() for phone in callers))
            for phone in agents:
                await phone.quiet()
        phones = [*agents, *callers]
    return [list(read_trace(phone.trace)) for phone in phones]


def figures(matched: Matched) -> Iterator[Apart]:
    """Of each kind and pair of witnesses."""
    for ((first, second), what), values in sorted(matched.apart_ms.items()):
        yield Apart(f"{first} - {second}", what, spread(map(abs, values)))


def goals(seen: Seen, matched: Matched) -> list[Goal]:
    """What was promised."""
    found = [Goal("unmatched", len(matched.unmatched), 0)]
    pairs = sorted({pair for pair, _ in matched.apart_ms})
    for pair in pairs:
        values = [
            abs(value)
            for (other, what), all_ in matched.apart_ms.items()
            if other == pair and what in HOLDS_AND_HANGUPS
            for value in all_
        ]
        told = spread(values)
        note = f"{told.samples:,} holds and hangups, p50 {told.p50_ms} ms"
        name = " - ".join(pair)
        found.append(Goal(f"{name}: p99 of the differences, ms", told.p99_ms or 0, P99_MS, note))
        found.append(Goal(f"{name}: longest, ms", told.longest_ms or 0, MOST_MS))
    said = seen.audit_said.strip()[-300:]
    found += [
        Goal("calls that not all three have", seen.placed - matched.calls, 0),
        Goal("entries of the log that are no events", seen.broken, 0),
        Goal("exit code of `holdfast audit`", seen.audit_code, 0, "" if not seen.audit_code else said),
    ]
    return found


def ends(events: list[AnyEvent]) -> Mapping[str, int]:
    """How calls, talks and waits ended."""
    counts: Counter[str] = Counter()
    for event in events:
        if isinstance(event, Ended):
            counts[f"call: {event.verdict}, by {event.ended_by}"] += 1
        elif isinstance(event, Unbridged):
            counts[f"talk: by {event.ended_by}"] += 1
        elif isinstance(event, QueueLeft):
            counts[f"wait: {event.reason}"] += 1
    return dict(sorted(counts.items()))


def report(seen: Seen, at: str, told: Facts, options: dict[str, int]) -> Report:
    """What the run says."""
    matched = match(seen.told)
    holds = sum(fact.what == "hold" for facts_ in seen.told["log"].values() for fact in facts_)
    return Report(
        at=at,
        facts=told,
        options=options,
        calls=seen.placed,
        matched_calls=matched.calls,
        holds=holds,
        withdrawn=matched.fleeting,
        crossed=matched.crossed,
        ends=dict(ends(seen.events)),
        apart=list(figures(matched)),
        unmatched=[str(difference) for difference in matched.unmatched],
        accounts={
            number: account(seen, number) for number in sorted({each.number for each in matched.unmatched})
        },
        goals=goals(seen, matched),
    )


def account(seen: Seen, number: str) -> list[str]:
    """What each witness says of one call, and the log's own events."""
    told = [
        (fact.at, f"{witness}: {fact.what} {fact.who} {fact.by}")
        for witness, calls in seen.told.items()
        for fact in calls.get(number, ())
    ]
    call = next(
        (event.call for event in seen.events if isinstance(event, Arrived) and event.from_ == number), ""
    )
    own = (event for event in seen.events if isinstance(event, CallEvent) and event.call == call)
    told += [(event.at, f"event {event.seq}: {event.kind}, logged at {event.logged_at}") for event in own]
    return [f"{at:.1f} {text}" for at, text in sorted(told)]


def show(made: Report, console: Console) -> None:
    """For people."""
    console.print(
        f"{made.calls:,} calls, {made.matched_calls:,} known to all three witnesses; {made.holds:,} holds by "
        f"agents and callers; {made.withdrawn} offers withdrawn before a phone was dialled; "
        f"{made.crossed} holds, pick-ups, hangups and rings crossed a hangup."
    )
    console.print("; ".join(f"{name} {count:,}" for name, count in made.ends.items()))
    table = Table(title="How far apart, ms")
    for name in ("between", "what", "facts", "p50", "p99", "longest"):
        table.add_column(name, justify="left" if name in ("between", "what") else "right")
    for line in made.apart:
        values = (line.spread.p50_ms, line.spread.p99_ms, line.spread.longest_ms)
        told = [f"{value:.1f}" for value in values if value is not None]
        table.add_row(line.between, line.what, f"{line.spread.samples:,}", *told)
    console.print(table)
    for text in made.unmatched[:SHOWN]:
        console.print(text, highlight=False, markup=False)
    console.print(goals_table(made.goals))


@click.command(context_settings={"show_default": True})
@click.option("--calls", type=click.IntRange(20), default=2_000)
@click.option("--rate", type=click.IntRange(1, 100), default=20, help="Callers a second.")
@click.option("--results", type=click.Path(path_type=Path), default=REPOSITORY / "bench" / "results")
@click.option("--no-save", is_flag=True, help="Print only.")
def main(calls: int, rate: int, results: Path, no_save: bool) -> None:
    """Many calls of all kinds on real SIP: do SIPp, the call log and Asterisk tell the same of them?"""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    begun = time.monotonic()
    seen, told = asyncio.run(play(calls, rate))
    made = report(seen, at, told, {"calls": calls, "rate": rate})
    console = Console(width=None if sys.stdout.isatty() else 150)
    show(made, console)
    console.print(f"took {time.monotonic() - begun:.0f} s")
    if not no_save:
        keep(made, results / "audit-load.json")
    sys.exit(not all(goal.met for goal in made.goals))


if __name__ == "__main__":
    enter("bench.audit_load")
    main()
