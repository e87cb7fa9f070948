-- Library: agents and the phones they sit at.
--
-- see_phone(agent): note what is known of his phone. know_phone(agent): the same, and a free agent's state follows;
-- any other one's does when he is free.
-- sit_at(agent, device): whoever sat there goes offline. False: he is on a call there.

local MISTAKEN_MS = 3000

-- A phone that was busy because he talked on it is no refusal of his.
local function was_private(agent)
  return agent.in_use == '1' and agent.state == 'paused' and agent.missed == 'busy'
    and (agent.reason == 'cooldown' or agent.reason == 'auto:busy') and now_ms() - int(agent.since_at) <= MISTAKEN_MS
end

local function is_member(set, device) return redis.call('SISMEMBER', SITE_KEY .. set, device) == 1 end

local function see_phone(agent)
  local reachable = is_member('unreachable', agent.device) and '0' or '1'
  local in_use = is_member('in-use', agent.device) and '1' or '0'
  if agent.reachable ~= reachable then put(agent, 'reachable', reachable) end
  if agent.in_use ~= in_use then put(agent, 'in_use', in_use) end
end

local function know_phone(agent)
  see_phone(agent)
  if was_private(agent) then
    put(agent, 'misses', math.max(int(agent.misses) - 1, 0))
    put(agent, 'missed', '')
  elseif agent.state ~= 'ready' and agent.state ~= 'unreachable' and agent.state ~= 'busy_private' then
    return
  end
  if agent.state ~= allowed(agent) then release(agent, nil, '', '') end
end

local function sit_at(agent, device)
  if agent.device == device then return true end
  local devices = SITE_KEY .. 'devices'
  local other = agent_of(redis.call('HGET', devices, device) or '')
  if other and other.device == device then
    if busy(other) then return false end
    agent_to(other, 'offline', 'device_taken', '', '')
    put(other, 'device', '')
  end
  LEGS.drop(agent)
  if agent.device ~= '' and redis.call('HGET', devices, agent.device) == agent.id then
    redis.call('HDEL', devices, agent.device)
  end
  redis.call('HSET', devices, device, agent.id)
  put(agent, 'device', device)
  see_phone(agent)
  return true
end
