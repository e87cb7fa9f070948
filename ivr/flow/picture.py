"""A flow as a picture: steps as boxes, outcomes on the arrows; as Graphviz text and as Mermaid.

With a `Traffic`, what the call log knows is drawn in: how many callers took each arrow, and where they left.
"""

import html
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from ivr.flow.longest import is_human
from ivr.flow.sound import Text
from ivr.flow.step import Flow, Step
from ivr.steps.offer import Offer

SHOWN = 72
"""Characters of a text that are shown in its box."""
COLUMNS = 26


class Look(NamedTuple):
    """Colours of a box: inside, edge."""

    fill: str
    line: str


LOOKS = {
    "tell": Look("#eef4fb", "#5b87b8"),
    "ask": Look("#fff5d6", "#c79a1b"),
    "human": Look("#e3f4e1", "#4c9a46"),
    "call": Look("#f0e9f7", "#7d5ba6"),
    "over": Look("#ededed", "#8a8a8a"),
}
MEANINGS = {
    "tell": "does something",
    "ask": "asks the caller",
    "human": "people",
    "call": "another flow",
    "over": "the end",
}
LEFT = "#b3261e"
INK = "#222222"
FAINT = "#5f6b7a"


class Arrow(NamedTuple):
    """From a step to the next one; to None: there the call ends."""

    start: str
    to: str | None
    outcomes: tuple[str, ...]
    """Those that are shown at it."""
    also: tuple[str, ...] = ()
    """Those that merely go the way of another (`busy` → `failed`)."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """How callers went through a flow."""

    taken: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Step and outcome → callers."""
    left: Mapping[str, int] = field(default_factory=dict)
    """Step → callers who hung up in it."""
    came: int = 0
    """Callers whose call began in the flow."""

    def callers(self, arrow: Arrow) -> int:
        """How many took an arrow."""
        return sum(self.taken.get((arrow.start, each), 0) for each in (*arrow.outcomes, *arrow.also))


def arrows(flow: Flow) -> list[Arrow]:
    """Every arrow: the outcomes of a step that lead to the same one share theirs."""
    found: list[Arrow] = []
    for name, step in flow.steps.items():
        ways: dict[str | None, tuple[list[str], list[str]]] = {}
        for outcome in step.possible():
            other = step.otherwise.get(outcome)
            to = step.target(outcome) or (flow.after_agent if outcome == step.agent_left else None)
            own = other is None or step.target(outcome) != step.target(other)
            ways.setdefault(to, ([], []))[0 if own else 1].append(outcome)
        found += [Arrow(name, to, tuple(own), tuple(also)) for to, (own, also) in ways.items()]
    return found


def kind_of(step: Step) -> str:
    """Which of `LOOKS` a step has."""
    if is_human(step):
        return "human"
    if step.calls is not None:
        return "call"
    if not step.possible():
        return "over"
    return "ask" if step.waits or isinstance(step, Offer) else "tell"


def verb_of(step: Step) -> str:
    return type(step).__module__.rpartition(".")[2]


def summary(step: Step) -> str:
    """The one thing about a step that says most: what is played or said, which queue."""
    value = getattr(step, step.main) if step.main else None
    if value is None:
        value = next(chain(step.texts(), step.queues()), None)
    if isinstance(value, Text):
        value = str(value)
    if isinstance(value, tuple | list):
        value = ", ".join(map(str, value))
    if isinstance(value, Mapping):
        value = "; ".join(f"{name}: {each}" for name, each in value.items())
    text = " ".join(str(value).split()) if value is not None else ""
    text += f" (menu: {step.beside})" if step.beside is not None else ""
    return textwrap.shorten(text, SHOWN, placeholder=" …") if len(text) > SHOWN else text


