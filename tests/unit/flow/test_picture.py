"""`holdfast graph`: every step and arrow is in the picture, and the log's callers with --log."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from ivr.cli import main
from ivr.flow.picture import MEANINGS, Traffic, arrows, graphviz, kind_of, mermaid, summary, verb_of
from tests.unit.flow.calls import flow_of
from tests.unit.flow.small_company import build, edit

SVG = "{http://www.w3.org/2000/svg}"
FLOW = """
title: A & B
steps:
  welcome: {play: hello, next: choose}
  choose: {menu: {say: "Which <one> do you \\"want\\"?"}, next: {1: sales, invalid: bye, timeout: bye}}
  sales: {queue: {name: sales, max_wait_s: 5}, next: {timeout: bye}}
  bye: {hangup: }
"""


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOLDFAST_CALLFLOWS", str(tmp_path))
    return build(tmp_path)


def graph(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["graph", *arguments])


def drawn(svg: str) -> tuple[set[str], int, list[str]]:
    """Its texts, how many arrows, and the colours of its boxes."""
    root = ElementTree.fromstring(svg)  # noqa: S314  (our own drawing)
    texts = {" ".join("".join(text.itertext()).split()) for text in root.iter(f"{SVG}text")}
    edges = [group for group in root.iter(f"{SVG}g") if group.get("class") == "edge"]
    boxes = [
        path.get("stroke", "") for path in root.iter(f"{SVG}path") if path.get("fill") not in ("none", None)
    ]
    return texts, len(edges), boxes


def test_outcomes_that_lead_to_the_same_step_share_an_arrow() -> None:
    assert [arrow[:3] for arrow in arrows(flow_of(FLOW))] == [
        ("welcome", "choose", ("done",)),
        ("choose", "sales", ("1",)),
        ("choose", "bye", ("invalid", "timeout")),
        ("sales", None, ("answered",)),
        ("sales", "bye", ("timeout",)),
    ]


def test_the_picture_has_every_step_and_arrow(company: Path, tmp_path: Path) -> None:
    text = FLOW.replace("play: hello", "say: Hello")
    (company / "flows/main.yaml").write_text(text)
    assert graph("main", "-o", str(tmp_path / "main.svg")).exit_code == 0
    svg = (tmp_path / "main.svg").read_text()
    texts, edges, boxes = drawn(svg)
    assert {
        "A & B",
        "main.yaml",
        "welcome",
        "choose",
        "sales",
        "bye",
        "say: Hello",
        "hangup: normal",
    } <= texts
    assert {"1", "invalid · timeout", "timeout", "answered", "queue: sales"} <= texts
    assert (
        " ".join(
            sorted((each for each in texts if "Which" in each or "want" in each), key=len, reverse=True)
        ).replace('"want"?', '"want"?')
        == 'menu: Which <one> do you "want"?'
    )
    assert edges == 6, "five arrows and the one from the telephone"
    assert len(set(boxes)) == 4, "what tells, what asks, what leads to people and what ends look different"
    assert graph("main").output == svg


def test_what_a_box_says_of_its_step() -> None:
    text = (
        "steps:\n"
        "  a: {branch: {few: 'queue.sales.ready > 2', es: 'language == \"es\"'}, "
        "next: {few: b, es: b, default: b}}\n"
        "  b: {escalate: {queue: chiefs, reason: angry}, next: {answered: c}}\n"
        "  c: {flow: pin, next: d}\n"
        "  d: {play: [one, two], next: e}\n"
        "  e: {hangup: }\n"
    )
    steps = flow_of(text).steps
    assert {name: (verb_of(step), summary(step), kind_of(step)) for name, step in steps.items()} == {
        "a": ("branch", 'few: queue.sales.ready > 2; es: language == "es"', "tell"),
        "b": ("escalate", "chiefs", "human"),
        "c": ("flow", "pin", "call"),
        "d": ("play", "one, two", "tell"),
        "e": ("hangup", "normal", "over"),
    }


def test_an_agent_who_leaves_leads_to_what_follows_agents() -> None:
    text = "steps: {a: {queue: sales}}\nafter_agent: {b: {say: How was it?, next: c}, c: {hangup: }}\n"
    assert arrows(flow_of(text))[-1][:3] == ("a", "b", ("answered",))


def test_the_callers_of_the_log_are_drawn_in() -> None:
    traffic = Traffic(
        {("welcome", "done"): 10, ("choose", "1"): 8, ("choose", "invalid"): 1}, {"sales": 3}, 11
    )
    text = graphviz(flow_of(FLOW), traffic)
    assert "main.yaml, 11 callers" in text
    assert 's0 -> s1 [label=" 10 ", penwidth=5.2' in text
    assert 's1 -> s2 [label=" 1 (8) ", penwidth=4.4' in text
    assert 's1 -> s3 [label=" invalid · timeout (1) "' in text
    assert re.search(r's2 -> s3 \[label=" timeout ".*style=dashed', text), "a way that nobody took is faint"
    assert text.count("hung up here") == 1
    assert "3 hung up here" in next(line for line in text.splitlines() if line.startswith("  s2 ["))


@pytest.mark.usefixtures("company")
def test_the_picture_as_json() -> None:
    told = json.loads(graph("main", "--json").output)
    assert told["steps"][1] == {"name": "choose", "verb": "menu", "summary": "question", "left": None}
    assert told["arrows"][2] == {
        "from": "choose",
        "to": "bye",
        "outcomes": ["invalid", "timeout"],
        "callers": None,
    }


def test_mermaid(company: Path) -> None:
    assert graph("main", "--mermaid").output == (
        "flowchart TD\n"
        '  call(("☎")) --> s0\n'
        '  s0["<b>welcome</b><br>play: hello"]:::tell\n'
        '  s1["<b>choose</b><br>menu: question"]:::ask\n'
        '  s2["<b>sales</b><br>queue: sales"]:::human\n'
        '  s3["<b>bye</b><br>hangup: normal"]:::over\n'
        "  s0 --> s1\n"
        '  s1 -->|"1"| s2\n'
        '  s1 -->|"invalid · timeout"| s3\n'
        '  s2 -->|"answered"| e3((( )))\n'
        "  classDef tell fill:#eef4fb,stroke:#5b87b8\n"
        "  classDef ask fill:#fff5d6,stroke:#c79a1b\n"
        "  classDef human fill:#e3f4e1,stroke:#4c9a46\n"
        "  classDef call fill:#f0e9f7,stroke:#7d5ba6\n"
        "  classDef over fill:#ededed,stroke:#8a8a8a\n"
    )
    told = mermaid(flow_of(FLOW), Traffic({}, {"sales": 3}, 3))
    assert "menu: Which #60;one#62; do you #34;want#34;#63;" in told
    assert "queue: sales<br>3 hung up here" in told
    edit(company, "flows/main.yaml", "play: hello", "pley: hello")
    assert graph("main").exit_code == 1


@pytest.mark.usefixtures("company")
def test_what_cannot_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "did you mean `main`?" in graph("mian").output
    assert graph("mian").exit_code == 2
    monkeypatch.setenv("HOLDFAST_REDIS_URL", "redis://127.0.0.1:1/0")
    assert graph("main", "--log").exit_code == 3
    monkeypatch.setenv("PATH", "/nowhere")
    result = graph("main")
    assert (result.exit_code, "--mermaid works without" in result.output) == (3, True)
    assert graph("main", "--mermaid").exit_code == 0


def test_who_took_an_outcome_without_an_arrow_of_its_own_is_counted_at_the_one_it_joins() -> None:
    text = "steps: {a: {transfer: '+4930123', next: {failed: b}}, b: {say: x, next: c}, c: {hangup: }}"
    flow = flow_of(text)
    traffic = Traffic({("a", "busy"): 5, ("a", "failed"): 2, ("a", "done"): 9, ("b", "failed"): 3}, {}, 16)
    assert [(arrow.outcomes, traffic.callers(arrow)) for arrow in arrows(flow)] == [
        (("done",), 9),
        (("failed",), 7),
        (("done",), 3),
    ]
    assert "failed (7)" in graphviz(flow, traffic)
    assert "failed (7)" in mermaid(flow, traffic).replace("#40;", "(").replace("#41;", ")")


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("transfer: '+4930123', next: {failed: b}", "human"),
        ("transfer: {agent: alice}, next: {no_answer: b}", "human"),
        ("escalate: {queue: chiefs, reason: x}", "human"),
        ("offer: {name: x, when: yes, say: x}, next: {accepted: b, declined: b}", "ask"),
        ("gather: {say: x, into: y}, next: {done: b, invalid: b, timeout: b}", "ask"),
        ("tag: x, next: b", "tell"),
        ("flow: {name: other}, next: b", "call"),
    ],
)
def test_the_colour_tells_what_a_step_is_and_is_explained(step: str, kind: str) -> None:
    flow = flow_of(f"steps: {{a: {{{step}}}, b: {{hangup: }}}}", {"other": "steps: {a: {back: x}}"})
    assert kind_of(flow.steps["a"]) == kind
    told = graphviz(flow)
    assert {words in told for name, words in MEANINGS.items() if name in (kind, "over")} == {True}
    assert {words in told for name, words in MEANINGS.items() if name not in (kind, "over")} == {False}
