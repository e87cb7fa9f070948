-- Library: how the phases of a call end, each with its events in the order of the log's grammar.

local UNPENALISED = ',caller_gone,withdrawn,answered_elsewhere,worker_lost,wait_over,'

-- Bounds of an `at` that was inferred, as JSON: every event that is closed with it carries them.
local inferred

local function log(body)
  if inferred then body = string.sub(body, 1, -2) .. inferred end
  tell_call(call, body, at, inferred ~= nil)
end

local function span(from) return math.max(at - int(from), 0) end

-- A party's SIP hold begins or ends; time on hold within a bridge is the union over both parties.
local function open_hold(by)
  put(call, 'hold_' .. by .. '_at', at)
  if call.state == 'talking' and call.held_since_at == '' then put(call, 'held_since_at', at) end
  log('{"kind":"hold_started","by":"' .. by .. '"}')
end

local function close_hold(by)
  local began = call['hold_' .. by .. '_at']
  if began == '' then return end
  put(call, 'hold_' .. by .. '_at', '')
  put(call, 'held_until_at', at)
  if call.held_since_at ~= '' and call.hold_agent_at == '' and call.hold_caller_at == '' then
    put(call, 'bridge_held_ms', int(call.bridge_held_ms) + span(call.held_since_at))
    put(call, 'held_since_at', '')
  end
  log('{"kind":"hold_ended","by":"' .. by .. '","held_ms":' .. number(span(began)) .. '}')
end

-- An agent who was rung and did not take the call rests; if it was not his fault he is as ready as before.
local function rest_after(agent, reason)
  if not agent or agent.call ~= call.id then return end
  if is_in(UNPENALISED, reason) then
    release(agent, agent.ready_since_at, call.id, call.queue)
  else
    put(agent, 'turn_at', now_ms())
    missed(agent, reason, call.id, call.queue)
  end
end

-- score = joined_at − head starts; the nth join of one millisecond adds n/1024 ms, which a double still holds.
local function score_of(joined_at, starts)
  local key = SITE_KEY .. 'ties'
  local last, n = string.match(redis.call('GET', key) or '', '^(%d+):(%d+)$')
  n = tonumber(last) == joined_at and int(n) + 1 or 0
  redis.call('SET', key, string.format('%.0f:%d', joined_at, n))
  return joined_at + math.min(n, 1023) / 1024 - 1000 * ahead_sum(starts)
end

-- Into the line: the queue's hold begins. Whoever calls this has him matched.
local function enter_line(queue, starts)
  local line = SITE_KEY .. 'line:' .. queue
  put(call, 'queue', queue)
  put(call, 'state', 'waiting')
  put(call, 'head_starts', ahead_text(starts))
  put(call, 'score', string.format('%.17g', score_of(at, starts)))
  put(call, 'joined_at', at)
  put(call, 'since_at', at)
  redis.call('ZADD', line, call.score, call.id)
  redis.call('ZADD', SITE_KEY .. 'joined:' .. queue, at, call.id)
  local position = redis.call('ZRANK', line, call.id) + 1
  put(call, 'position0', position)
  local need = stage_of(call)
  local body = '{"kind":"joined","queue":"' .. queue .. '","position":' .. position .. ',"score":' .. call.score
    .. ',"head_start_s":' .. number(ahead_sum(starts))
  if call.head_starts ~= '' then body = body .. ',"head_starts":' .. ahead_json(starts) end
  if need ~= '' then body = body .. ',"needs":"' .. need .. '"' end
  tell_call(call, body .. '}', at)
  tell_call(call, '{"kind":"hold_started","by":"queue"}', at)
  into_lane(call)
end