def graphviz(flow: Flow, traffic: Traffic | None = None) -> str:
    """The flow for Graphviz's `dot`."""
    ids = {name: f"s{number}" for number, name in enumerate(flow.steps)}
    title = html.escape(flow.title or flow.name)
    below = f"{flow.name}.yaml" + (f", {traffic.came} callers" if traffic else "")
    lines = [
        "digraph flow {",
        '  graph [rankdir=TB, nodesep=0.6, ranksep=0.55, pad=0.35, bgcolor="white", splines=true,'
        f' fontname="Helvetica,Arial,sans-serif", labelloc=t, fontsize=20, fontcolor="{INK}",'
        f" label=<<b>{title}</b><br/>{_small(below, FAINT, 11)}<br/>{_legend(flow)}<br/> >];",
        '  node [shape=box, style="filled,rounded", fontname="Helvetica,Arial,sans-serif", fontsize=12,'
        f' fontcolor="{INK}", penwidth=1.3, margin="0.16,0.09"];',
        '  edge [fontname="Helvetica,Arial,sans-serif", fontsize=11, color="#55606e", fontcolor="#333c47",'
        " arrowsize=0.75, penwidth=1.2];",
        '  call [shape=circle, label="☎", fontsize=18, fillcolor="#222222", fontcolor="white", penwidth=0,'
        " margin=0, width=0.45, fixedsize=true];",
        *(f"  {ids[name]} {_box(name, step, traffic)};" for name, step in flow.steps.items()),
        f"  call -> {ids[flow.start]};",
        *_lines(flow, ids, traffic),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _box(name: str, step: Step, traffic: Traffic | None) -> str:
    look = LOOKS[kind_of(step)]
    left = traffic.left.get(name, 0) if traffic else 0
    rows = [f"<b>{html.escape(name)}</b>"]
    said = f"{verb_of(step)}: {summary(step)}" if summary(step) else verb_of(step)
    rows += [_small(row, FAINT) for row in textwrap.wrap(said, COLUMNS)]
    if left:
        rows.append(_small(f"{left} hung up here", LEFT))
    return f'[label=<{"<br/>".join(rows)}>, fillcolor="{look.fill}", color="{LEFT if left else look.line}"]'


def _legend(flow: Flow) -> str:
    """What the colours mean that there are."""
    there = {kind_of(step) for step in flow.steps.values()}
    squares = (
        f'<font point-size="13" color="{LOOKS[kind].line}">■</font> {_small(words, FAINT)}'
        for kind, words in MEANINGS.items()
        if kind in there
    )
    return " &#160; ".join(squares)


def _small(text: str, color: str, size: int = 10) -> str:
    return f'<font point-size="{size}" color="{color}">{html.escape(text)}</font>'


def _lines(flow: Flow, ids: Mapping[str, str], traffic: Traffic | None) -> Iterator[str]:
    ends = 0
    for arrow in arrows(flow):
        label, style = _label(arrow, traffic)
        if arrow.to in ids:
            target = ids[str(arrow.to)]
        else:
            target, ends = f"e{ends}", ends + 1
            yield f'  {target} [shape=circle, label="", width=0.14, fixedsize=true, fillcolor="#8a8a8a"];'
        yield f'  {ids[arrow.start]} -> {target} [label="{_quoted(label)}"{style}];'


def _label(arrow: Arrow, traffic: Traffic | None) -> tuple[str, str]:
    """What stands at an arrow, and how it is drawn."""
    words = "" if arrow.outcomes == ("done",) else " · ".join(arrow.outcomes)
    if traffic is None:
        return (f" {words} " if words else ""), ""
    count = traffic.callers(arrow)
    most = max(traffic.taken.values(), default=0)
    if not count:
        return f" {words} ", ', color="#c4cad2", fontcolor="#98a1ad", style=dashed'
    width = 1.2 + 4 * count / most
    return f" {words} ({count}) " if words else f" {count} ", f', penwidth={width:.1f}, color="#2f6db3"'


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def mermaid(flow: Flow, traffic: Traffic | None = None) -> str:
    """The flow for Mermaid, as Markdown pages and wikis draw it."""
    ids = {name: f"s{number}" for number, name in enumerate(flow.steps)}
    lines = ["flowchart TD", f'  call(("☎")) --> {ids[flow.start]}']
    for name, step in flow.steps.items():
        said = f"{verb_of(step)}: {summary(step)}" if summary(step) else verb_of(step)
        rows = [f"<b>{_entities(name)}</b>", _entities(said)]
        left = traffic.left.get(name, 0) if traffic else 0
        if left:
            rows.append(f"{left} hung up here")
        lines.append(f'  {ids[name]}["{"<br>".join(rows)}"]:::{kind_of(step)}')
    for number, arrow in enumerate(arrows(flow)):
        label = _label(arrow, traffic)[0].strip()
        target = ids[arrow.to] if arrow.to is not None else f"e{number}((( )))"
        lines.append(f"  {ids[arrow.start]} --" + (f'>|"{_entities(label)}"| ' if label else "> ") + target)
    lines += [f"  classDef {name} fill:{look.fill},stroke:{look.line}" for name, look in LOOKS.items()]
    return "\n".join(lines) + "\n"


def _entities(text: str) -> str:
    """Everything that Mermaid might take for its own as an entity."""
    return "".join(char if char.isalnum() or char in " .,:;-_/…·" else f"#{ord(char)};" for char in text)
