-- Library: who is passed when a caller is connected. Each of them reads it in his own log: `overtaken`.
--
-- tell_overtaken(agent): the call is connected with this agent now, and still in line. Answers how many callers of his
--   queue who came earlier still wait; the events name at most MAX_NAMED of them, those who came first. (Whose phone
--   is being rung at this moment, by another agent, is not passed.)

local tell_overtaken

do
  local MAX_NAMED = 20

  -- The head start that made the difference, if one did.
  local function by_head_start(passed)
    local ours, theirs, reason, most = ahead_of(call.head_starts), ahead_of(passed.head_starts), nil, 0
    for _, one in ipairs(REASONS) do
      local difference = (ours[one] or 0) - (theirs[one] or 0)
      if difference > most then reason, most = one, difference end
    end
    return reason, most
  end

  -- Why this agent did not get the one who was before.
  local function by_agent(passed, agent)
    if passed.lane == '' then return 'held' end
    if string.sub(passed.lane, 1, 1) == '@' then return 'preferred' end
    local queue, open, need = read_lane(passed.lane)
    if not meets(need, agent) then return 'needs' end
    local tier = string.match(',' .. agent.serves, ',' .. string.gsub(queue, '%-', '%%-') .. ':(%d+):')
    if tier and tonumber(tier) > open then return 'tier' end
    if is_in(passed.avoid, agent.id) then return 'declined' end
    return 'rung'
  end

  local function read_waiting(id)
    local key = SITE_KEY .. 'call:' .. id
    local values = redis.call('HMGET', key, 'state', 'score', 'head_starts', 'lane', 'avoid')
    if values[1] ~= 'waiting' then return nil end
    return { key = key, score = tonumber(values[2]), head_starts = values[3] or '', lane = values[4] or '',
      avoid = values[5] or '' }
  end

  local function tell_one(id, passed, agent)
    local reason, seconds = nil, 0
    if passed.score > tonumber(call.score) then reason, seconds = by_head_start(passed) end
    reason = reason or by_agent(passed, agent)
    local body = '{"kind":"overtaken","queue":"' .. call.queue .. '","by_call":' .. quoted(call.id) .. ',"reason":"'
      .. reason .. '"'
    if seconds > 0 then body = body .. ',"head_start_s":' .. number(seconds) end
    log_call(id, redis.call('HINCRBY', passed.key, 'seq', 1), body .. '}', at)
  end

  function tell_overtaken(agent)
    local joined = SITE_KEY .. 'joined:' .. call.queue
    local before = '(' .. call.joined_at
    local count = redis.call('ZCOUNT', joined, '-inf', before)
    if count == 0 then return 0 end
    for _, id in ipairs(redis.call('ZRANGE', joined, '-inf', before, 'BYSCORE', 'LIMIT', 0, MAX_NAMED)) do
      local passed = read_waiting(id)
      if passed then tell_one(id, passed, agent) else count = count - 1 end
    end
    return count
  end
end
