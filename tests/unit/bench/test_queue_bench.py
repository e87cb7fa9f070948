"""The plan takes turns; the verdict is void without a strong native side; results carry no names."""

from pathlib import Path

import msgspec
import pytest

from bench import report as reports
from bench.figures import spread, wire_figures
from bench.holdfast_server import callflows
from bench.native_queue import agents_conf, members_conf
from bench.queue_bench import Leg, exit_code, plan
from bench.segment import Segment
from bench.telephones import Counts, counts


def segment(server: str, rate: int, failed: int = 0, placed: int = 1000, talk_ms: float = 9) -> Segment:
    sipp = Counts(placed, placed - failed, failed, 0)
    wire = msgspec.structs.replace(
        wire_figures([]),
        served=placed - failed,
        invite_to_200=spread([1.5]),
        invite_to_talk=spread([talk_ms]),
    )
    costs = {"native asterisk": 8.0, "asterisk": 6.0, "redis": 0.5, "hf-1": 1.0, "sipp": 2.0, "other": 1.0}
    return Segment(server, rate, 10, wire, sipp, costs, 20.0, 0)


def report(*segments: Segment) -> reports.Report:
    facts = reports.Facts(2, "cpu", 24.0, "6.1", "3.11", "22.10.1", "8.0.6", "3.8.0", "abc+")
    return reports.Report("2026-01-02T03:04:05Z", facts, {}, reports.void_reason(segments), list(segments))


def test_both_are_driven_in_turns_that_swap() -> None:
    legs = plan("both", 100, 60, 2, 20, 144)
    assert legs == [
        Leg("native", 144, 30),
        Leg("native", 20, 20),
        Leg("holdfast", 20, 20),
        Leg("native", 100, 60),
        Leg("holdfast", 100, 60),
        Leg("holdfast", 100, 60),
        Leg("native", 100, 60),
    ]


def test_ours_alone_needs_no_proof() -> None:
    assert plan("holdfast", 100, 60, 1, 0, 144) == [Leg("holdfast", 100, 60)]


@pytest.mark.parametrize(
    ("native", "void"),
    [
        ([segment("native", 144)], False),
        ([segment("native", 144, failed=1)], True),
        ([segment("native", 143)], True),
        ([segment("native", 144, talk_ms=1001)], True),
        ([segment("native", 144, failed=1), segment("native", 160)], False),
        ([], True),
    ],
)
def test_a_weak_native_side_voids_the_run(native: list[Segment], void: bool) -> None:
    run = report(*native, segment("holdfast", 200))
    assert bool(run.void) is void
    assert exit_code(run) == (3 if void else 0)


@pytest.mark.parametrize(("failed", "code"), [(1, 0), (2, 1)])
def test_one_failed_call_in_a_thousand_is_allowed(failed: int, code: int) -> None:
    assert exit_code(report(segment("native", 144), segment("holdfast", 100, failed))) == code


def test_the_sum_is_that_of_the_driven_server() -> None:
    assert reports.server_sum(segment("native", 100)) == 8.0
    assert reports.server_sum(segment("holdfast", 100)) == 7.5


def test_results_are_kept_by_time_and_commit(tmp_path: Path) -> None:
    saved = reports.save(report(segment("native", 144)), tmp_path)
    assert saved.name == "20260102T030405Z-abc-dirty.json"
    assert msgspec.json.decode(saved.read_bytes())["segments"][0]["wire"]["invite_to_200"]["p50_ms"] == 1.5


def test_sipp_totals_are_those_of_the_last_line() -> None:
    lines = ["TotalCallCreated;SuccessfulCall(C);FailedCall(C);Retransmissions(C)", "5;1;0;0", "20;18;2;3"]
    assert counts("\n".join(lines)) == Counts(20, 18, 2, 3)


def test_calls_that_neither_succeeded_nor_failed_are_unfinished() -> None:
    assert Counts(20, 15, 2, 0).unfinished == 3


def test_both_sides_have_the_same_agents() -> None:
    phones = callflows(2)["agents.yaml"]
    assert isinstance(phones, dict)
    assert phones["devices"]["agent002-phone"] == {"contact": "sip:agent002@127.0.0.3:5090"}
    assert members_conf(2) == "member => PJSIP/agent001\nmember => PJSIP/agent002\n"
    assert "[agent002](phone)\naors = agent002\n" in agents_conf(2)
    assert "contact = sip:agent002@127.0.0.3:5090" in agents_conf(2)
