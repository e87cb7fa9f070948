-- sweep: finds and mends what a crash left, in some lanes of a queue, some agents and some of the asking worker's calls.
--
-- KEYS[1] the log stream. ARGV[1] asking worker or '' · [2] queue or '' · [3] JSON list of its lanes ('', '/2?spanish')
-- · [4] JSON list of agents · [5] JSON list of calls.
-- Answers {found, details, next due, calls offered (as offers, to ring any that was missed), offers}.

local OVERDUE_MS, MAX_GHOSTS, MAX_MATCHES = 2000, 4, 2
local found, details, ringing = 0, {}, {}
asker = ARGV[1]

local function tell(what)
  found = found + 1
  if #details < 20 then details[#details + 1] = what end
end

-- Heads of a lane who do not wait there.
local function sweep_lane(queue, lane)
  stale[lane] = true
  for _ = 1, MAX_GHOSTS do
    local head = redis.call('ZRANGE', SITE_KEY .. 'wait:' .. lane, 0, 0)[1]
    local call = head and call_of(head)
    if not head or (call and wanted(call) > 0 and call.lane == lane) then return end
    off_lane(lane, head)
    if not call then
      redis.call('ZREM', SITE_KEY .. 'line:' .. queue, head)
      redis.call('ZREM', SITE_KEY .. 'joined:' .. queue, head)
    end
    tell('ghost-caller:' .. head)
  end
end

-- And who waits although somebody is free.
local function sweep_queue(queue, names)
  local lanes = {}
  for i, name in ipairs(names) do
    local lane = queue .. name
    local _, tier, need = read_lane(lane)
    sweep_lane(queue, lane)
    lanes[i] = { lane, tier, need }
  end
  for _, id in ipairs(match_lanes(queue, lanes, MAX_MATCHES)) do tell('unmatched:' .. id) end
end

local function is_idle(agent)
  local missing = false
  each_list(agent, function(list)
    missing = missing or not redis.call('ZSCORE', SITE_KEY .. list, agent.id)
  end)
  return not missing
end

-- A leg that no worker has is nobody's to end, and he cannot be reached by it.
local function sweep_leg(agent)
  local _, whose = LEGS.at(agent.leg)
  if whose == agent.id then return end
  tell('leg-without-worker:' .. agent.id)
  put(agent, 'leg', '')
  put(agent, 'leg_lost', 'leg_lost')
  if not busy(agent) and agent.state ~= 'wrapup' and agent.state ~= 'offline' then release(agent, nil, '', '') end
end

local function sweep_agent(agent)
  if not agent then return end
  if agent.leg ~= '' then sweep_leg(agent) end
  if busy(agent) then
    local call = call_of(agent.call)
    local consulted = call and call.c_agent == agent.id and call.c_state == agent.state
    local his = call and (call.agent == agent.id or is_rung(call, agent.id))
    if not consulted and (not his or call.state ~= agent.state) then
      tell('agent-without-call:' .. agent.id)
      if not his then release(agent, nil, '', '') end
    end
  elseif agent.state == 'ready' and not is_idle(agent) then
    tell('ready-not-idle:' .. agent.id)
    stand(agent)
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
    redis.call('ZADD', SITE_KEY .. 'joined:' .. call.queue, call.joined_at, call.id)
  end
end

-- In his lane, and his next stage will come.
local function is_in_lane(call)
  if call.lane == '' or not redis.call('ZSCORE', SITE_KEY .. 'wait:' .. call.lane, call.id) then return false end
  return call.stage_at == '' or redis.call('ZSCORE', SITE_KEY .. 'due', 'stage:' .. call.id)
end

local function sweep_call(id)
  local call = call_of(id)
  if not call or call.state == 'ended' then
    if redis.call('SREM', SITE_KEY .. 'owned:' .. asker, id) == 1 then tell('ghost-call:' .. id) end
    return
  end
  if call.owner ~= asker then return end
  if call.state == 'waiting' then
    stand_in_line(call)
    if call.hold_caller_at == '' and not is_in_lane(call) then
      tell('not-waiting:' .. id)
      put(call, 'stage_at', '')
      into_lane(call)
      match_call(call)
    end
  elseif call.state == 'offered' or call.state == 'connecting' then
    stand_in_line(call)
    local open, rung = {}, rung_of(call)
    for _, one in ipairs(rung) do
      local agent = agent_of(one[1])
      if agent and agent.call == id then
        open[#open + 1] = one
      else
        tell('call-without-agent:' .. id)
        tell_call(call, '{"kind":"declined","agent":"' .. one[1] .. '","attempt":' .. one[2]
          .. ',"reason":"withdrawn","ring_ms":0}', 0)
      end
    end
    if #open < #rung then
      set_rung(call, open)
      if #open == 0 then
        stop_ringing(call)
        put(call, 'state', 'waiting')
      end
      if wanted(call) > 0 then into_lane(call) end
      match_call(call)
    elseif call.state == 'offered' then
      add_rung(call, ringing)
    end
  end
end

local late = run_due(now_ms() - OVERDUE_MS)
for _ = 1, late do tell('overdue') end
if ARGV[2] ~= '' then sweep_queue(ARGV[2], cjson.decode(ARGV[3])) end
for _, id in ipairs(cjson.decode(ARGV[4])) do sweep_agent(agent_of(id)) end
for _, id in ipairs(cjson.decode(ARGV[5])) do sweep_call(id) end
match_freed()
save_all()
return { found, details, head_of_due(), ringing, offers }
