"""The interpreter: one flow on one line, step after step, until the call is over."""

from time import monotonic_ns
from typing import NoReturn

from ivr.flow.line import Line
from ivr.flow.step import Flow


async def run_flow(line: Line, flow: Flow, start: str | None = None) -> NoReturn:
    """Run `flow` on `line` to the end of the call. It never returns: the call ends in `Hangup`.

    `start` is the path a checkpoint holds (`main/choose`): the flow goes on at the beginning of that step.
    A step that the flow no longer has starts the flow anew: the caller is asked again rather than let go.
    """
    name = flow.start if start is None else start.rpartition("/")[2]
    if name not in flow.steps:
        name = flow.start
    following: str | None = name
    resumed = start is not None and start.endswith(f"/{name}")
    while following is not None:
        step = flow.steps[following]
        path = f"{flow.name}/{following}"
        if step.counted and not (resumed and path in line.visits):
            line.visits[path] = line.visits.get(path, 0) + 1
        resumed = False
        await line.checkpoint(flow.name, flow.version, path)
        began = monotonic_ns()
        if step.needs_answer:
            await line.answer()
        outcome = await step.run(line)
        took_ms = (monotonic_ns() - began) // 1_000_000
        line.note("step", flow=flow.name, version=flow.version, path=path, outcome=outcome, took_ms=took_ms)
        following = step.target(outcome)
    await line.hangup("normal")
