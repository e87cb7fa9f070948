"""The interpreter: one flow on one line, step after step, until the call is over.

A step may call another flow, and so on: where the call is, is a stack, and reads `main/login>pin/ask`.
"""

from time import monotonic_ns
from typing import NoReturn

from ivr.flow.expressions import written_in
from ivr.flow.line import Held, Line
from ivr.flow.step import Flow, Step
from ivr.flow.values import Value

MAX_LOGGED = 200
"""Characters of a variable that the call log keeps."""


async def run_flow(line: Line, flow: Flow, start: str | None = None) -> NoReturn:
    """Run `flow` on `line` to the end of the call. It never returns: the call ends in `Hangup`.

    `start` is the path a checkpoint holds: the flow goes on at the beginning of that step.
    What the flow no longer has begins anew, as far in as it is known: the caller is asked again, not let go.
    """
    stack = [_Frame(flow, flow.start)] if start is None else _restored(flow, start)
    run = _Run(line, stack, resumed=start is not None)
    while run.stack:
        await run.step()
    await line.hangup("normal")


async def run_beside(line: Line, flow: Flow) -> str:
    """Run `flow` while the call is in a step of another one; the outcome of its `back`."""
    run = _Run(line, [_Frame(flow, flow.start)], resumed=False)
    while run.stack:
        await run.step()
    return run.returned


class _Frame:
    """One flow that runs: at which step, and since when, in ns."""

    __slots__ = ("began", "changed", "flow", "name")

    def __init__(self, flow: Flow, name: str) -> None:
        self.flow = flow
        self.name = name
        self.began = 0
        self.changed: dict[str, Value] = {}
        """Variables that its step has set."""


class _Run:
    """Where a call is. The last frame runs; each of the others waits in the step that called the next one."""

    def __init__(self, line: Line, stack: list[_Frame], resumed: bool) -> None:
        self.stack = stack
        self._line = line
        self._resumed = resumed
        self._held: Held | None = None
        self.returned = ""
        """Once it is over: the outcome of the `back` that was last."""

    async def step(self) -> None:
        """Run the step where the call is, and go on to the next one; no frames: the call is over."""
        line, frame = self._line, self.stack[-1]
        step = frame.flow.steps[frame.name]
        path = ">".join([f"{each.flow.name}/{each.name}" for each in self.stack])
        self._count(step, path)
        if step.agent_left is not None or any(True for _ in step.numbers()):
            line.secrets.clear()  # somebody waits for long, and with another person after that
        await line.checkpoint(self.stack[0].flow.name, frame.flow.version, path, self._held_back())
        frame.began = monotonic_ns()
        if step.needs_answer:
            await line.answer()
        before = dict(line.variables)
        outcome = await step.run(line)
        frame.changed = _changed(before, line.variables)
        if line.secrets:
            self._guard(step, path)
        called = step.calls
        if called is not None:
            inner = frame.flow.flows[called]
            self.stack.append(_Frame(inner, inner.start))
            return
        self._follow(step, outcome)

    def _count(self, step: Step, path: str) -> None:
        """A step that is done again after a take-over has been counted already."""
        visits = self._line.visits
        if step.counted and not (self._resumed and path in visits):
            visits[path] = visits.get(path, 0) + 1
        self._resumed = False

    def _guard(self, step: Step, path: str) -> None:
        """Forget the secrets that the step has used; for what it has learned a take-over must ask again."""
        for used in {name for written in written_in(step) for name in written.reads}:
            self._line.secrets.pop(used, None)
        if self._held_back() is None and any(name in self._line.secrets for name in step.secrets()):
            self._held = Held(path, dict(self._line.visits))

    def _held_back(self) -> Held | None:
        if not self._line.secrets:
            self._held = None
        return self._held

    def _follow(self, step: Step, outcome: str) -> None:
        """Take the way of an outcome, out of as many flows as it ends."""
        while True:
            frame = self.stack[-1]
            self._tell(frame, outcome)
            following = step.target(outcome)
            if following is not None:
                frame.name = following
                return
            if outcome == step.agent_left:
                self._after_agent()
                return
            self.stack.pop()
            if step.returns is None or not self.stack:
                self.returned = step.returns or ""
                self.stack.clear()
                return
            outcome = step.returns
            step = self.stack[-1].flow.steps[self.stack[-1].name]

    def _after_agent(self) -> None:
        """The part that follows every agent: of this flow, or else of the one that has called it."""
        while self.stack and self.stack[-1].flow.after_agent is None:
            self.stack.pop()
        if self.stack:
            self.stack[-1].name = self.stack[-1].flow.after_agent or ""

    def _tell(self, frame: _Frame, outcome: str) -> None:
        flow, took_ms = frame.flow, (monotonic_ns() - frame.began) // 1_000_000
        path = f"{flow.name}/{frame.name}"
        changed = {"changed": frame.changed} if frame.changed else {}
        self._line.note(
            "step",
            flow=flow.name,
            version=flow.version,
            path=path,
            outcome=outcome,
            took_ms=took_ms,
            **changed,
        )


def _changed(before: dict[str, Value], now: dict[str, Value]) -> dict[str, Value]:
    """What is otherwise than before, for the call log: long texts are cut there."""
    if before == now:
        return {}
    fresh = {name: value for name, value in now.items() if before.get(name) != value}
    return {name: value[:MAX_LOGGED] if isinstance(value, str) else value for name, value in fresh.items()}


def _restored(flow: Flow, path: str) -> list[_Frame]:
    """The stack of a path, as deep as the flows still have it; a step that is gone is its flow's first."""
    stack: list[_Frame] = []
    following: str | None = flow.name
    for part in path.split(">"):
        name, _, step = part.partition("/")
        if following is None or (stack and following != name):
            break
        here = stack[-1].flow.flows[following] if stack else flow
        known = step in here.steps
        stack.append(_Frame(here, step if known else here.start))
        stack[-1].began = monotonic_ns()
        following = here.steps[step].calls if known else None
    return stack
