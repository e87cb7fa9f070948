"""A sound that cannot be had: the flow goes on, on the way that was written for it."""

import pytest

from tests.unit.flow.calls import Script, call

BROKEN = Script(sounds={"en/broken": -1})


@pytest.mark.parametrize(
    "step", ["play: not-there", "play: broken", "play: [fine, broken]", "say: unspeakable"]
)
def test_failed_is_an_outcome(step: str) -> None:
    ends = "  b: {hangup: busy}\n  c: {hangup: }\n"
    text = f"steps:\n  a:\n    {step}\n    next: {{done: b, failed: c}}\n{ends}"
    line = call(text, BROKEN)
    assert line.story[-2] == "hangup normal"
    assert line.notes[0][1]["outcome"] == "failed"


@pytest.mark.parametrize("step", ["play: not-there", "say: unspeakable"])
def test_failed_goes_the_way_of_done_if_no_other_is_written(step: str) -> None:
    text = f"steps:\n  a:\n    {step}\n    next: {{done: b}}\n  b: {{hangup: busy}}\n"
    line = call(text, BROKEN)
    assert line.story[-3:] == ["step main/b", "hangup busy", "over by system"]
    assert line.notes[0][1]["outcome"] == "failed"
