"""The walk can fail: scripts with one thing wrong in them do not survive it.

Each of these is found within 25,000 steps as the walk goes today. One that the walk finds late, or by luck,
is shown by a test of its own instead: any change of the walk would turn it.
"""

from pathlib import Path

import pytest

from calllog.errors import HoldfastError
from queues import scripts
from tests.queues.redis_process import RedisProcess
from tests.queues.soak import walk

STEPS, EPISODE = 80_000, 400

WRONG = {
    "nobody remembers whom he talked to": (
        "if key then redis.call('SET', key, agent.id",
        "if false then redis.call('SET', key, agent.id",
    ),
    "who has put us on hold is rung for": (
        "  if call.hold_caller_at ~= '' then return step_aside(call) end\n",
        "",
    ),
    "an old owner is obeyed": ("call.epoch ~= ARGV[3]", "false"),
    "a repetition is applied again": ("if int(ARGV[4]) <= int(call.op) then", "if false then"),
    "an offered caller is offered again": (
        "if wanted(call) <= 0 then out_of_lane(call) end",
        "",
    ),
    "a declined caller loses his place": (
        "  if wanted(call) > 0 then into_lane(call) end\n",
        "  put(call, 'score', call.score + 1e6)\n  if wanted(call) > 0 then into_lane(call) end\n",
    ),
    "who has declined is asked first": ("if not is_in(call.avoid, id)", "if is_in(call.avoid, id)"),
    "the longest idle is passed over": ("key, 0, most - 1)", "key, 0, most - 1, 'REV')"),
    "an agent looks at his first queue only": ("not best_score or score < best_score", "not best_score"),
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
    "a hold outlives the consult": ("own(4))\n  if line == '' then close_hold('agent') end", "own(4))"),
    "who is asked need not be free": ("agent.state == 'ready')\nif", "agent.state ~= 'offline')\nif"),
    "a hand-over needs no answer": (
        "call.c_state == 'talking' and call.c_attempt == own(1) then\n  hand",
        "call.c_attempt == own(1) then\n  hand",
    ),
    "who gives a caller away is asked first": ("put(call, 'avoid', agent)", ""),
    "what is required is not waited for": (
        "must_speak(agent) and not forced then return UNSAID",
        "false then",
    ),
    "what is missing is not told": ("then tell_disposition(agent, '') end", "then end"),
    "a private call is no hindrance": ("if agent.in_use == '1' then return", "if false then return"),
    "a private call is held against him": ("if was_private(agent) then", "if false then"),
    "who refuses for ever is rung for ever": ("misses >= most and", "false and"),
    "a wrap-up has no end": ("int(rules.wrapup_max_s) * 1000)", "1e9)"),
    "what a supervisor decides can be undone": ("if agent.wish_by ~= '' and not forced", "if false"),
    "a full queue takes one more": ("ahead >= most", "ahead > most"),
    "who pauses is there": ("not is_in(groups, group)", "true"),
    "the ratio counts who is away": ("AT_WORK = { 'ready',", "AT_WORK = { 'offline', 'ready',"),
    "the first of the line have to go": ("-math.min(number, MOST), -1)", "0, number - 1)"),
    "a change is not counted": ("        add(agent.queues, group, 1)\n", ""),
    "a way that is not there is taken": ("is_in(ways, 'ratio') and ratio", "ratio"),
    "ties are not broken": ("int(n) + 1 or 0", "0 or 0"),
    "a head start counts once": (
        "sum = sum + (starts[reason] or 0)",
        "sum = math.max(sum, starts[reason] or 0)",
    ),
    "who has waited elsewhere begins anew": ("starts.credit = int(call.wait_ms) / 1000", "starts.credit = 0"),
    "a new weight is for new callers": ("set_ahead(call, 'weight', queue_of(call.queue).weight_s)", ""),
    "an agent's own order is forgotten": ("1000 * tonumber(ahead_s)", "0"),
    "the need of a lane is not looked at": (
        "if lane[2] >= tier and meets(lane[3], agent) then",
        "if lane[2] >= tier then",
    ),
    "every tier is open": ("for tier = 1, open do", "for tier = 1, MAX_TIER do"),
    "a higher tier is asked first": ("for tier = 1, open do", "for tier = open, 1, -1 do"),
    "a stage never ends": ("  into_lane(call)\n  moved_on[", "  moved_on["),
    "whose stage has come must wait for an agent": (
        "  moved_on[#moved_on + 1] = call\nend\n\nlocal",
        "end\n\nlocal",
    ),
    "not means yes": ("return (skills[absent] or 0) < 1", "return (skills[absent] or 0) >= 1"),
    "one of several conditions is enough": ("all = all and holds(", "all = all or holds("),
    "new skills are for the next login": (
        "if agent.state == 'ready' then unstand(agent) end\n    uncount",
        "uncount",
    ),
    "whom he passes is not told": ("local overtook = tell_overtaken(agent)", "local overtook = 0"),
    "whoever is rung is passed, too": ("if values[1] ~= 'waiting' then return nil end", ""),
    "a place is behind, not before": ("before and after and (before + after) / 2", "before and before + 1"),
    "a new priority adds up with the old": ("local before = starts[reason] or 0", "local before = 0"),
    "moved, and rung for the old queue": (
        "if call.state == 'offered' then close_offer('withdrawn', -1) end\n  leave",
        "leave",
    ),
    "the others go on ringing": ("if one[1] ~= agent.id then close_one", "if false then close_one"),
    "one phone rings, whatever the strategy": (
        "strategy.phones and strategy.phones(call, settings) or 1",
        "1",
    ),
    "who has answered elsewhere is punished": (",answered_elsewhere,", ",nowhere,"),
    "one more never rings": (
        "function DUE.ring(id)\n  local call = call_of(id)",
        "function DUE.ring(id)\n  local call = nil",
    ),
    "all decline when one does": ("if call.rung == '' then", "if true then"),
    "an agent takes others before his own": ("{ '@' .. agent.id }, { 0 }", "{ '@' }, { 0 }"),
    "who was first is still taken for it": ("id)\n  stale[lane] = true\nend", "id)\nend"),
    "who has left a queue is still counted": (
        "add(agent.uncounted[1], agent.uncounted[2], -1)",
        "add('', '', 0)",
    ),
    "he waits for an agent who has gone": ("if is_away(agent) then leave_him(agent) end", ""),
    "he waits for ever": ("if int(call.prefer_until) > now_ms() and", "if"),
    "a dice that shows one side": ("/ 4294967296", "/ 1e18"),
    "it is always his turn": ("put(agent, 'turn_at', now_ms())", ""),
    "who has lost his leg is reached by it": (
        "  if agent.leg_lost ~= '' then return 'offline', agent.leg_lost end\n",
        "",
    ),
    "a leg outlives the login": ("  LEGS.drop(agent)\n  if agent.leg_lost", "  if agent.leg_lost"),
    "two workers have a leg": ("  if before then redis.call('SREM', LEGS.key(before), channel) end\n", ""),
    "a leg does not reach whose phone is gone": (
        "if agent.leg == '' and agent.reachable",
        "if agent.reachable",
    ),
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
