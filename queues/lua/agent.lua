-- agent: what an agent asks for, by command or by phone. What cannot be at once happens when his call is over.
--
-- KEYS[1] the log stream.
-- ARGV[1] asking worker or '' · [2] agent · [3] ready, pause or offline · [4] reason of a pause
-- [5] device he is at from now on, or ''.
-- Answers {status, state, reason, wish, next due, offers}; status 0 done · 3 no such agent · 4 that device belongs
-- to an agent who is on a call.

local DONE, UNKNOWN, TAKEN = 0, 3, 4
asker = ARGV[1]

local function reachable(device)
  return redis.call('SISMEMBER', SITE_KEY .. 'unreachable', device) == 1 and '0' or '1'
end

-- Sits down at a device; whoever sat there goes offline. False: he is on a call there.
local function sit_at(agent, device)
  if agent.device == device then return true end
  local devices = SITE_KEY .. 'devices'
  local other = agent_of(redis.call('HGET', devices, device) or '')
  if other and other.device == device then
    if busy(other) then return false end
    agent_to(other, 'offline', '', '', '')
    put(other, 'device', '')
  end
  if agent.device ~= '' and redis.call('HGET', devices, agent.device) == agent.id then
    redis.call('HDEL', devices, agent.device)
  end
  redis.call('HSET', devices, device, agent.id)
  put(agent, 'device', device)
  put(agent, 'reachable', reachable(device))
  return true
end

local function ready(agent)
  if agent.state == 'ready' then return end
  if agent.wish ~= '' then put(agent, 'wish', '') end
  if not busy(agent) then release(agent, nil, '', '') end
end

local function away(agent, state, reason)
  if busy(agent) then
    put(agent, 'wish', state == 'offline' and 'offline' or 'paused:' .. reason)
  else
    agent_to(agent, state, reason, '', '')
  end
end

local function act(agent)
  if agent.device == '' and ARGV[5] == '' and agent.home ~= '' and ARGV[3] ~= 'offline' then
    if not sit_at(agent, agent.home) then return TAKEN end
  end
  if ARGV[5] ~= '' and not sit_at(agent, ARGV[5]) then return TAKEN end
  if ARGV[3] == 'ready' then
    ready(agent)
  elseif ARGV[3] == 'pause' then
    away(agent, 'paused', ARGV[4])
  else
    away(agent, 'offline', '')
  end
  match_freed()
  return DONE
end

local agent = agent_of(ARGV[2])
if not agent or redis.call('SISMEMBER', SITE_KEY .. 'agents', ARGV[2]) == 0 then
  return { UNKNOWN, '', '', '', 0, offers }
end
local status = act(agent)
save_all()
return { status, agent.state, agent.reason, agent.wish, next_due, offers }
