"""How callers went through a flow: a fold over the call log."""

from collections import Counter

from calllog.call_events import Arrived, Ended
from calllog.call_events import Step as Passed
from calllog.events import AnyEvent
from calllog.stream import LogStream
from ivr.callflows import Callflows
from ivr.flow.picture import Traffic
from ivr.flow.step import Flow, Step


class Folding:
    """Counts the callers of one flow. Every version of it counts; steps it no longer has are passed over."""

    def __init__(self, flow: Flow, callflows: Callflows) -> None:
        self._flow = flow
        self._route = callflows.route
        self._taken: Counter[tuple[str, str]] = Counter()
        self._left: Counter[str] = Counter()
        self._came = 0
        self._at: dict[str, str | None] = {}
        """Call → the step it is in, if that is one of this flow."""

    def add(self, event: AnyEvent) -> None:
        """Take the next event of the log."""
        match event:
            case Arrived() if self._route(event.to).flow == self._flow.name:
                self._came += 1
                self._at[event.call] = self._flow.start
            case Passed():
                self._passed(event)
            case Ended():
                step = self._at.pop(event.call, None)
                if step is not None and event.ended_by == "caller":
                    self._left[step] += 1

    def _passed(self, event: Passed) -> None:
        name = event.path.rpartition("/")[2]
        if event.flow != self._flow.name or name not in self._flow.steps:
            at = self._at.get(event.call)
            if at is None or not self._elsewhere(self._flow.steps[at]):
                self._at[event.call] = None
            return
        self._taken[name, event.outcome] += 1
        self._at[event.call] = self._flow.steps[name].target(event.outcome)

    @staticmethod
    def _elsewhere(step: Step) -> bool:
        """Whether steps of other flows belong to it: of one that it calls, or of the menu of its queue."""
        return step.calls is not None or step.beside is not None

    @property
    def traffic(self) -> Traffic:
        return Traffic(self._taken, self._left, self._came)


async def traffic_of(flow: Flow, callflows: Callflows, stream: LogStream) -> Traffic:
    """What the whole log knows of a flow. Raises `LogAway`."""
    folding = Folding(flow, callflows)
    async for entry in stream.read():
        if entry.event is not None:
            folding.add(entry.event)
    return folding.traffic
