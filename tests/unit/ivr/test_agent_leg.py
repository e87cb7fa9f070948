"""Ids lead back to their call; refusals are told apart."""

import pytest

from ivr.agent_leg import decline_reason, leg_channel, owner_of


@pytest.mark.parametrize(
    ("cause", "ring_ms", "reason"),
    [
        (17, 100, "busy"),
        (21, 100, "rejected"),
        (23, 100, "rejected"),
        (19, 100, "no_answer"),
        (18, 100, "no_answer"),
        (127, 20_000, "no_answer"),
        (127, 100, "unreachable"),
        (20, 100, "unreachable"),
        (0, 0, "unreachable"),
    ],
)
def test_why_a_phone_was_not_answered(cause: int, ring_ms: int, reason: str) -> None:
    assert decline_reason(cause, ring_ms, ring_s=20) == reason


def test_every_id_of_ours_leads_back_to_its_call() -> None:
    call = "ast1-1763772000.12"
    leg = leg_channel(call, 3)
    for name in (call, leg, f"{call}-b3", f"{call}-p1", f"{leg}-p0", f"{call}-r2"):
        assert owner_of(name) == call
