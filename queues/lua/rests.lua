-- Library: what an agent does after an offer that came to nothing, and after a talk.
--
-- missed(agent, reason, call, queue): he let a caller ring in vain: a cool-down, or a pause after the nth in a row.
-- wrap_up(agent, call, queue): the talk is over. rest_over(agent): his due time has come.

-- A queue's settings for the time after a call, as text; '' = not set.
local function rules_of(queue) return queue_of(queue).rules end

local function missed(agent, reason, call, queue)
  if agent.leg_lost ~= '' then return release(agent, nil, call, queue) end
  local rules = rules_of(queue)
  local misses, most = int(agent.misses) + 1, int(rules.pause_after)
  put(agent, 'misses', misses)
  put(agent, 'missed', reason)
  if most > 0 and misses >= most and agent.wish == '' then
    return agent_to(agent, 'paused', 'auto:' .. reason, call, queue)
  end
  local cooldown_s = tonumber(rules['after_' .. reason .. '_s'] or '') or tonumber(rules.cooldown_s) or 5
  local until_at = now_ms() + math.max(cooldown_s, 1) * 1000
  if reason == 'unreachable' then
    rest(agent, 'unreachable', 'refused', until_at, call, queue)
  else
    rest(agent, 'paused', 'cooldown', until_at, call, queue)
  end
end

local REMEMBERED_S = 2592000  -- 30 days

-- Where is kept whom a number talked to last in a queue; nil: it is hidden. Numbers are kept only as a hash.
local function last_key(queue)
  local number = redis.call('HGET', call.key, 'from')
  return number and number ~= '' and SITE_KEY .. 'last:' .. redis.sha1hex(queue .. ' ' .. number) or nil
end

-- Whom he talked to last, and for how long he waits for that one.
local function last_agent(queue)
  local seconds = queue_of(queue).last_agent_s
  local key = seconds > 0 and last_key(queue)
  local agent = key and agent_of(redis.call('GET', key) or '')
  if not agent or not is_in(agent.queues, queue) then return '', 0 end
  return agent.id, seconds
end

-- They talk: from now on he can say what it is about; perhaps he must.
local function talk_begins(agent, call, queue)
  local rules = rules_of(queue)
  put(agent, 'misses', 0)
  put(agent, 'last_queue', queue)
  local key = queue_of(queue).last_agent_s > 0 and last_key(queue)
  if key then redis.call('SET', key, agent.id, 'EX', REMEMBERED_S) end
  put(agent, 'code_call', rules.dispositions ~= '' and call or '')
  put(agent, 'code_due', rules.disposition_required == 'true' and rules.dispositions ~= '' and '1' or '')
end

-- Seconds: his own for this queue, else his own, else the queue's.
local function wrapup_of(agent, queue, rules)
  local own = string.match(',' .. agent.wrapup .. ',', ',' .. string.gsub(queue, '%-', '%%-') .. '=(%d+),')
  return tonumber(own or '') or tonumber(agent.wrapup_s) or tonumber(rules.wrapup_s) or 0
end

-- Who has still to say what the call was about does not leave before; but not for ever.
local function wrap_up(agent, call, queue)
  local rules = rules_of(queue)
  local wrapup_s, must = wrapup_of(agent, queue, rules), agent.code_due == '1'
  if not must and (wrapup_s <= 0 or agent.wish ~= '') then return release(agent, nil, call, queue) end
  agent_to(agent, 'wrapup', '', call, queue)
  put(agent, 'wrapup_until', now_ms() + wrapup_s * 1000)
  if wrapup_s <= 0 or agent.wish ~= '' then wrapup_s = int(rules.disposition_limit_s) end
  set_due(agent, now_ms() + wrapup_s * 1000)
end

local function rest_over(agent)
  if agent.state == 'wrapup' and agent.code_due == '1' then
    local limit_at = int(agent.since_at) + int(rules_of(agent.last_queue).disposition_limit_s) * 1000
    if limit_at > now_ms() then return set_due(agent, limit_at) end
  end
  release(agent, nil, '', '')
end