-- One open offer is over; the agent rests or is free again. `ring_ms` < 0: since the offer.
local function close_one(id, attempt, reason, ring_ms)
  local agent, rung, left = agent_of(id), rung_of(call), {}
  local offered_at = int(call.offered_at)
  if call.state == 'offered' and agent and agent.call == call.id then offered_at = int(agent.since_at) end
  -- News of a hangup can be older than the offer that was made meanwhile.
  local declined_at = math.max(at, offered_at)
  if ring_ms < 0 then ring_ms = declined_at - offered_at end
  tell_call(call, '{"kind":"declined","agent":"' .. id .. '","attempt":' .. attempt
    .. ',"reason":"' .. reason .. '","ring_ms":' .. number(ring_ms) .. '}', declined_at)
  for _, one in ipairs(rung) do
    if one[1] ~= id or one[2] ~= tostring(attempt) then left[#left + 1] = one end
  end
  set_rung(call, left)
  rest_after(agent, reason)
end

-- Every open offer is over.
local function close_offer(reason, ring_ms)
  for _, one in ipairs(rung_of(call)) do close_one(one[1], one[2], reason, ring_ms) end
  stop_ringing(call)
end

-- Whom the agent consults, as JSON fields.
local function consulted()
  if call.c_agent ~= '' then return '"agent":"' .. call.c_agent .. '"' end
  return '"to":' .. quoted(call.c_to)
end

local function forget_consult()
  for _, field in ipairs({ 'c_state', 'c_agent', 'c_to', 'c_attempt', 'c_at', 'c_line' }) do put(call, field, '') end
  put(call, 'held_until_at', at)  -- nothing that is told later happened before
end

local function tell_consult_ended(ended_by)
  log('{"kind":"consult_ended",' .. consulted() .. ',"talk_ms":' .. number(span(call.c_at)) .. ',"ended_by":"'
    .. ended_by .. '"}')
end

-- Whom the agent consults does not get the caller. `reason`, `ring_ms` (< 0: since he was rung): if he still rings.
local function close_consult(reason, ring_ms, ended_by)
  if call.c_state == '' then return end
  local agent = call.c_agent ~= '' and agent_of(call.c_agent)
  if call.c_state == 'talking' then
    tell_consult_ended(ended_by)
    if agent and agent.call == call.id then release(agent, nil, call.id, call.queue) end
  elseif agent then
    if ring_ms < 0 then ring_ms = span(call.c_at) end
    log('{"kind":"declined","agent":"' .. agent.id .. '","attempt":' .. call.c_attempt .. ',"reason":"' .. reason
      .. '","ring_ms":' .. number(ring_ms) .. '}')
    rest_after(agent, reason)
  end
  forget_consult()
end

-- Out of the line: the queue's hold ends, queue_left says why.
local function leave_line(reason)
  local waited = span(call.joined_at)
  local line = SITE_KEY .. 'line:' .. call.queue
  local position = (redis.call('ZRANK', line, call.id) or 0) + 1
  redis.call('ZREM', line, call.id)
  redis.call('ZREM', SITE_KEY .. 'joined:' .. call.queue, call.id)
  out_of_lane(call)
  stage_due(call, 0)
  log('{"kind":"hold_ended","by":"queue","held_ms":' .. number(waited) .. '}')
  log('{"kind":"queue_left","queue":"' .. call.queue .. '","reason":"' .. reason .. '","waited_ms":' .. number(waited)
    .. ',"position":' .. position .. ',"original_position":' .. call.position0 .. '}')
  put(call, 'wait_ms', int(call.wait_ms) + waited)
  put(call, 'since_at', at)
  put(call, 'state', 'flow')
  put(call, 'left', reason)
  if reason == 'system_error' then
    put(call, 'errored', 1)
  elseif reason ~= 'answered' and string.find(reason, 'caller_hangup', 1, true) ~= 1 then
    put(call, 'overflowed', 1)
  end
  put(call, 'avoid', '')
  put(call, 'rung', '')
  if call.prefer ~= '' then put(call, 'prefer', '') end
end

-- The bridge is over; the agent wraps up (a due time) or is free. Whom he consults is released.
local function close_talk(ended_by)
  close_consult(ended_by == 'caller' and 'caller_gone' or 'withdrawn', -1, ended_by)
  close_hold('agent')
  if call.held_since_at ~= '' then  -- the caller stays on hold beyond the bridge: count the part inside it
    put(call, 'bridge_held_ms', int(call.bridge_held_ms) + span(call.held_since_at))
    put(call, 'held_since_at', '')
  end
  local held = int(call.bridge_held_ms)
  local talk = span(call.bridged_at) - held
  log('{"kind":"unbridged","agent":"' .. call.agent .. '","talk_ms":' .. number(talk) .. ',"held_ms":' .. number(held)
    .. ',"ended_by":"' .. ended_by .. '"}')
  put(call, 'talk_ms', int(call.talk_ms) + talk)
  put(call, 'held_ms', int(call.held_ms) + held)
  put(call, 'since_at', at)
  put(call, 'state', 'flow')
  local agent = agent_of(call.agent)
  put(call, 'agent', '')
  if not agent or agent.call ~= call.id then return end
  put(agent, 'talk_ms', int(agent.talk_ms) + talk)
  put(agent, 'shift_talk_ms', int(agent.shift_talk_ms) + talk)
  wrap_up(agent, call.id, call.queue)
end
