"""Anything that can happen between Asterisk and a worker, at the same time, in any mixture."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wire.bench import Bench
from tests.wire.performance import LATEST_S, Faults
from tests.wire.recording import Recording, recordings
from tests.wire.trial import attempt, commands, events

RECORDINGS = [recording for name, recording in recordings().items() if name != "connect"]
EXAMPLES = 150
STATUSES = st.sampled_from([404, 409, 422, 500])


@st.composite
def mixtures(draw: st.DrawFn) -> tuple[Recording, Faults]:
    """A recording and what goes wrong with it."""
    recording = draw(st.sampled_from(RECORDINGS))
    told, given_ = events(recording), commands(recording)
    lines = st.integers(0, len(recording.lines) - 1)
    some = st.frozensets(st.sampled_from(given_), max_size=3)
    return recording, Faults(
        status=draw(st.dictionaries(st.sampled_from(given_), STATUSES, max_size=2)),
        late=draw(some),
        lost=draw(st.frozensets(st.sampled_from(told), max_size=2)),
        twice=draw(st.frozensets(st.sampled_from(told), max_size=3)),
        away=draw(st.dictionaries(lines, st.integers(1, 12), max_size=2)),
        hangs_up=draw(st.none() | lines),
        hint=draw(st.booleans()),
        mute=draw(st.frozensets(st.sampled_from(given_), max_size=1)),
    )


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(mixture=mixtures())
def test_whatever_happens_the_call_ends_and_nothing_is_left(
    bench: Bench, mixture: tuple[Recording, Faults]
) -> None:
    seen = bench.run(attempt(bench, *mixture))
    assert seen.performance.waited_s <= LATEST_S
