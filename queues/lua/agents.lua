-- Library: agents change state here and nowhere else. The table of transitions is queues/states.py.
--
-- agent_to(agent, state, reason, call, queue): the change, its log event, its place among the idle. Who becomes ready
--   gets that in match_freed(), if there is no caller for him: most freed agents never stand there.
-- release(agent, since, call, queue): nothing holds him any more: ready, or what he asked for meanwhile, or what
--   his phone allows.
-- rest(agent, state, reason, until_at, call, queue): a cool-down with a due time. set_due(agent, until_at): only that.
-- `told_by`: who forced the change that comes next, '' = nobody.
-- `staff` counts each queue's agents by group, a word for their states (`sales:ready`): uncount(agent): no more in the
--   queues he had. count_staff(): as they are now; last of every script, what has changed twice is written once.
--   staff_of(queue, groups): group → how many. `moved`: queues in which it changed.

local freed, told_by, moved, recounted
local GROUPS = { offered = 'ringing', connecting = 'ringing', busy_private = 'talking' }
local ALL_GROUPS = { 'offline', 'unreachable', 'ready', 'ringing', 'talking', 'wrapup', 'paused' }

-- Who cools down is as good as rung: it is over in seconds.
local function group_of(state, reason)
  if state == 'paused' and reason == 'cooldown' then return 'ringing' end
  return GROUPS[state] or state
end

