-- Library: who gets whom. Everything that makes a pair eligible ends in match_freed() or match_call().
--
-- match_call(call): a call in its lane gets the agent (or, if several phones may ring, the agents) whom the queue's strategy names, of the lowest tier in which one is
--   ready who meets its need; one who has declined it only if there is nobody else.
-- match_freed(): every agent this script made ready gets the lowest score over all his lanes (at most 64), less his
--   own head start for that queue; then every call that has come to its next stage (`moved_on`) looks for an agent.
-- match_lanes(queue, lanes, most): who waits there, {lane, tier, need}, although somebody is ready; whom it has matched,
--   at most so many.
-- `offers`: what the asking worker (`asker`, '' = none) must ring; other owners are told by PUBLISH.

local offers, asker
local MAX_STALE = 16

local function is_in(list, name) return string.find(',' .. list .. ',', ',' .. name .. ',', 1, true) ~= nil end

-- Open offers, in the order in which they were made: {agent, attempt}, …
local function rung_of(call)
  local rung = {}
  for agent, attempt in string.gmatch(call.rung, '([^:,]+):(%d+)') do rung[#rung + 1] = { agent, attempt } end
  if #rung == 0 and call.agent ~= '' and (call.state == 'offered' or call.state == 'connecting') then
    rung[1] = { call.agent, tostring(call.attempt) }
  end
  return rung
end

local function is_rung(call, agent, attempt)
  for _, one in ipairs(rung_of(call)) do
    if one[1] == agent and (not attempt or one[2] == attempt) then return true end
  end
  return false
end

-- The last of them stands in the record as agent and attempt.
local function set_rung(call, rung)
  local parts = {}
  for i, one in ipairs(rung) do parts[i] = one[1] .. ':' .. one[2] end
  put(call, 'rung', table.concat(parts, ','))
  put(call, 'agent', #rung > 0 and rung[#rung][1] or '')
  if #rung > 0 then put(call, 'attempt', rung[#rung][2]) end
end

-- How many more phones may ring for him now.
local function wanted(call)
  if call.state ~= 'waiting' and call.state ~= 'offered' then return 0 end
  local settings = queue_of(call.queue)
  local strategy = strategy_of(settings)
  if call.prefer ~= '' then return 1 - #rung_of(call) end
  return (strategy.phones and strategy.phones(call, settings) or 1) - #rung_of(call)
end

local function ring_more_at(call)
  local settings = queue_of(call.queue)
  local strategy = strategy_of(settings)
  local instant = strategy.more_at and strategy.more_at(call, settings) or 0
  if instant == 0 then return end
  redis.call('ZADD', SITE_KEY .. 'due', instant, 'ring:' .. call.id)
  if next_due == 0 or instant < next_due then next_due = instant end
end

-- No phone rings for him any more, or the one that was answered is his.
local function stop_ringing(call)
  if call.ringing_at == '' then return end
  put(call, 'ringing_at', '')
  redis.call('ZREM', SITE_KEY .. 'due', 'ring:' .. call.id)
end

local function offer_of(call, agent, attempt)
  local ring_s = tostring(queue_of(call.queue).ring_s)
  return { call.id, agent.id, agent.device, int(attempt or call.attempt), call.queue, ring_s, LEGS.of(agent) }
end

-- What is rung for a call, to ring any whose message was lost.
local function add_rung(call, ringing)
  for _, one in ipairs(rung_of(call)) do
    local agent = agent_of(one[1])
    if agent then ringing[#ringing + 1] = offer_of(call, agent, one[2]) end
  end
end

-- Attempts count all who are reached for a call, also those whom an agent consults.
local function next_attempt(call)
  local attempt = math.max(int(call.attempt), int(call.attempts)) + 1
  put(call, 'attempts', attempt)
  return attempt
end

local function offer(call, agent, why)
  local ring_s = queue_of(call.queue).ring_s
  local rung, attempt = rung_of(call), next_attempt(call)
  rung[#rung + 1] = { agent.id, attempt }
  put(call, 'state', 'offered')
  set_rung(call, rung)
  put(call, 'offered_at', now_ms())
  if call.ringing_at == '' and strategy_of(queue_of(call.queue)).phones then
    put(call, 'ringing_at', now_ms())
    ring_more_at(call)
  end
  if wanted(call) <= 0 then out_of_lane(call) end
  tell_call(call, '{"kind":"offered","agent":"' .. agent.id .. '","attempt":' .. attempt
    .. ',"why":"' .. why .. '","lease_ms":' .. number(ring_s * 1000) .. '}', 0)
  put(agent, 'call', call.id)
  put(agent, 'attempt', attempt)
  agent_to(agent, 'offered', '', call.id, call.queue)
  LEGS.lend(agent, call.owner)
  if call.owner == asker then
    offers[#offers + 1] = { call.id, agent.id, agent.device, attempt, call.queue, tostring(ring_s), LEGS.of(agent) }
  else
    redis.call('PUBLISH', SITE_KEY .. 'wake:' .. call.owner, '{"type":"offer","call":' .. quoted(call.id)
      .. ',"agent":"' .. agent.id .. '","device":"' .. agent.device .. '","attempt":' .. attempt
      .. ',"queue":"' .. call.queue .. '","ring_s":' .. number(ring_s)
      .. (agent.leg ~= '' and ',"leg":' .. quoted(agent.leg) or '') .. '}')
  end
end

local function why_of(call)
  if string.sub(call.lane, 1, 1) == '@' then return 'preferred' end
  local name = queue_of(call.queue).strategy
  return STRATEGIES[name] and name or 'longest_idle'
end

-- Of the ready agents on a tier; nil: none. The second answer: he has declined this call before.
local function ready_on(tier, call, queue, need, strategy)
  local key = SITE_KEY .. 'idle:' .. lane_of(queue, tier, need)
  local _, avoided = string.gsub(call.avoid, '[^,]+', '')
  for _ = 1, MAX_STALE do
    local ids = idle_by(strategy, key, call, avoided + 1)
    if #ids == 0 then return nil end
    local chosen, again = ids[1], true
    for _, id in ipairs(ids) do
      if not is_in(call.avoid, id) then chosen, again = id, false break end
    end
    local agent = agent_of(chosen)
    if agent and agent.state == 'ready' then return agent, again end
    redis.call('ZREM', key, chosen)
  end
end

local function agent_for(call)
  if string.sub(call.lane, 1, 1) == '@' then
    local agent = agent_of(call.prefer)
    return agent and agent.state == 'ready' and agent or nil
  end
  local queue, open, need = read_lane(call.lane)
  local strategy, last_resort = strategy_of(queue_of(queue)), nil
  for tier = 1, open do
    local agent, again = ready_on(tier, call, queue, need, strategy)
    if agent and not again then return agent end
    last_resort = last_resort or agent
  end
  return last_resort
end

local function match_call(call)
  while call.lane ~= '' and wanted(call) > 0 do
    local agent = agent_for(call)
    if not agent then return end
    offer(call, agent, why_of(call))
  end
end

-- The first of this lane now; one whose list has been changed from outside is seen as it is.
local function head_of(lane)
  local id = redis.call('ZRANGE', SITE_KEY .. 'wait:' .. lane, 0, 0)[1]
  if not id then stale[lane] = true end
  return id
end

-- The lowest score of all his lanes; of equal ones the lower id.
local function next_caller(agent)
  know_heads()
  local lanes, ahead_ms = lanes_for(agent)
  local scores = redis.call('ZMSCORE', SITE_KEY .. 'heads', unpack(lanes))
  local best, best_score, best_lane
  for i, lane in ipairs(lanes) do
    local score = scores[i] and tonumber(scores[i]) - ahead_ms[i]
    if score and (not best_score or score < best_score) then
      best, best_score, best_lane = nil, score, lane
    elseif score and score == best_score then
      best = best or head_of(best_lane)
      local other = head_of(lane)
      if not best or (other and other < best) then best, best_lane = other, lane end
    end
  end
  return best or best_lane and head_of(best_lane), best_lane
end

local function match_agent(agent)
  for _ = 1, MAX_STALE do
    if agent.state ~= 'ready' then return end
    local id, lane = next_caller(agent)
    if not lane then return end
    local call = id and call_of(id)
    if call and call.lane == lane and wanted(call) > 0 then return offer(call, agent, why_of(call)) end
    if call and call.lane == lane then out_of_lane(call) elseif id then off_lane(lane, id) end
  end
end

local function by_score(one, other)
  local a, b = tonumber(one.score), tonumber(other.score)
  if a ~= b then return a < b end
  return one.id < other.id
end

local function match_freed()
  for _, agent in ipairs(freed) do
    match_agent(agent)
    if agent.to_stand and agent.state == 'ready' then
      stand(agent)
      agent.to_stand = nil
    end
  end
  table.sort(moved_on, by_score)
  for _, call in ipairs(moved_on) do match_call(call) end
end

local function is_ready(queue, lane)
  local lists = {}
  for tier = 1, lane[2] do lists[tier] = SITE_KEY .. 'idle:' .. lane_of(queue, tier, lane[3]) end
  return redis.call('EXISTS', unpack(lists)) > 0
end

local function is_matched(call)
  local attempts = call.attempts
  match_call(call)
  return call.attempts ~= attempts
end

local function match_lanes(queue, lanes, most)
  local found, before = {}, nil
  repeat
    local first = {}
    before = #found
    for _, lane in ipairs(lanes) do
      local head = is_ready(queue, lane) and redis.call('ZRANGE', SITE_KEY .. 'wait:' .. lane[1], 0, 0)[1]
      local call = head and call_of(head)
      if call and call.lane == lane[1] then first[#first + 1] = call end
    end
    table.sort(first, by_score)
    for _, call in ipairs(first) do
      if is_matched(call) then found[#found + 1] = call.id break end
    end
  until #found == before or #found >= most
  return found
end
