"""Which alarms there are, when, and what /readyz makes of them."""

import re
from pathlib import Path

import pytest

from calllog.stream import ArchiveState
from ivr.api.alarms import ARCHIVE_LATE_MS, MISSED_MS, SILENT_MS, STALE_MS, Findings, alarms, checks, ready
from ivr.api.routes import ROUTES
from ivr.checkpoint import Peer

NOW = 1_795_356_228_000
DOCS = (Path(__file__).parents[3] / "docs" / "api.md").read_text()


def peer(name: str, alive: bool = True, connected: int = 1, calls: int = 0, ago_ms: int = 0) -> Peer:
    return Peer(name, alive, 1, 1, "host", False, calls, NOW, NOW - ago_ms, 0, connected)


def archive(lag_ms: int = 0, alarm: str = "", silent_ms: int = 0) -> ArchiveState:
    return ArchiveState(place="a", lag_ms=lag_ms, alarm=alarm, seen_at=NOW - silent_ms)


WELL = (peer("hf-1"), peer("hf-2"))


@pytest.mark.parametrize(
    ("found", "names", "is_ready"),
    [
        (Findings("", 0, WELL, (), NOW), [], True),
        (Findings("gone", 0, WELL, (), NOW), ["redis-away"], False),
        (Findings("", 0, (), (), NOW), ["no-worker"], False),
        (Findings("", 0, (peer("hf-1", False),), (), NOW), ["no-worker"], False),
        (Findings("", 0, (*WELL, peer("hf-3", False)), (), NOW), ["worker-away"], True),
        (Findings("", 0, (*WELL, peer("hf-3", False, ago_ms=MISSED_MS)), (), NOW), [], True),
        (
            Findings("", 0, (*WELL, peer("hf-3", False, calls=1, ago_ms=MISSED_MS)), (), NOW),
            ["worker-away"],
            True,
        ),
        (Findings("", 0, (peer("hf-1", connected=0),), (), NOW), ["asterisk-away"], False),
        (Findings("", 0, (peer("hf-1"), peer("hf-2", connected=0)), (), NOW), ["asterisk-partly"], True),
        (Findings("", STALE_MS + 1, WELL, (), NOW), [], False),
        (Findings("", 0, WELL, (archive(),), NOW), [], True),
        (Findings("", 0, WELL, (archive(ARCHIVE_LATE_MS + 1),), NOW), ["archive-late"], True),
        (Findings("", 0, WELL, (archive(alarm="disk full"),), NOW), ["archive-late"], True),
        (Findings("", 0, WELL, (archive(silent_ms=SILENT_MS + 1),), NOW), ["archive-late"], True),
    ],
)
def test_alarms(found: Findings, names: list[str], is_ready: bool) -> None:
    told = alarms(found, [])
    assert [alarm.alarm for alarm in told] == names
    assert all(alarm.mend and alarm.since_at == NOW for alarm in told)
    assert ready(checks(found)) is is_ready
    assert all(check.right or (check.problem and check.mend) for check in checks(found))
    for name in names:
        assert f"| `{name}` |" in DOCS


def test_an_alarm_that_goes_on_keeps_its_beginning() -> None:
    first = alarms(Findings("gone", 0, WELL, (), NOW), [])
    later = alarms(Findings("gone", 0, WELL, (), NOW + 5_000), first)
    assert later == first
    assert alarms(Findings("", 0, WELL, (), NOW + 6_000), later) == []


def test_the_page_has_every_path_and_metric() -> None:
    source = (Path(__file__).parents[3] / "ivr" / "api" / "metrics.py").read_text()
    for metric in set(re.findall(r'"(holdfast_[a-z_]+)"', source)):
        assert re.search(rf"`{metric}(_total)?`", DOCS), metric
    for route in ROUTES:
        assert route.path.replace("{queue}", "NAME").replace("{agent}", "ID").replace("{call}", "ID") in DOCS