-- In which group he is counted, before anything changes.
local function recount(agent)
  if agent.counted then return end
  agent.counted = group_of(agent.state, agent.reason)
  recounted[#recounted + 1] = agent
end

local function uncount(agent)
  recount(agent)
  if agent.counted == '' then return end
  agent.uncounted = { agent.queues, agent.counted }
  agent.counted = ''
end

local count_staff, staff_of

do
  -- Names of fields, and by how much each of them changes. Only if somebody's queues are other ones, or several agents
  -- have changed, can a field be named twice.
  local function differences()
    local fields, by, place = {}, {}, (#recounted > 1 or recounted[1].uncounted) and {}
    local function add(queues, group, count)
      for name in string.gmatch(group ~= '' and queues or '', '[^,]+') do
        local field = name .. ':' .. group
        local i = place and place[field] or #fields + 1
        fields[i], by[i] = field, (by[i] or 0) + count
        if place then place[field] = i end
        moved[name] = true
      end
    end
    for _, agent in ipairs(recounted) do
      local group = group_of(agent.state, agent.reason)
      if agent.uncounted then add(agent.uncounted[1], agent.uncounted[2], -1) end
      if agent.counted ~= group then
        add(agent.queues, agent.counted, -1)
        add(agent.queues, group, 1)
      end
    end
    return fields, by
  end

  function count_staff()
    if #recounted == 0 then return end
    local fields, by = differences()
    if #fields == 0 then return end
    local values = {}
    for i, had in ipairs(redis.call('HMGET', SITE_KEY .. 'staff', unpack(fields))) do
      values[2 * i - 1], values[2 * i] = fields[i], int(had or '') + by[i]
    end
    redis.call('HSET', SITE_KEY .. 'staff', unpack(values))
  end

  function staff_of(queue, groups)
    local fields, found = {}, {}
    for i, group in ipairs(groups) do fields[i] = queue .. ':' .. group end
    for i, count in ipairs(redis.call('HMGET', SITE_KEY .. 'staff', unpack(fields))) do
      found[groups[i]] = int(count or '')
    end
    return found
  end
end

local function agent_event(agent, from, reason, call, queue)
  local body = '{"kind":"agent_state","agent":"' .. agent.id .. '","from":"' .. from .. '","to":"' .. agent.state .. '"'
  if reason ~= '' then body = body .. ',"reason":' .. quoted(reason) end
  if queue and queue ~= '' then body = body .. ',"queue":"' .. queue .. '"' end
  if call and call ~= '' then body = body .. ',"call":' .. quoted(call) end
  if told_by ~= '' then body = body .. ',"by":' .. quoted(told_by) end
  tell_agent(agent, body .. '}')
end

-- What he has said his last call was about; '' = he has not, and it was required.
local function tell_disposition(agent, code)
  tell_agent(agent, '{"kind":"disposition","agent":"' .. agent.id .. '","call":' .. quoted(agent.code_call)
    .. ',"queue":"' .. agent.last_queue .. '","code":"' .. code .. '"}')
  if agent.code_due ~= '' then put(agent, 'code_due', '') end
end

local function set_due(agent, until_at)
  put(agent, 'due_at', until_at)
  redis.call('ZADD', SITE_KEY .. 'due', until_at, 'agent:' .. agent.id)
  if next_due == 0 or until_at < next_due then next_due = until_at end
end

-- Who goes home leaves a phone that is not his, so that nobody comes back there without his PIN.
local function stand_up(agent)
  LEGS.drop(agent)
  if agent.leg_lost ~= '' then put(agent, 'leg_lost', '') end
  if agent.wish ~= '' then
    put(agent, 'wish', '')
    put(agent, 'wish_by', '')
  end
  if agent.device == '' or agent.device == agent.home then return end
  local devices = SITE_KEY .. 'devices'
  if redis.call('HGET', devices, agent.device) == agent.id then redis.call('HDEL', devices, agent.device) end
  put(agent, 'device', '')
end

-- From paused to paused: another reason. Any other state is the same whatever its reason was.
local function agent_to(agent, state, reason, call, queue)
  local from = agent.state
  if from == state and (state ~= 'paused' or agent.reason == reason) then return end
  if agent.code_due == '1' and state ~= 'talking' and state ~= 'wrapup' then tell_disposition(agent, '') end
  if from == 'ready' and not agent.to_stand then unstand(agent) end
  agent.to_stand = state == 'ready'
  recount(agent)
  if agent.due_at ~= '' then
    redis.call('ZREM', SITE_KEY .. 'due', 'agent:' .. agent.id)
    put(agent, 'due_at', '')
  end
  if state == 'offered' and agent.code_call ~= '' then put(agent, 'code_call', '') end
  put(agent, 'state', state)
  if agent.reason ~= reason then put(agent, 'reason', reason) end
  put(agent, 'since_at', now_ms())
  if is_away(agent) then leave_him(agent) end
  if from == 'offline' then
    put(agent, 'shift_calls', 0)
    put(agent, 'shift_talk_ms', 0)
  end
  if state == 'ready' then freed[#freed + 1] = agent end
  if state ~= 'offered' and state ~= 'connecting' and state ~= 'talking' and agent.call ~= '' then
    put(agent, 'call', '')
  end
  agent_event(agent, from, reason, call, queue)
  if state == 'offline' then stand_up(agent) end
end

-- What his phone allows to somebody who would be ready: the state, and why. Who has a leg that stays is reached by it,
-- whether his phone could be rung or not; who has lost it is reached by nothing until he comes back.
local function allowed(agent)
  if agent.leg_lost ~= '' then return 'offline', agent.leg_lost end
  if agent.leg == '' and agent.reachable == '0' then return 'unreachable', 'phone' end
  if agent.in_use == '1' then return 'busy_private', '' end
  return 'ready', ''
end

-- `since`: idle since, ms; nil = now. The one who rang in vain through nobody's fault keeps his old one.
local function release(agent, since, call, queue)
  local wish = agent.wish
  if wish ~= '' then
    told_by = agent.wish_by
    put(agent, 'wish', '')
    put(agent, 'wish_by', '')
    if wish == 'offline' then
      agent_to(agent, 'offline', 'logged_out', call, queue)
    else
      agent_to(agent, 'paused', string.sub(wish, 8), call, queue)
    end
    told_by = ''
    return
  end
  local state, reason = allowed(agent)
  if state == 'ready' then put(agent, 'ready_since_at', since or now_ms()) end
  agent_to(agent, state, reason, call, queue)
end

local function rest(agent, state, reason, until_at, call, queue)
  if agent.wish ~= '' then return release(agent, nil, call, queue) end
  agent_to(agent, state, reason, call, queue)
  set_due(agent, until_at)
end

local function busy(agent)
  return agent.state == 'offered' or agent.state == 'connecting' or agent.state == 'talking'
end
