"""The verdict of a call must be what its events say."""

import pytest

from tests.unit.calllog.drafts import (
    ANSWER_AND_HOLD,
    ANSWERED,
    ARRIVED,
    Drafts,
    changed,
    ended,
    found,
    left,
    transferred,
)

VERDICTS: dict[str, tuple[Drafts, str]] = {
    "bridged": (changed(16, verdict="overflowed"), "overflowed, but an agent was bridged"),
    "not bridged": (
        [ARRIVED, ended(50, "completed")],
        "completed, but no agent was ever bridged",
    ),
    "rejected": ([ARRIVED, ANSWERED, ended(50, "rejected", "system")], "rejected, but answered"),
    "overflowed": ([ARRIVED, ended(50, "overflowed")], "overflowed, but no queue was left by a rule"),
    "transferred to nobody": (
        [ARRIVED, ended(50, "transferred")],
        "transferred, but no number outside was reached",
    ),
    "reached a number": (
        [ARRIVED, ANSWERED, transferred(to="+49301"), ended(500, "ivr_exit")],
        "ivr_exit, but a number outside was reached",
    ),
    "abandoned": (
        [ARRIVED, ended(50, "abandoned")],
        "abandoned, but hanging up in a queue was not all that happened",
    ),
    "abandoned after a rule": (
        [*ANSWER_AND_HOLD, *left(1000, "timeout"), ended(1000, "abandoned", wait_ms=900)],
        "abandoned, but hanging up in a queue was not all that happened",
    ),
    "hung up in a queue": (
        [*ANSWER_AND_HOLD, *left(1000, "caller_hangup"), ended(1000, "self_served", wait_ms=900)],
        "self_served, but the caller hung up in a queue",
    ),
    "ivr_exit by us": (
        [ARRIVED, ended(50, "ivr_exit", "system")],
        "ivr_exit, but the caller had been in a queue or did not hang up",
    ),
    "ivr_exit after a queue": (
        [*ANSWER_AND_HOLD, *left(1000, "timeout"), ended(1000, "ivr_exit", wait_ms=900)],
        "ivr_exit, but the caller had been in a queue or did not hang up",
    ),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_verdict(name: str) -> None:
    drafts, expected = VERDICTS[name]
    assert found(drafts) == [f"verdict: {expected}"]
