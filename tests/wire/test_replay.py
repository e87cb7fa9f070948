"""Each recording performed as it was recorded: the worker says the same, and logs the same."""

import pytest

from tests.wire.bench import Bench, of_agents, of_calls
from tests.wire.performance import Faults, Performer
from tests.wire.recording import recordings, told

NAMES = [name for name in recordings() if name != "connect"]


@pytest.mark.parametrize("name", NAMES)
def test_the_worker_does_as_recorded(bench: Bench, name: str) -> None:
    async def test() -> None:
        recording = bench.recordings[name]
        await bench.prepare(recording)
        found = await Performer(bench, recording, Faults()).perform()
        assert (found.missing, found.beside, found.impossible) == ([], [], [])
        events = bench.log()
        await bench.check(events)
        assert told(of_calls(events) or of_agents(events, "cody")) == recording.log

    bench.run(test())
