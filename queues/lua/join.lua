-- join: the caller enters a queue; logs `joined`, `hold_started`, and the offer if an agent is free.
--
-- own: 1 queue · 2 head start, s · 3 reasons for which he may be refused at the door: closed,no_agents,full,ratio
-- · 4 '1' if the queue is closed now. Result: {position, score, joined_at}; a repeat answers with the present place;
-- {reason} if the door stays shut. Refused (4) while he is in another queue or talks.

-- score = joined_at − head start; the nth join of one millisecond adds n/1024 ms, which a double still holds.
local function score_of(joined_at, head_start_s)
  local key = SITE_KEY .. 'ties'
  local last, n = string.match(redis.call('GET', key) or '', '^(%d+):(%d+)$')
  n = tonumber(last) == joined_at and int(n) + 1 or 0
  redis.call('SET', key, string.format('%.0f:%d', joined_at, n))
  return joined_at + math.min(n, 1023) / 1024 - 1000 * head_start_s
end

local function enter(queue, head_start_s)
  local score = score_of(at, head_start_s)
  local text = string.format('%.17g', score)
  redis.call('ZADD', SITE_KEY .. 'line:' .. queue, text, call.id)
  redis.call('ZADD', SITE_KEY .. 'wait:' .. queue, text, call.id)
  local position = redis.call('ZRANK', SITE_KEY .. 'line:' .. queue, call.id) + 1
  put(call, 'state', 'waiting')
  put(call, 'queue', queue)
  put(call, 'score', text)
  put(call, 'joined_at', at)
  put(call, 'since_at', at)
  put(call, 'position0', position)
  tell_call(call, '{"kind":"joined","queue":"' .. queue .. '","position":' .. position .. ',"score":'
    .. text .. ',"head_start_s":' .. number(head_start_s) .. '}', at)
  tell_call(call, '{"kind":"hold_started","by":"queue"}', at)
  match_call(call)
end

-- The door: why he may not come in; nil: he may.
local function refusal(queue)
  local ways = own(3) or ''
  if own(4) == '1' and is_in(ways, 'closed') then return 'closed' end
  return objection(queue, 'refuse_if', redis.call('ZCARD', SITE_KEY .. 'line:' .. queue), ways)
end

local function refuse(queue, reason)
  put(call, 'left', reason)
  put(call, 'since_at', at)
  tell_call(call, '{"kind":"queue_refused","queue":"' .. queue .. '","reason":"' .. reason .. '"}', at)
end

local status = begin()
local queue = own(1)
if status == nil then
  local reason = call.state == 'flow' and refusal(queue)
  if reason then
    refuse(queue, reason)
  elseif call.state == 'flow' then
    enter(queue, tonumber(own(2)) or 0)
  elseif call.state == 'talking' or call.queue ~= queue then
    status = REFUSED
  end
end
local place = ''
if call and call.queue == queue and call.state ~= 'flow' then
  place = { (redis.call('ZRANK', SITE_KEY .. 'line:' .. queue, call.id) or -1) + 1, call.score, call.joined_at }
elseif call and call.state == 'flow' and call.left ~= '' then
  place = { call.left }
end
return answer(status or DONE, place)
