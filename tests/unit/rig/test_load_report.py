"""The table of a load: both sides' figures, and a plain word when there is no log."""

import io

from rich.console import Console

from tests.rig.load_report import LogSide, SippSide, findings, print_report
from tests.rig.sip_view import Leg
from tests.unit.rig.test_agreement import AT, CALLER, EVENTS, NUMBER


def printed(sipp: SippSide, log: LogSide | None, why_not: str = "") -> str:
    out = io.StringIO()
    print_report(Console(file=out, width=100), sipp, 0, log, why_not)
    return out.getvalue()


def test_both_sides_stand_beside_each_other() -> None:
    text = printed(SippSide({NUMBER: CALLER}), LogSide({NUMBER: EVENTS}))
    rows = {line.split("│")[1].strip(): line.split("│")[2:4] for line in text.splitlines() if "│" in line}
    assert [cell.strip() for cell in rows["calls"]] == ["1", "1"]
    assert [cell.strip() for cell in rows["hung up by the caller"]] == ["1", "1"]
    assert [cell.strip() for cell in rows["to the answer, p50 / p95 / p99 ms"]] == [
        "21 / 21 / 21",
        "10 / 10 / 10",
    ]
    assert "completed: 1" in text


def test_calls_that_the_log_lacks_are_told() -> None:
    sipp = SippSide({NUMBER: CALLER, "49302": CALLER})
    assert "49302: not in the log" in findings(sipp, LogSide({NUMBER: EVENTS}))
    assert "told differently" in printed(sipp, LogSide({NUMBER: EVENTS}))


def test_without_a_log_it_says_so() -> None:
    refused = Leg("1-1@h", AT, "sip:201@h", status=503)
    text = printed(SippSide({NUMBER: refused}), None, "somebody else's server.")
    assert "503: 1" in text
    assert "No call log beside it: somebody else's server." in text
