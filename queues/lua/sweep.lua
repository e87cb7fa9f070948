-- sweep: finds and mends what a crash left. Looks at every queue and at a slice of the agents and of the asking
-- worker's calls; the cursors carry on where the last sweep stopped.
--
-- KEYS[1] the log stream. ARGV[1] asking worker or '' · [2] cursor over agents · [3] cursor over its calls.
-- Answers {found, details, next due, both cursors, calls offered (as offers, to ring any that was missed), offers}.

local SLICE, OVERDUE_MS, MAX_MATCHES = 40, 2000, 100
local found, details, ringing = 0, {}, {}
asker = ARGV[1]

local function tell(what)
  found = found + 1
  if #details < 20 then details[#details + 1] = what end
end

-- Who waits although somebody is free.
local function sweep_queue(name)
  for _ = 1, MAX_MATCHES do
    local head = redis.call('ZRANGE', SITE_KEY .. 'wait:' .. name, 0, 0)[1]
    if not head then return end
    local call = call_of(head)
    if not call or call.state ~= 'waiting' or call.queue ~= name then
      redis.call('ZREM', SITE_KEY .. 'wait:' .. name, head)
      if not call then redis.call('ZREM', SITE_KEY .. 'line:' .. name, head) end
      tell('ghost-caller:' .. head)
    elseif redis.call('ZCARD', SITE_KEY .. 'idle:' .. name) == 0 then
      return
    else
      match_call(call)
      if call.state == 'waiting' then return end
      tell('unmatched:' .. head)
    end
  end
end

local function is_idle(agent)
  for name in each_queue(agent) do
    if not redis.call('ZSCORE', SITE_KEY .. 'idle:' .. name, agent.id) then return false end
  end
  return true
end

local function sweep_agent(agent)
  if not agent then return end
  if busy(agent) then
    local call = call_of(agent.call)
    local consulted = call and call.c_agent == agent.id and call.c_state == agent.state
    if not consulted and (not call or call.agent ~= agent.id or call.state ~= agent.state) then
      tell('agent-without-call:' .. agent.id)
      if not call or call.agent ~= agent.id then release(agent, nil, '', '') end
    end
  elseif agent.state == 'ready' and not is_idle(agent) then
    tell('ready-not-idle:' .. agent.id)
    for name in each_queue(agent) do
      redis.call('ZADD', SITE_KEY .. 'idle:' .. name, agent.ready_since_at, agent.id)
    end
    match_agent(agent)
  elseif agent.due_at == '' and (agent.state == 'wrapup' or (agent.state == 'paused' and agent.reason == 'cooldown')) then
    tell('rest-without-end:' .. agent.id)
    release(agent, nil, '', '')
  end
end

local function stand_in_line(call)
  if not redis.call('ZSCORE', SITE_KEY .. 'line:' .. call.queue, call.id) then
    tell('not-in-line:' .. call.id)
    redis.call('ZADD', SITE_KEY .. 'line:' .. call.queue, call.score, call.id)
  end
end

local function sweep_call(id)
  local call = call_of(id)
  if not call or call.state == 'ended' then
    redis.call('SREM', SITE_KEY .. 'owned:' .. asker, id)
    return tell('ghost-call:' .. id)
  end
  if call.state == 'waiting' then
    stand_in_line(call)
    if not redis.call('ZSCORE', SITE_KEY .. 'wait:' .. call.queue, id) then
      tell('not-waiting:' .. id)
      redis.call('ZADD', SITE_KEY .. 'wait:' .. call.queue, call.score, id)
      match_call(call)
    end
  elseif call.state == 'offered' or call.state == 'connecting' then
    stand_in_line(call)
    local agent = agent_of(call.agent)
    if not agent or agent.call ~= id then
      tell('call-without-agent:' .. id)
      tell_call(call, '{"kind":"declined","agent":"' .. call.agent .. '","reason":"withdrawn","ring_ms":0}', 0)
      put(call, 'state', 'waiting')
      put(call, 'agent', '')
      redis.call('ZADD', SITE_KEY .. 'wait:' .. call.queue, call.score, id)
      match_call(call)
    elseif call.state == 'offered' then
      ringing[#ringing + 1] = offer_of(call, agent)
    end
  end
end

local late = run_due(now_ms() - OVERDUE_MS, 100)
for _ = 1, late do tell('overdue') end
for _, name in ipairs(redis.call('SMEMBERS', SITE_KEY .. 'queues')) do sweep_queue(name) end
local agents_slice = redis.call('SSCAN', SITE_KEY .. 'agents', ARGV[2], 'COUNT', SLICE)
for _, id in ipairs(agents_slice[2]) do sweep_agent(agent_of(id)) end
local calls_slice = { '0', {} }
if asker ~= '' then calls_slice = redis.call('SSCAN', SITE_KEY .. 'owned:' .. asker, ARGV[3], 'COUNT', SLICE) end
for _, id in ipairs(calls_slice[2]) do sweep_call(id) end
match_freed()
save_all()
return { found, details, head_of_due(), agents_slice[1], calls_slice[1], ringing, offers }
