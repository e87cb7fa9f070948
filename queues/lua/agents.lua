-- Library: agents change state here and nowhere else. The table of transitions is queues/states.py.
--
-- agent_to(agent, state, reason, call, queue): the change, its log event, its place among the idle. Who becomes ready
--   gets that in match_freed(), if there is no caller for him: most freed agents never stand there.
-- release(agent, since, call, queue): nothing holds him any more: ready, or what he asked for meanwhile.
-- rest(agent, state, reason, until_at, call, queue): wrap-up or cool-down with a due time.

local freed
local AT_WORK = { ready = true, offered = true, connecting = true, talking = true, wrapup = true }

local function each_queue(agent) return string.gmatch(agent.queues, '[^,]+') end

-- How many agents are at work for each queue: `figures` reads it.
local function count_staff(agent, by)
  for name in each_queue(agent) do redis.call('HINCRBY', SITE_KEY .. 'staffed', name, by) end
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
  if from == 'ready' and not agent.to_stand then unstand(agent) end
  agent.to_stand = state == 'ready'
  if AT_WORK[from] ~= AT_WORK[state] then count_staff(agent, AT_WORK[state] and 1 or -1) end
  if agent.due_at ~= '' then
    redis.call('ZREM', SITE_KEY .. 'due', 'agent:' .. agent.id)
    put(agent, 'due_at', '')
  end
  put(agent, 'state', state)
  if agent.reason ~= reason then put(agent, 'reason', reason) end
  put(agent, 'since_at', now_ms())
  if from == 'offline' then
    put(agent, 'shift_calls', 0)
    put(agent, 'shift_talk_ms', 0)
  end
  if state == 'ready' then freed[#freed + 1] = agent end
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
