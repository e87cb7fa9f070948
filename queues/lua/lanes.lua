-- Library: where callers and agents stand.
--
-- A lane is a queue, the highest tier of agents that is open, and a need: `sales`, `sales/2?spanish >= 3`. Callers of
-- one stage wait in one lane, by score (`wait:LANE`). Ready agents stand in lists by queue, own tier and need that
-- they meet (`idle:…`, written alike), by the strategy's score. So a match looks at the heads of a few lists; `heads`
-- has the score of each lane's first, so that an agent looks at all his lanes at once.
--
-- into_lane(call), out_of_lane(call): he may be matched, or not; the stage is the one of now. step_aside(call): a
--   caller who has put us on hold is out of his lane, and keeps his place in the line.
-- wait_in(lane, call), off_lane(lane, id): only that list. know_heads(): `heads` is right again; last of every script.
-- stand(agent), unstand(agent): among the idle, or not. each_list(agent, act): calls act with each list he belongs in.
-- lanes_for(agent): the lanes he looks at, his own first, and his head starts for them in ms.
-- `next_due`: the earliest due time this script has added, 0 if none.

local next_due, moved_on, stale
local MAX_TIER = 9

-- Queue, own tier, own head start, order and weight for each queue that he serves.
local function each_served(agent) return string.gmatch(agent.serves, '([^:,]+):(%d+):(-?[%d.]+):(%d+):(%d+)') end

local function each_list(agent, act)
  for name, tier, _, order, weight in each_served(agent) do
    local settings = queue_of(name)
    for _, need in ipairs(settings.needs) do
      if meets(need, agent) then act('idle:' .. lane_of(name, tonumber(tier), need), settings, order, weight) end
    end
  end
end

local function stand(agent)
  each_list(agent, function(list, settings, order, weight)
    local post = { order = tonumber(order), weight = tonumber(weight) }
    redis.call('ZADD', SITE_KEY .. list, number(strategy_of(settings).score(agent, post)), agent.id)
  end)
end

local function unstand(agent)
  each_list(agent, function(list) redis.call('ZREM', SITE_KEY .. list, agent.id) end)
end

local function lanes_for(agent)
  local lanes, ahead_ms, count = { '@' .. agent.id }, { 0 }, 1
  for name, own, ahead_s in each_served(agent) do
    local tier, ahead = tonumber(own), 1000 * tonumber(ahead_s)
    for _, lane in ipairs(queue_of(name).open) do
      if lane[2] >= tier and meets(lane[3], agent) then
        count = count + 1
        lanes[count], ahead_ms[count] = lane[1], ahead
      end
    end
  end
  return lanes, ahead_ms
end

local function wait_in(lane, call)
  if redis.call('ZADD', SITE_KEY .. 'wait:' .. lane, call.score, call.id) == 0 then
    stale[lane] = true
  else
    redis.call('ZADD', SITE_KEY .. 'heads', 'LT', call.score, lane)
  end
end

local function off_lane(lane, id)
  redis.call('ZREM', SITE_KEY .. 'wait:' .. lane, id)
  stale[lane] = true
end

local function know_heads()
  for lane in pairs(stale) do
    local head = redis.call('ZRANGE', SITE_KEY .. 'wait:' .. lane, 0, 0, 'WITHSCORES')
    if head[1] then
      redis.call('ZADD', SITE_KEY .. 'heads', head[2], lane)
    else
      redis.call('ZREM', SITE_KEY .. 'heads', lane)
    end
  end
  stale = {}
end

-- A lane that nobody has published (a flow of an older version asks for it): ready agents get into its lists now.
local function know_lane(queue, tier, need)
  local settings, lane = queue_of(queue), lane_of('', tier, need)
  if settings.known[lane] then return end
  redis.call('HSET', SITE_KEY .. 'queue:' .. queue, 'lanes', settings.lanes .. '|' .. lane)
  renew_token()
  for own = 1, MAX_TIER do
    for _, id in ipairs(redis.call('ZRANGE', SITE_KEY .. 'idle:' .. lane_of(queue, own, ''), 0, -1)) do
      local agent = agent_of(id)
      if agent and agent.state == 'ready' then stand(agent) end
    end
  end
end

local function stage_due(call, instant)
  if instant == int(call.stage_at) then return end
  put(call, 'stage_at', instant > 0 and instant or '')
  if instant == 0 then return redis.call('ZREM', SITE_KEY .. 'due', 'stage:' .. call.id) end
  redis.call('ZADD', SITE_KEY .. 'due', instant, 'stage:' .. call.id)
  if next_due == 0 or instant < next_due then next_due = instant end
end

-- Need and highest open tier after so long a wait, and when the next stage begins (0: this is the last).
local function stage_of(call)
  local settings = queue_of(call.queue)
  local ladder = call.ladder ~= '' and call.ladder or settings.ladder
  local need, tier, next_at = '', 1, 0
  if ladder == '' and settings.tiers == '' then return need, tier, next_at end
  local now, joined_at = now_ms(), int(call.joined_at)
  local function later(after_s)
    local begins_at = joined_at + 1000 * tonumber(after_s)
    if begins_at <= now then return false end
    if next_at == 0 or begins_at < next_at then next_at = begins_at end
    return true
  end
  for after_s, one in string.gmatch(ladder, '(%d+):([^|]*)') do
    if not later(after_s) then need = one end
  end
  for one, after_s in string.gmatch(settings.tiers, '(%d+):(%d+)') do
    if not later(after_s) then tier = math.max(tier, tonumber(one)) end
  end
  return need, tier, next_at
end

-- Whether it is in vain to wait for an agent: he is not at work, or pauses until he comes back by himself.
local function is_away(agent)
  return not agent or agent.state == 'offline' or agent.state == 'unreachable' or agent.wish ~= ''
    or (agent.state == 'paused' and agent.reason ~= 'cooldown')
    or redis.call('SISMEMBER', SITE_KEY .. 'agents', agent.id) == 0
end

-- As long as he prefers one agent, a caller waits in that one's own lane.
local function prefers(call)
  if call.prefer == '' then return false end
  if int(call.prefer_until) > now_ms() and not is_away(agent_of(call.prefer)) then return true end
  put(call, 'prefer', '')
  return false
end

local function out_of_lane(call)
  if call.lane == '' then return end
  off_lane(call.lane, call.id)
  put(call, 'lane', '')
end

-- Who has put us on hold is passed over until he is back.
local function step_aside(call)
  if call.lane == '' then return end
  out_of_lane(call)
  stage_due(call, 0)
end

local function into_lane(call)
  if call.hold_caller_at ~= '' then return step_aside(call) end
  local need, tier, next_at = stage_of(call)
  local lane, preferring = lane_of(call.queue, tier, need), prefers(call)
  if preferring then lane, next_at = '@' .. call.prefer, int(call.prefer_until) end
  if call.lane ~= '' and call.lane ~= lane then off_lane(call.lane, call.id) end
  if call.lane ~= lane then
    if not preferring then know_lane(call.queue, tier, need) end
    put(call, 'lane', lane)
  end
  wait_in(lane, call)
  stage_due(call, next_at)
end

local MAX_LEFT = 16

-- Who waits for this agent does not any more; beyond the first few, until their time is over.
local function leave_him(agent)
  for _, id in ipairs(redis.call('ZRANGE', SITE_KEY .. 'wait:@' .. agent.id, 0, MAX_LEFT - 1)) do
    local call = call_of(id)
    if call and call.lane == '@' .. agent.id then
      into_lane(call)
      moved_on[#moved_on + 1] = call
    else
      off_lane('@' .. agent.id, id)
    end
  end
end
