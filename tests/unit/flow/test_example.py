"""The call flows that ship: they pass the check, their tests pass, and these take every branch."""

import json
from pathlib import Path

from click.testing import CliRunner

from ivr.cli import main

SHIPPED = Path(__file__).parents[3] / "callflows"


def test_they_pass_check_and_tests_and_every_branch_is_taken() -> None:
    result = CliRunner().invoke(main, ["test", str(SHIPPED), "--json"])
    told = json.loads(result.output)
    assert (result.exit_code, told["failures"]) == (0, [])
    assert told["tests"] == told["passed"] > 0
    for flow in told["flows"]:
        assert (flow["flow"], flow["coverage_percent"], flow["missed"]) == (flow["flow"], 100, [])
