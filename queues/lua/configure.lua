-- configure: what admins published, put beside the live state. Agents keep their states; a removed one goes offline
-- (after his call), a new one is offline or ready as `at_start` says. Publishing the same again changes nothing.
--
-- KEYS[1] the log stream. ARGV[1] asking worker or '' · [2] version
-- [3] JSON {queues: {name: {ring_s, cooldown_s, wrapup_s, …}}, agents: {id: {name, device, queues: [], wrapup_s, at_start}}}.
-- Answers {next due, offers}.

asker = ARGV[1]
local config = cjson.decode(ARGV[3])
local devices = SITE_KEY .. 'devices'

local function text(value)
  if value == nil or value == cjson.null then return '' end
  if type(value) == 'number' then return number(value) end
  if type(value) == 'table' then return table.concat(value, ',') end
  return tostring(value)
end

local function set_queue(name, settings)
  local fields = {}
  for field, value in pairs(settings) do
    fields[#fields + 1] = field
    fields[#fields + 1] = text(value)
  end
  redis.call('HSET', SITE_KEY .. 'queue:' .. name, unpack(fields))
  redis.call('SADD', SITE_KEY .. 'queues', name)
end

local function drop_queues()
  for _, name in ipairs(redis.call('SMEMBERS', SITE_KEY .. 'queues')) do
    if not config.queues[name] then redis.call('SREM', SITE_KEY .. 'queues', name) end
  end
end

-- Queues that send callers away by themselves, and how many agents of each queue are in which group.
local function guard_doors()
  local guarded, counts = SITE_KEY .. 'guarded', {}
  redis.call('DEL', guarded)
  for name, settings in pairs(config.queues) do
    local rules = text(settings.leave_if) .. text(settings.max_waiting) .. text(settings.callers_per_agent)
    if rules ~= '' then redis.call('SADD', guarded, name) end
    counts[name] = {}
  end
  for id in pairs(config.agents) do
    local agent = agent_of(id)
    local group = group_of(agent.state, agent.reason)
    for name in each_queue(agent) do
      local of = counts[name] or {}
      of[group] = (of[group] or 0) + 1
    end
  end
  for name, of in pairs(counts) do
    redis.call('DEL', SITE_KEY .. 'staff:' .. name)
    for group, count in pairs(of) do redis.call('HSET', SITE_KEY .. 'staff:' .. name, group, count) end
  end
end

local function free_home(agent, device)
  if device == '' then return false end
  local other = redis.call('HGET', devices, device)
  return not other or other == agent.id
end

local function set_home(agent, device)
  if agent.home == device then return end
  local at_home = agent.device == agent.home
  put(agent, 'home', device)
  if not at_home or busy(agent) or not free_home(agent, device) then return end
  if agent.device ~= '' then redis.call('HDEL', devices, agent.device) end
  redis.call('HSET', devices, device, agent.id)
  put(agent, 'device', device)
  put(agent, 'reachable', redis.call('SISMEMBER', SITE_KEY .. 'unreachable', device) == 1 and '0' or '1')
  if agent.reachable == '0' and agent.state == 'ready' then
    agent_to(agent, 'unreachable', '', '', '')
  elseif agent.reachable == '1' and agent.state == 'unreachable' then
    release(agent, nil, '', '')
  end
end

local function set_queues(agent, list)
  if agent.queues == list then return end
  if agent.state == 'ready' then
    for name in each_queue(agent) do redis.call('ZREM', SITE_KEY .. 'idle:' .. name, agent.id) end
  end
  put(agent, 'queues', list)
  if agent.state == 'ready' then
    for name in each_queue(agent) do
      redis.call('ZADD', SITE_KEY .. 'idle:' .. name, agent.ready_since_at, agent.id)
    end
    freed[#freed + 1] = agent
  end
end

local function set_agent(id, settings)
  local is_new = redis.call('SADD', SITE_KEY .. 'agents', id) == 1
  if not agent_of(id) then
    redis.call('HSET', SITE_KEY .. 'agent:' .. id, 'state', 'offline', 'reason', '', 'since_at', now_ms(), 'home', '',
      'device', '', 'reachable', '1')
  end
  local agent = agent_of(id)
  if agent.name ~= text(settings.name) then put(agent, 'name', text(settings.name)) end
  if agent.wrapup_s ~= text(settings.wrapup_s) then put(agent, 'wrapup_s', text(settings.wrapup_s)) end
  if is_new and agent.wish == 'offline' then put(agent, 'wish', '') end
  set_home(agent, text(settings.device))
  set_queues(agent, table.concat(settings.queues, ','))
  if is_new and settings.at_start == 'ready' and agent.state == 'offline' and agent.device ~= '' then
    release(agent, nil, '', '')
  end
end

local function drop_agents()
  for _, id in ipairs(redis.call('SMEMBERS', SITE_KEY .. 'agents')) do
    local agent = agent_of(id)
    if not config.agents[id] and agent then
      redis.call('SREM', SITE_KEY .. 'agents', id)
      if redis.call('HGET', devices, agent.device) == id then redis.call('HDEL', devices, agent.device) end
      if busy(agent) then
        put(agent, 'wish', 'offline')
      else
        agent_to(agent, 'offline', '', '', '')
        put(agent, 'device', '')
      end
      put(agent, 'home', '')
      put(agent, 'queues', '')
    end
  end
end

drop_agents()
for name, settings in pairs(config.queues) do set_queue(name, settings) end
drop_queues()
for id, settings in pairs(config.agents) do set_agent(id, settings) end
guard_doors()
match_freed()
redis.call('SET', SITE_KEY .. 'version', ARGV[2])
save_all()
return { next_due, offers }
