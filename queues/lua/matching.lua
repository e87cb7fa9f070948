-- Library: who gets whom. Everything that makes a pair eligible ends in match_freed() or match_call().
--
-- match_call(call): a waiting call gets the agent whom the queue's strategy names, of the lowest tier in which one is
--   ready who meets its need; one who has declined it only if there is nobody else.
-- match_freed(): every agent this script made ready gets the lowest score over all his lanes (at most 64), less his
--   own head start for that queue; then every call that has come to its next stage (`moved_on`) looks for an agent.
-- match_queue(queue, most): whoever waits in it although somebody is ready; how many that were.
-- `offers`: what the asking worker (`asker`, '' = none) must ring; other owners are told by PUBLISH.

local offers, asker, moved_on
local MAX_STALE = 16

local function is_in(list, name) return string.find(',' .. list .. ',', ',' .. name .. ',', 1, true) ~= nil end

local function offer_of(call, agent)
  return { call.id, agent.id, agent.device, int(call.attempt), call.queue, tostring(queue_of(call.queue).ring_s) }
end

-- Attempts count all who are reached for a call, also those whom an agent consults.
local function next_attempt(call)
  local attempt = math.max(int(call.attempt), int(call.attempts)) + 1
  put(call, 'attempts', attempt)
  return attempt
end

local function offer(call, agent, why)
  local ring_s = queue_of(call.queue).ring_s
  local attempt = next_attempt(call)
  out_of_lane(call)
  put(call, 'state', 'offered')
  put(call, 'agent', agent.id)
  put(call, 'attempt', attempt)
  put(call, 'offered_at', now_ms())
  tell_call(call, '{"kind":"offered","agent":"' .. agent.id .. '","attempt":' .. attempt
    .. ',"why":"' .. why .. '","lease_ms":' .. number(ring_s * 1000) .. '}', 0)
  put(agent, 'call', call.id)
  put(agent, 'attempt', attempt)
  agent_to(agent, 'offered', '', call.id, call.queue)
  if call.owner == asker then
    offers[#offers + 1] = { call.id, agent.id, agent.device, attempt, call.queue, tostring(ring_s) }
  else
    redis.call('PUBLISH', SITE_KEY .. 'wake:' .. call.owner, '{"type":"offer","call":' .. quoted(call.id)
      .. ',"agent":"' .. agent.id .. '","device":"' .. agent.device .. '","attempt":' .. attempt
      .. ',"queue":"' .. call.queue .. '","ring_s":' .. number(ring_s) .. '}')
  end
end

local function why_of(call)
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
  if call.state ~= 'waiting' or call.lane == '' then return end
  local agent = agent_for(call)
  if agent then offer(call, agent, why_of(call)) end
end

local function next_caller(agent)
  local best, best_score, best_lane
  for _, lane in ipairs(posts_of(agent).wait) do
    local head = redis.call('ZRANGE', SITE_KEY .. 'wait:' .. lane[1], 0, 0, 'WITHSCORES')
    local score = head[2] and tonumber(head[2]) - lane[2]
    if score and (not best or score < best_score or (score == best_score and head[1] < best)) then
      best, best_score, best_lane = head[1], score, lane[1]
    end
  end
  return best, best_lane
end

local function match_agent(agent)
  for _ = 1, MAX_STALE do
    if agent.state ~= 'ready' then return end
    local id, lane = next_caller(agent)
    if not id then return end
    local call = call_of(id)
    if call and call.state == 'waiting' and call.lane == lane then return offer(call, agent, why_of(call)) end
    redis.call('ZREM', SITE_KEY .. 'wait:' .. lane, id)
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

local function match_queue(queue, most)
  local found = {}
  repeat
    local heads, before = {}, #found
    for lane in string.gmatch('|' .. queue_of(queue).lanes, '|([^|]*)') do
      local head = redis.call('ZRANGE', SITE_KEY .. 'wait:' .. queue .. lane, 0, 0)[1]
      local call = head and call_of(head)
      if call and call.lane == queue .. lane then heads[#heads + 1] = call end
    end
    table.sort(heads, by_score)
    for _, call in ipairs(heads) do
      match_call(call)
      if call.state ~= 'waiting' then found[#found + 1] = call.id end
    end
  until #found == before or #found >= most
  return found
end
