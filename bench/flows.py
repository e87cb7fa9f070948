"""What call flows cost without a telephone: the check, the interpreter, the simulator. `make bench-flows`.

Goals: 500 flows with 10,000 steps checked in 3 s; 50 µs for a step of the interpreter without I/O; 1,000
calls of tests in 10 s. CPU seconds of this process, the best of three rounds.
"""

import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, NoReturn

import click
import msgspec

from ivr.flow.cases import read_cases
from ivr.flow.check import check_callflows
from ivr.flow.line import Hangup, Held, Line
from ivr.flow.run import run_flow
from ivr.flow.script import Script
from ivr.flow.simulation import Company
from ivr.flow.simulator import SimulatedLine
from ivr.flow.step import Flow, Step
from ivr.flow.trial import differences, run_case
from ivr.flow.virtual_time import run
from ivr.steps import verbs

FLOWS, STEPS, CALLS = 500, 20, 1000
ROUNDS = 3


class Figure(NamedTuple):
    """One measurement against its goal."""

    what: str
    value: float
    unit: str
    goal: float


def best_of(work: Callable[[], object]) -> float:
    """CPU seconds of the fastest round."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def company(directory: Path) -> Path:
    """500 flows of 20 steps each: what a large company writes, several verbs mixed."""
    (directory / "flows").mkdir()
    (directory / "tests").mkdir()
    (directory / "prompts/en").mkdir(parents=True)
    with wave.open(str(directory / "prompts/en/hello.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 8000, "NONE", ""))
        sound.writeframes(bytes(16_000))
    (directory / "queues.yaml").write_text("queues: {sales: {}}\n")
    (directory / "numbers.yaml").write_text("default: {flow: f0}\n")
    for number in range(FLOWS):
        (directory / f"flows/f{number}.yaml").write_text(_flow())
    calls = "".join(
        f"  call {number}: {{to: '1', presses: {{s1: {number % 2 + 1}}}, hangs_up_at_s: 300, hears: hello}}\n"
        for number in range(CALLS)
    )
    (directory / "tests/many.yaml").write_text(f"tests:\n{calls}")
    return directory


def _flow() -> str:
    lines = ["title: One of many", "steps:"]
    for number in range(STEPS - 1):
        following = f"s{number + 1}" if number < STEPS - 2 else "end"
        menu = "menu: {play: hello, timeout_s: 5, retries: 1, invalid: {say: That was no key.}}"
        lines += {
            0: [f"  s{number}:", "    play: [hello, hello]", f"    next: {following}"],
            1: [
                f"  s{number}:",
                f"    {menu}",
                f"    next: {{1: {following}, 2: end, invalid: end, timeout: end}}",
            ],
            2: [
                f"  s{number}:",
                f"    set: {{step: {number}}}",
                f"    next: {following}",
            ],
            3: [
                f"  s{number}:",
                "    queue: {name: sales, max_wait_s: 60}",
                f"    next: {{answered: end, timeout: {following}}}",
            ],
        }[number % 4]
    return "\n".join([*lines, "  end: {hangup: }\n"])


class Nothing(Step):
    """A step that does nothing."""

    outcomes = ("done",)

    async def run(self, line: Line) -> str:  # noqa: ARG002  (a step's signature)
        return "done"


class Free(SimulatedLine):
    """A line that costs nothing."""

    async def checkpoint(self, flow: str, version: int, path: str, held: Held | None = None) -> None:  # noqa: ARG002
        self.path = path

    async def answer(self) -> None:
        pass

    def note(self, kind: str, **fields: object) -> None:
        pass

    async def hangup(self, cause: str) -> NoReturn:
        raise Hangup(cause)


def interpret(count: int) -> None:
    """One call through so many steps."""
    names = [f"s{number}" for number in range(count)]
    steps: dict[str, Step] = {
        name: Nothing(next={"done": following})
        for name, following in zip(names, [*names[1:], "end"], strict=True)
    }
    steps["end"] = verbs()["hangup"]()
    flow = Flow(name="long", start="s0", steps=steps)

    async def whole() -> None:
        try:
            await run_flow(Free(Script()), flow)
        except Hangup:
            return

    run(whole())


def call_all(directory: Path) -> None:
    """Every test of the directory, as `holdfast test` makes them."""
    loaded = Company.load(directory)
    for written in read_cases(directory, []):
        problems = differences(written, run_case(loaded, written.case))
        assert not problems, problems


def figures() -> list[Figure]:
    """Measure everything."""
    steps = 20_000
    built = best_of(lambda: interpret(1))
    with TemporaryDirectory() as scratch:
        directory = company(Path(scratch))
        checked = check_callflows(directory)
        assert not checked.problems, checked.problems[:3]
        assert sum(len(draft.steps) for draft in checked.drafts.values()) == FLOWS * STEPS
        check_s = best_of(lambda: check_callflows(directory))
        loaded_s = best_of(lambda: Company.load(directory))
        calls_s = best_of(lambda: call_all(directory)) - loaded_s
    per_step = (best_of(lambda: interpret(steps)) - built) / steps
    return [
        Figure(f"check of {FLOWS} flows, {FLOWS * STEPS:,} steps", check_s, "s", 3.0),
        Figure("interpreter, one step with nothing to do", per_step * 1e6, "µs", 50.0),
        Figure(f"{CALLS:,} calls of tests", calls_s, "s", 10.0),
    ]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(as_json: bool) -> None:
    """Exit code 1: a goal was missed."""
    found = figures()
    if as_json:
        click.echo(msgspec.json.encode([figure._asdict() for figure in found]).decode())
    else:
        for what, value, unit, goal in found:
            click.echo(f"{what:45} {value:8.2f} {unit:2}   goal {goal:g} {unit}")
    sys.exit(any(figure.value > figure.goal for figure in found))


if __name__ == "__main__":
    main()
