-- join: the caller enters a queue; logs `joined`, `hold_started`, and the offer if an agent is free.
--
-- own: 1 queue · 2 head starts, as `priority:30,vip:60` (see head_starts.lua); the queue's weight and credit for what
-- he has waited before in this call are added here · 3 needs of his own instead of the queue's, as a ladder.
-- · 4 reasons for which he may be refused at the door: closed,no_agents,full,ratio · 5 '1' if the queue is closed now
-- · 6 the agent whom he prefers, or '' = as the queue says · 7 for so many seconds
-- 8 '1': in an agent's own line, he comes back to that agent, who has given him away: his wrap-up is over for it.
-- Result: {position, score, joined_at}; a repeat answers with the present place; {reason} if the door stays shut.
-- Refused (4) while he is in another queue or talks.

-- The door: why he may not come in; nil: he may.
local function refusal(queue)
  local ways = own(4) or ''
  if own(5) == '1' and is_in(ways, 'closed') then return 'closed' end
  return objection(queue, 'refuse_if', redis.call('ZCARD', SITE_KEY .. 'line:' .. queue), ways)
end

local function refuse(queue, reason)
  put(call, 'left', reason)
  put(call, 'since_at', at)
  tell_call(call, '{"kind":"queue_refused","queue":"' .. queue .. '","reason":"' .. reason .. '"}', at)
end

local function recall(queue)
  local agent = agent_of(string.sub(queue, 2))
  if not agent or agent.state ~= 'wrapup' or call.lane == '' or wanted(call) <= 0 then return end
  release(agent, nil, call.id, queue)
  if agent.state == 'ready' then offer(call, agent, why_of(call)) end
  match_freed()
end

local status = begin()
local queue = own(1)
if status == nil then
  local reason = call.state == 'flow' and refusal(queue)
  if reason then
    refuse(queue, reason)
  elseif call.state == 'flow' then
    local starts = ahead_of(own(2) or '')
    starts.weight = queue_of(queue).weight_s
    starts.credit = int(call.wait_ms) / 1000
    put(call, 'ladder', own(3) or '')
    local agent, seconds = own(6) or '', tonumber(own(7)) or 0
    if agent == '' then agent, seconds = last_agent(queue) end
    put(call, 'prefer', agent)
    put(call, 'prefer_until', now_ms() + 1000 * seconds)
    enter_line(queue, starts)
    if own(8) == '1' then recall(queue) end
    match_call(call)
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
