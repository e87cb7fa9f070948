"""Which calls `holdfast report calls` lists: what its options may say, and how it is put into words."""

import msgspec

from calllog.printable import spaced

ANY = "any"
LEFT = {
    "offered": "joined",
    "answered": "answered",
    "late": "answered, but not in time",
    "abandoned": "abandoned",
    "short": "abandoned after a short while",
    "ringing": "abandoned while an agent rang",
    "flowed": "flowed out",
    "failed": "failed",
    "waiting": "still waiting",
}
"""How a wait ended, as figures count it: what `--left` takes, and what a list is called."""


class Chosen(msgspec.Struct, frozen=True):
    """Which calls are asked for; empty: all of them."""

    queue: str = ""
    left: str = ""
    """One of LEFT: calls with a wait that ended like that, by the time of joining."""
    agent: str = ""
    verdict: str = ""
    number: str = ""
    flow: str = ""
    talked: bool = False
    """Calls with a talk that is over, by the time at which it began."""
    refused: str = ""
    """Calls that were not let into a queue for this reason (`any`: for whichever), by the time of that."""
    surveyed: bool = False
    """Calls that have answered a survey, by the time at which it was put."""
    sales: bool = False
    """Calls in which something was offered for sale, by the time of that."""
    overtaken: str = ""
    """Calls that were overtaken for this reason (`any`: for whichever), by the time of joining."""
    called_again: bool = False
    """Calls after which the same person soon called again, by the time of arrival."""
    unresolved: bool = False
    """Calls with a talk of which the agent says that it settled nothing, by the time at which it began."""

    def words(self) -> str:
        """What is chosen, in words."""
        words = [LEFT[self.left]] if self.left else []
        words += ["with a talk"] * self.talked
        words += _because("not let in", self.refused) + _because("overtaken", self.overtaken)
        words += ["asked in a survey"] * self.surveyed
        words += ["offered something"] * self.sales
        words += ["called again"] * self.called_again + ["not settled"] * self.unresolved
        words += [
            f"{name} {getattr(self, name)}"
            for name in ("queue", "agent", "verdict", "number", "flow")
            if getattr(self, name)
        ]
        return ", ".join(words)


def _because(what: str, reason: str) -> list[str]:
    return [] if not reason else [what if reason == ANY else f"{what} because of {spaced(reason)}"]
