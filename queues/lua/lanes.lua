-- Library: where callers and agents stand.
--
-- A lane is a queue, the highest tier of agents that is open, and a need: `sales`, `sales/2?spanish >= 3`. Callers of
-- one stage wait in one lane, by score (`wait:LANE`). Ready agents stand in lists by queue, own tier and need that
-- they meet (`idle:…`, written alike), by the strategy's score. So a match looks at the heads of a few lists.
--
-- into_lane(call), out_of_lane(call): he may be matched, or not; the stage is the one of now. step_aside(call): a
--   caller who has put us on hold is out of his lane, and keeps his place in the line.
-- stand(agent), unstand(agent): among the idle, or not.
-- posts_of(agent): what follows from his queues and skills: lists to stand in and lanes to look at.
-- `next_due`: the earliest due time this script has added, 0 if none.

local next_due, lanes_token, moved_on
local MAX_TIER = 9
local MAX_KNOWN, known, known_count = 2000, {}, 0

local COMPARE = {
  ['>='] = function(a, b) return a >= b end, ['>'] = function(a, b) return a > b end,
  ['<='] = function(a, b) return a <= b end, ['<'] = function(a, b) return a < b end,
  ['=='] = function(a, b) return a == b end, ['!='] = function(a, b) return a ~= b end,
}

local function skills_of(text)
  local skills = {}
  for name, level in string.gmatch(text, '([^=,]+)=(%d+)') do skills[name] = tonumber(level) end
  return skills
end

local function holds(atom, skills)
  local name, sign, level = string.match(atom, '^(%S+) (%S+) (%d+)$')
  if name then return COMPARE[sign](skills[name] or 0, tonumber(level)) end
  local absent = string.match(atom, '^not (%S+)$')
  if absent then return (skills[absent] or 0) < 1 end
  return (skills[atom] or 0) >= 1
end

-- A need is alternatives joined by ` or `, each of conditions joined by ` and `: queues/needs.py writes it so.
local function meets(need, skills)
  if need == '' then return true end
  for alternative in string.gmatch(need .. ' or ', '(.-) or ') do
    local all = true
    for atom in string.gmatch(alternative .. ' and ', '(.-) and ') do all = all and holds(atom, skills) end
    if all then return true end
  end
  return false
end

local function lane_of(queue, tier, need)
  if tier > 1 then queue = queue .. '/' .. tier end
  if need ~= '' then queue = queue .. '?' .. need end
  return queue
end

local function read_lane(lane)
  local place, need = string.match(lane, '^([^?]*)%??(.*)$')
  local queue, tier = string.match(place, '^([^/]*)/?(%d*)$')
  return queue, tonumber(tier) or 1, need
end

-- Changes whenever lanes or settings of queues do: what was worked out before is worth nothing then.
local function token()
  lanes_token = lanes_token or redis.call('GET', SITE_KEY .. 'lanes') or ''
  return lanes_token
end

local function renew_token()
  lanes_token = string.format('%.0f:%d', now_ms(), redis.call('HINCRBY', SITE_KEY .. 'counters', 'lanes', 1))
  redis.call('SET', SITE_KEY .. 'lanes', lanes_token)
end

local function work_out(agent)
  local posts = { token = token(), idle = {}, wait = {} }
  local skills = skills_of(agent.skills)
  for queue, tier, ahead, order, weight in
    string.gmatch(agent.serves, '([^:,]+):(%d+):(-?[%d.]+):(%d+):(%d+)') do
    local settings, seen = queue_of(queue), {}
    local post = { order = tonumber(order), weight = tonumber(weight) }
    local own, strategy = tonumber(tier), strategy_of(settings)
    for lane in string.gmatch('|' .. settings.lanes, '|([^|]*)') do
      local _, open, need = read_lane(lane)
      for _, one in ipairs({ '', need }) do
        if not seen[one] and meets(one, skills) then
          seen[one] = true
          posts.idle[#posts.idle + 1] = { 'idle:' .. lane_of(queue, own, one), strategy, post }
        end
      end
      if open >= own and meets(need, skills) then
        posts.wait[#posts.wait + 1] = { lane_of(queue, open, need), 1000 * tonumber(ahead) }
      end
    end
  end
  return posts
end

-- Kept from script to script: agents with the same queues and skills share it.
local function posts_of(agent)
  local name = SITE_KEY .. agent.serves .. '\n' .. agent.skills
  local posts = known[name]
  if posts and posts.token == token() then return posts end
  posts = work_out(agent)
  if not known[name] then known_count = known_count + 1 end
  if known_count > MAX_KNOWN then known, known_count = {}, 1 end
  known[name] = posts
  return posts
end

local function stand(agent)
  for _, place in ipairs(posts_of(agent).idle) do
    redis.call('ZADD', SITE_KEY .. place[1], number(place[2].score(agent, place[3])), agent.id)
  end
end

local function unstand(agent)
  for _, place in ipairs(posts_of(agent).idle) do redis.call('ZREM', SITE_KEY .. place[1], agent.id) end
end

-- A lane that nobody has published (a flow of an older version asks for it): ready agents get into its lists now.
local function know_lane(queue, tier, need)
  local settings, lane = queue_of(queue), lane_of('', tier, need)
  if string.find('|' .. settings.lanes .. '|', '|' .. lane .. '|', 1, true) then return end
  settings.lanes = settings.lanes .. '|' .. lane
  redis.call('HSET', SITE_KEY .. 'queue:' .. queue, 'lanes', settings.lanes)
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
  redis.call('ZREM', SITE_KEY .. 'wait:' .. call.lane, call.id)
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
  if call.lane ~= '' and call.lane ~= lane then redis.call('ZREM', SITE_KEY .. 'wait:' .. call.lane, call.id) end
  if call.lane ~= lane then
    if not preferring then know_lane(call.queue, tier, need) end
    put(call, 'lane', lane)
  end
  redis.call('ZADD', SITE_KEY .. 'wait:' .. lane, call.score, call.id)
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
      redis.call('ZREM', SITE_KEY .. 'wait:@' .. agent.id, id)
    end
  end
end
