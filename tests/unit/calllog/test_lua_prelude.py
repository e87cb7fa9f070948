"""The scripts' prelude writes events that the types read, whatever the strings in them are."""

from pathlib import Path
from typing import Any

import calllog
from calllog.call_events import Arrived, Joined
from calllog.events import AgentStateChanged, WorkerStarted, decode
from tests.unit.calllog.conftest import Planted

PRELUDE = (Path(calllog.__file__).parent / "lua" / "log.lua").read_text()
HOSTILE = 'a"b\\c\nd\x1b[31m\x7f\x9b\u202eé&${x}' + "4" * 4096


def run(planted: Planted, script: str, *args: Any) -> Any:
    return planted.client.eval(
        f"{PRELUDE}\nlog_to(KEYS[1])\nlocal reply = (function() {script} end)()\nlog_written()\nreturn reply",
        2,
        planted.key,
        f"{{{planted.site}}}:call:c1",
        *args,
    )


def written(planted: Planted) -> list[Any]:
    entries: Any = planted.client.xrange(planted.key)
    return [decode(line) for _, fields in entries for line in fields["e"].split("\n")]


def test_a_calls_events_carry_their_number(planted: Planted) -> None:
    body = '{"kind":"answered"}'
    run(planted, "log_call('c1', 1, ARGV[1], 0) log_call('c1', 2, ARGV[1])", body)
    events = written(planted)
    assert [(event.id, event.seq) for event in events] == [("c1:1", 1), ("c1:2", 2)]
    assert all(event.site == planted.site and event.source == "observed" for event in events)


def test_hostile_strings_arrive_as_they_were(planted: Planted) -> None:
    script = """log_call(ARGV[1], 1, '{"kind":"arrived","from":' .. quoted(ARGV[1]) .. '}', 7, true)"""
    run(planted, script, HOSTILE)
    (event,) = written(planted)
    assert isinstance(event, Arrived)
    assert (event.from_, event.call, event.at, event.source) == (HOSTILE, HOSTILE, 7, "inferred")


def test_a_score_keeps_its_fraction(planted: Planted) -> None:
    score = 1_795_309_698_051 + 3 / 1024
    script = """log_call('c1', 1, '{"kind":"joined","queue":"q","position":1,"score":'
        .. number(ARGV[1]) .. '}')"""
    run(planted, script, repr(score))
    (event,) = written(planted)
    assert isinstance(event, Joined)
    assert event.score == score


def test_time_never_runs_back(planted: Planted) -> None:
    later = 4_000_000_000_000
    planted.client.set(f"{{{planted.site}}}:clock", later)
    assert run(planted, "return number(now_ms())") == str(later)
    run(planted, """log_call('c1', 1, '{"kind":"answered"}')""")
    (event,) = written(planted)
    assert (event.at, event.logged_at) == (later, later)


def test_one_instant_per_script_and_the_clock_is_kept(planted: Planted) -> None:
    told = run(planted, "return {number(now_ms()), number(now_ms())}")
    assert told[0] == told[1] == planted.client.get(f"{{{planted.site}}}:clock")


def test_agents_and_workers_count_their_own_events(planted: Planted) -> None:
    script = """
        log_agent('alice', 1,
            '{"kind":"agent_state","agent":"alice","from":"","to":"ready"}')
        log_worker('hf-1', 1, '{"kind":"worker_started","worker":"hf-1","inc":1}')
        log_worker('hf-1', 2, '{"kind":"worker_started","worker":"hf-1","inc":2}')
    """
    run(planted, script)
    state, first, second = written(planted)
    assert isinstance(state, AgentStateChanged)
    assert isinstance(first, WorkerStarted)
    assert [event.id for event in (state, first, second)] == [
        "agent:alice:1",
        "worker:hf-1:1:1",
        "worker:hf-1:2:2",
    ]
