"""The walk can fail: scripts with one thing wrong in them do not survive it."""

from pathlib import Path

import pytest

from calllog.errors import HoldfastError
from queues import scripts
from tests.queues.redis_process import RedisProcess
from tests.queues.soak import walk

STEPS, EPISODE = 8_000, 400

WRONG = {
    "an old owner is obeyed": ("call.epoch ~= ARGV[3]", "false"),
    "a repetition is applied again": ("if int(ARGV[4]) <= int(call.op) then", "if false then"),
    "an offered caller is offered again": (
        "redis.call('ZREM', SITE_KEY .. 'wait:' .. call.queue, call.id)\n  put(",
        "put(",
    ),
    "a declined caller loses his place": (
        "call.queue, call.score, call.id)",
        "call.queue, call.score + 1e6, call.id)",
    ),
    "who has declined is asked first": ("if not is_in(call.avoid, id)", "if is_in(call.avoid, id)"),
    "the longest idle is passed over": ("idle, 0, avoided)", "idle, 0, avoided, 'REV')"),
    "an agent looks at his first queue only": ("not best or score < best_score", "not best"),
    "a freed agent gets nobody": ("for _, agent in ipairs(freed) do", "for _, agent in ipairs({}) do"),
    "a wish is forgotten": ("if wish == 'offline' then", "if false then"),
    "cool-down for nothing": (",caller_gone,", ",no_one,"),
    "the second hold forgets the first": ("'talking' and call.held_since_at == ''", "'talking'"),
    "a hold outlives the call": ("    close_hold('agent')\n    close_hold('caller')\n", ""),
    "the wait is not in the sum": ("put(call, 'wait_ms', int(call.wait_ms) + waited)", ""),
    "two may win a call": ("if owner == ARGV[2] and epoch == ARGV[3] then", "if owner then"),
    "who is consulted stays reserved": (
        "release(agent, nil, call.id, call.queue) end\n  elseif",
        "end\n  elseif",
    ),
    "a hold outlives the consult": ("own(4))\n  close_hold('agent')", "own(4))"),
    "who is asked need not be free": ("agent.state == 'ready')\nif", "agent.state ~= 'offline')\nif"),
    "a hand-over needs no answer": (
        "call.c_state == 'talking' and call.c_attempt == own(1) then\n  hand",
        "call.c_attempt == own(1) then\n  hand",
    ),
    "who gives a caller away is asked first": ("put(call, 'avoid', agent)", ""),
    "a full queue takes one more": ("ahead >= most", "ahead > most"),
    "who pauses is there": ("not is_in(groups, counts[i])", "true"),
    "the ratio counts who is away": ("AT_WORK = { 'ready',", "AT_WORK = { 'offline', 'ready',"),
    "the first of the line have to go": ("-math.min(number, MOST), -1)", "0, number - 1)"),
    "a change is not counted": ("redis.call('HINCRBY', SITE_KEY .. 'staff:' .. name, to, 1)", ""),
    "a way that is not there is taken": ("is_in(ways, 'ratio') and ratio", "ratio"),
    "ties are not broken": ("int(n) + 1 or 0", "0 or 0"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_script_is_found(
    what: str, redis: RedisProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = WRONG[what]
    true = scripts.read()
    changed = {name: text.replace(right, wrong) for name, text in true.items()}
    assert changed != true, "the mutation changes nothing"
    monkeypatch.setattr(scripts, "read", lambda: changed)
    with pytest.raises((AssertionError, HoldfastError)):
        await walk(redis, tmp_path, seed=7, steps=STEPS, episode=EPISODE, site=what)
