"""Who went which way through a flow, from the call log."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from calllog.events import AnyEvent, decode
from ivr.cli import main
from tests.unit.calllog.conftest import Planted
from tests.unit.flow.small_company import build

AT = 1_795_309_698_051


def a_call(
    number: int, steps: list[str], ended_by: str = "caller", to: str = "100", flow: str = "main"
) -> list[AnyEvent]:
    """A call that passed these steps, each as `step outcome`."""
    drafts: list[dict[str, object]] = [{"kind": "arrived", "from": "1", "to": to}]
    for step in steps:
        name, outcome = step.split()
        path = f"{flow}/{name}"
        drafts.append(
            {"kind": "step", "flow": flow, "version": 1, "path": path, "outcome": outcome, "took_ms": 5}
        )
    times = dict.fromkeys(("lifetime_ms", "flow_ms", "wait_ms", "held_ms", "talk_ms"), 0)
    drafts.append(
        {"kind": "ended", "verdict": "ivr_exit", "reason": "x", "ended_by": ended_by, "cause": 16, **times}
    )
    call = f"c{number}"
    common = {"site": "main", "call": call, "at": AT, "logged_at": AT, "source": "observed"}
    return [
        decode(msgspec.json.encode(common | {"id": f"{call}:{seq}", "seq": seq} | draft))
        for seq, draft in enumerate(drafts, 1)
    ]


@pytest.fixture
def holdfast(planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planted:
    build(tmp_path)
    monkeypatch.setenv("HOLDFAST_CALLFLOWS", str(tmp_path))
    monkeypatch.setenv("HOLDFAST_SITE", planted.site)
    monkeypatch.setenv("HOLDFAST_REDIS_URL", planted.url)
    return planted


def test_the_ways_of_all_callers_and_where_they_left(holdfast: Planted) -> None:
    holdfast.add(*a_call(1, ["welcome done", "choose 1"]))
    holdfast.add(*a_call(2, ["welcome done", "choose 1", "sales answered"], ended_by="system"))
    holdfast.add(*a_call(3, ["welcome done", "choose timeout", "bye x"]))
    holdfast.add(*a_call(4, []))
    holdfast.add(*a_call(5, ["gone done"]))
    holdfast.add(*a_call(6, ["welcome done"], flow="other"))
    holdfast.raw(b"{", "e")
    result = CliRunner().invoke(main, ["graph", "main", "--log", "--mermaid"])
    assert result.exit_code == 0, result.output
    assert 's0["<b>welcome</b><br>play: hello<br>1 hung up here"]' in result.output
    assert 's2["<b>sales</b><br>queue: sales<br>1 hung up here"]' in result.output
    assert result.output.count("hung up here") == 2
    assert 's0 -->|"3"| s1' in result.output
    assert 's1 -->|"1 #40;2#41;"| s2' in result.output
    assert 's1 -->|"invalid · timeout #40;1#41;"| s3' in result.output
    assert 's2 -->|"answered #40;1#41;"|' in result.output
