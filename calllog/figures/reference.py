"""docs/figures.md, made from the definitions themselves: `make docs`."""

import sys
from collections.abc import Iterator

from calllog.figures.catalogue import FIGURES
from calllog.figures.figure import Family, Figure, Unit
from calllog.figures.routing import MOST_WAITS
from calllog.figures.thresholds import Thresholds

FAMILIES: dict[Family, tuple[str, str]] = {
    "queues": (
        "Queues",
        "By when the caller **joined**: who joins at 9:59 and is answered at 10:01 counts at "
        "9:59 alone. Refused callers: by when they were refused. Broken down by queue, campaign, flow and "
        "version, hour, weekday. Every caller is judged by the thresholds of his own queue.",
    ),
    "calls": ("Calls", "By when the call **arrived**. By campaign, flow and version, hour, weekday."),
    "agents": (
        "Agents",
        "Legs (talks of a caller with an agent): by when they **began**, and only those that are over. "
        "Offers: by when the agent was rung. Time in states: cut at the interval's ends; what goes on "
        "counts until now. By queue, campaign and flow only the figures of legs are known.",
    ),
    "first contact": ("First contact", "Three answers to one question, side by side."),
    "surveys": ("Surveys", "All surveys but the one about being settled, unless one is chosen."),
    "sales": ("Sales in flows", "What `offer` steps bring, and what they cost everybody in time."),
    "patience": ("Patience", "Per queue, hour, weekday, campaign, flow and version."),
    "flows": ("Ways through flows", "Of each step of each version of a flow."),
    "routing": (
        "How callers are handed to agents",
        "By when the caller **joined**. By queue. Shown by `holdfast report routing` alone: it is worked out "
        f"of the events themselves, of at most {MOST_WAITS:,} waits at once.",
    ),
    "line": ("The line", "Whether callers could come in at all."),
}
UNITS: dict[Unit, str] = {
    "count": "number",
    "share": "percent",
    "ms": "duration",
    "score": "score",
    "ratio": "ratio",
}
_BEGIN = """<!-- Made by `make docs` from calllog/figures/*.py: edit those. -->
# Figures

Every figure that Holdfast shows, as it is computed: each definition stands in the code beside its formula,
and the same text is shown beside the number. The same log gives the same figure for ever.

O offered, A answered, B abandoned (Bs: short ones), F flowed out, X failed by us, W still waiting:
**O = A + B + F + X + W** in every interval. A≤X: answered within X seconds.

Intervals (15, 30, 60 minutes, day, week, month) are cut on the local clock of a time zone: a day on which
clocks are changed has 23 or 25 hours, and of an hour that comes twice each is an interval of its own. Weeks
begin on Monday. A figure of nothing (the abandon rate where nobody was offered) is left empty: it is neither
0 nor 100 %. Percentiles are by nearest rank: a wait that has occurred, never a value between two.
"""


def text() -> str:
    """The whole page."""
    return "\n".join([_BEGIN, *_families(), *_thresholds()]) + "\n"


def _families() -> Iterator[str]:
    for family, (title, counted) in FAMILIES.items():
        yield f"## {title}\n\n{counted}\n"
        yield "| figure | name | unit | how it is worked out |\n|---|---|---|---|"
        yield from (_line(figure) for figure in FIGURES.values() if figure.family == family)
        yield ""


def _line(figure: Figure) -> str:
    told = figure.formula + (f". {figure.notes}" if figure.notes else "")
    cells = figure.title, f"`{figure.name}`", UNITS[figure.unit], told
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _thresholds() -> Iterator[str]:
    usual = Thresholds()
    yield "## Thresholds\n"
    yield "Free choices; another one can be applied to any past day. `service_level_s` and `short_abandon_s`"
    yield "are those of each queue in `queues.yaml`, where they are written there.\n"
    yield "| threshold | usual |\n|---|---|"
    for name in Thresholds.__struct_fields__:
        value = getattr(usual, name)
        if name != "queues":
            shown = ", ".join(sorted(value)) if isinstance(value, frozenset) else value
            yield f"| `{name}` | {shown} |"


if __name__ == "__main__":
    sys.stdout.write(text())
