"""`hours`: go by the opening hours."""

from typing import ClassVar

from ivr.flow.line import Line
from ivr.flow.step import Step


class OpeningHours(Step):
    """Ask whether people are there now. If not, `{opens}` is when they are next: `2026-11-24 09:00`."""

    outcomes: ClassVar = ("open", "closed", "holiday")
    otherwise: ClassVar = {"holiday": "closed"}
    main: ClassVar = "name"
    while_waiting: ClassVar = True
    example: ClassVar[str] = """\
steps:
  open:
    hours: office
    next: {open: sales, closed: closed, holiday: closed}
  closed:
    say: We are closed. We open again on {opens:date} at {opens:time}.
    next: end
  sales:
    queue: sales
  end:
    hangup:
"""

    name: str
    """Name of the opening hours in `hours.yaml`."""

    @property
    def needs_answer(self) -> bool:
        return False

    def schedules(self) -> tuple[str, ...]:
        return (self.name,)

    def sets(self) -> tuple[str, ...]:
        return ("opens",)

    async def run(self, line: Line) -> str:
        hours = line.hours(self.name)
        if hours is None:
            return "open"  # whoever removed them has not said that anybody is to be sent away
        now = line.now()
        state = hours.state(now)
        opens = hours.opens(now) if state != "open" else None
        line.variables["opens"] = f"{opens:%Y-%m-%d %H:%M}" if opens else None
        return state
