-- enroll: some of the agents that admins have published. They keep their states; a removed one goes offline (after his
-- call), a new one is offline or ready as `at_start` says.
--
-- KEYS[1] the log stream. ARGV[1] asking worker or '' · [2] the publication · [3] JSON list of {id, {name, device,
-- queues: [], serves, skills, wrapup_s, wrapup, at_start}}; one who is gone: {id, false}. `serves`: queue:tier:head start:order:weight,…
-- Answers {1 or 0 = another publication has begun, next due, offers}.

asker = ARGV[1]
local devices = SITE_KEY .. 'devices'

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
  know_phone(agent)
end

-- A ready agent stands anew even if nothing is new of him: lanes or the strategy of his queues may be.
local function set_queues(agent, settings)
  local list, serves, skills = table.concat(settings.queues, ','), settings.serves, settings.skills
  if agent.queues ~= list or agent.serves ~= serves or agent.skills ~= skills then
    if agent.state == 'ready' then unstand(agent) end
    uncount(agent)
    put(agent, 'queues', list)
    put(agent, 'serves', serves)
    put(agent, 'skills', skills)
  end
  if agent.state == 'ready' then
    stand(agent)
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
  if agent.wrapup ~= text(settings.wrapup) then put(agent, 'wrapup', text(settings.wrapup)) end
  if is_new and agent.wish == 'offline' then put(agent, 'wish', '') end
  set_queues(agent, settings)
  set_home(agent, text(settings.device))
  if is_new and settings.at_start == 'ready' and agent.state == 'offline' and agent.device ~= '' then
    release(agent, nil, '', '')
  end
end

local function drop_agent(id)
  local agent = agent_of(id)
  if redis.call('SREM', SITE_KEY .. 'agents', id) == 0 or not agent then return end
  if redis.call('HGET', devices, agent.device) == id then redis.call('HDEL', devices, agent.device) end
  if busy(agent) then
    put(agent, 'wish', 'offline')
    put(agent, 'wish_by', '')
  else
    agent_to(agent, 'offline', 'removed', '', '')
    put(agent, 'device', '')
  end
  put(agent, 'home', '')
  uncount(agent)
  put(agent, 'queues', '')
end

local current = redis.call('GET', SITE_KEY .. 'publishing') == ARGV[2]
if current then
  for _, pair in ipairs(cjson.decode(ARGV[3])) do
    if pair[2] then set_agent(pair[1], pair[2]) else drop_agent(pair[1]) end
  end
  match_freed()
  save_all()
end
return { current and 1 or 0, next_due, offers }
