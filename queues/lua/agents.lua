-- Library: agents change state here and nowhere else. The table of transitions is queues/states.py.
--
-- agent_to(agent, state, reason, call, queue): the change, its log event, its place among the idle.
-- release(agent, since, call, queue): nothing holds him any more: ready, or what he asked for meanwhile.
-- rest(agent, state, reason, until_at, call, queue): wrap-up or cool-down with a due time.
-- `next_due`: the earliest due time this script has added, 0 if none.
-- `staff:QUEUE` counts the queue's agents by group, a word for their states; `moved`: queues in which it changed.

local next_due, freed, moved

local GROUPS = { offered = 'ringing', connecting = 'ringing', busy_private = 'talking' }

local function each_queue(agent) return string.gmatch(agent.queues, '[^,]+') end

-- Who cools down is as good as rung: it is over in seconds.
local function group_of(state, reason)
  if state == 'paused' and reason == 'cooldown' then return 'ringing' end
  return GROUPS[state] or state
end

local function count_staff(agent, from, to)
  if from == to then return end
  for name in each_queue(agent) do
    redis.call('HINCRBY', SITE_KEY .. 'staff:' .. name, from, -1)
    redis.call('HINCRBY', SITE_KEY .. 'staff:' .. name, to, 1)
    moved[#moved + 1] = name
  end
end

local function agent_event(agent, from, reason, call, queue)
  local body = '{"kind":"agent_state","agent":"' .. agent.id .. '","from":"' .. from .. '","to":"' .. agent.state .. '"'
  if reason ~= '' then body = body .. ',"reason":' .. quoted(reason) end
  if queue and queue ~= '' then body = body .. ',"queue":"' .. queue .. '"' end
  if call and call ~= '' then body = body .. ',"call":' .. quoted(call) end
  tell_agent(agent, body .. '}')
end

local function agent_to(agent, state, reason, call, queue)
  local from = agent.state
  if from == state and agent.reason == reason then return end
  if from == 'ready' then
    for name in each_queue(agent) do redis.call('ZREM', SITE_KEY .. 'idle:' .. name, agent.id) end
  end
  if agent.due_at ~= '' then
    redis.call('ZREM', SITE_KEY .. 'due', 'agent:' .. agent.id)
    put(agent, 'due_at', '')
  end
  count_staff(agent, group_of(from, agent.reason), group_of(state, reason))
  put(agent, 'state', state)
  if agent.reason ~= reason then put(agent, 'reason', reason) end
  put(agent, 'since_at', now_ms())
  if state == 'ready' then
    for name in each_queue(agent) do
      redis.call('ZADD', SITE_KEY .. 'idle:' .. name, agent.ready_since_at, agent.id)
    end
    freed[#freed + 1] = agent
  end
  if state ~= 'offered' and state ~= 'connecting' and state ~= 'talking' and agent.call ~= '' then
    put(agent, 'call', '')
  end
  agent_event(agent, from, reason, call, queue)
end

-- `since`: idle since, ms; nil = now. The one who rang in vain through nobody's fault keeps his old one.
local function release(agent, since, call, queue)
  local wish = agent.wish
  if wish ~= '' then put(agent, 'wish', '') end
  if wish == 'offline' then return agent_to(agent, 'offline', '', call, queue) end
  if wish ~= '' then return agent_to(agent, 'paused', string.sub(wish, 8), call, queue) end
  if agent.reachable == '0' then return agent_to(agent, 'unreachable', '', call, queue) end
  put(agent, 'ready_since_at', since or now_ms())
  agent_to(agent, 'ready', '', call, queue)
end

local function rest(agent, state, reason, until_at, call, queue)
  if agent.wish ~= '' then return release(agent, nil, call, queue) end
  agent_to(agent, state, reason, call, queue)
  put(agent, 'due_at', until_at)
  redis.call('ZADD', SITE_KEY .. 'due', until_at, 'agent:' .. agent.id)
  if next_due == 0 or until_at < next_due then next_due = until_at end
end

local function busy(agent)
  return agent.state == 'offered' or agent.state == 'connecting' or agent.state == 'talking'
end
