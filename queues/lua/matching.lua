-- Library: who gets whom. Everything that makes a pair eligible ends in match_freed() or match_call().
--
-- match_call(call): a waiting call gets the longest-idle ready agent of its queue; one who has declined it
--   only if there is nobody else.
-- match_freed(): every agent this script made ready gets the lowest score over all his queues (at most 64).
-- `offers`: what the asking worker (`asker`, '' = none) must ring; other owners are told by PUBLISH.

local offers, asker
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

local function offer(call, agent)
  local ring_s = queue_of(call.queue).ring_s
  local attempt = next_attempt(call)
  redis.call('ZREM', SITE_KEY .. 'wait:' .. call.queue, call.id)
  put(call, 'state', 'offered')
  put(call, 'agent', agent.id)
  put(call, 'attempt', attempt)
  put(call, 'offered_at', now_ms())
  tell_call(call, '{"kind":"offered","agent":"' .. agent.id .. '","attempt":' .. attempt
    .. ',"why":"longest-idle","lease_ms":' .. number(ring_s * 1000) .. '}', 0)
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

local function match_call(call)
  if call.state ~= 'waiting' then return end
  local idle = SITE_KEY .. 'idle:' .. call.queue
  local _, avoided = string.gsub(call.avoid, '[^,]+', '')
  for _ = 1, MAX_STALE do
    local ids = redis.call('ZRANGE', idle, 0, avoided)
    if #ids == 0 then return end
    local chosen = ids[1]
    for _, id in ipairs(ids) do
      if not is_in(call.avoid, id) then chosen = id break end
    end
    local agent = agent_of(chosen)
    if agent and agent.state == 'ready' then return offer(call, agent) end
    redis.call('ZREM', idle, chosen)
  end
end

local function next_caller(agent)
  local best, best_score, best_queue
  for name in each_queue(agent) do
    local head = redis.call('ZRANGE', SITE_KEY .. 'wait:' .. name, 0, 0, 'WITHSCORES')
    local score = tonumber(head[2])
    if score and (not best or score < best_score or (score == best_score and head[1] < best)) then
      best, best_score, best_queue = head[1], score, name
    end
  end
  return best, best_queue
end

local function match_agent(agent)
  for _ = 1, MAX_STALE do
    if agent.state ~= 'ready' then return end
    local id, queue = next_caller(agent)
    if not id then return end
    local call = call_of(id)
    if call and call.state == 'waiting' and call.queue == queue then return offer(call, agent) end
    redis.call('ZREM', SITE_KEY .. 'wait:' .. queue, id)
  end
end

local function match_freed()
  for _, agent in ipairs(freed) do match_agent(agent) end
end
