"""Performing with faults, many times, and what must be true after each."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from calllog.call_events import AnyCallEvent, Ended
from calllog.events import AnyEvent
from tests.wire.bench import Bench, of_agents, of_calls
from tests.wire.performance import Faults, Performance, Performer
from tests.wire.recording import Recording, told


class Seen(NamedTuple):
    """What came of one performance."""

    performance: Performance
    events: Sequence[AnyEvent]
    recording: Recording

    @property
    def log(self) -> list[AnyCallEvent]:
        """The call's events."""
        return of_calls(self.events)

    @property
    def kinds(self) -> list[str]:
        """Their kinds."""
        return [event.kind for event in self.log]

    @property
    def end(self) -> Ended:
        """How the call ended."""
        (ended,) = [event for event in self.log if isinstance(event, Ended)]
        return ended

    @property
    def as_recorded(self) -> bool:
        """The log is the recording's."""
        return told(self.log or of_agents(self.events, "cody")) == self.recording.log


Judge = Callable[[Seen], None]


def everything_is_fine(_: Seen) -> None:
    """What is true of every performance has been checked before."""


async def attempt(bench: Bench, recording: Recording, faults: Faults) -> Seen:
    """One performance. Raises AssertionError if its log is unsound or anything is left of it."""
    await bench.prepare(recording)
    performer = Performer(bench, recording, faults)
    performance = await performer.perform()
    events = bench.log()
    await bench.check(events)
    seen = Seen(performance, events, recording)
    if seen.log:
        answered = performer.call in bench.double.answered
        said = "answered" in seen.kinds
        assert answered or not said, "answered in the log alone"
        assert said or not answered or faults.mute or faults.away, "answered in Asterisk alone"
    bridged = any(performer.call in bridge for bridge in bench.double.bridged)
    assert bridged or "bridged" not in seen.kinds, "bridged in the log alone"
    return seen


def attempts(
    bench: Bench, name: str, plans: Iterable[tuple[int, Faults]], judge: Judge = everything_is_fine
) -> None:
    """Perform a recording once for each plan; all that went wrong is told together."""
    recording, wrong = bench.recordings[name], []

    count = 0
    for number, faults in plans:
        count += 1
        try:
            judge(bench.run(attempt(bench, recording, faults)))
        except Exception as error:  # noqa: BLE001  (whatever it is, it is a finding; the others are looked for)
            line = recording.lines[number]
            what = line.command if line.d == "out" else line.kind
            wrong.append(f"line {number}, {what}: {type(error).__name__}: {error}")
    assert count, "no plan: the recording has no such line"
    assert not wrong, "\n".join(wrong)


def commands(recording: Recording) -> list[int]:
    """Numbers of the lines that are commands."""
    return [number for number, line in enumerate(recording.lines) if line.d == "out"]


def events(recording: Recording) -> list[int]:
    """Numbers of the lines that are events."""
    return [number for number, line in enumerate(recording.lines) if line.event]
