-- join: the caller enters a queue; logs `joined`, `hold_started`, and the offer if an agent is free.
--
-- own: 1 queue · 2 head starts, as `priority:30,vip:60` (see head_starts.lua); the queue's weight and credit for what
-- he has waited before in this call are added here · 3 needs of his own instead of the queue's, as a ladder.
-- Result: {position, score, joined_at}; a repeat answers with the present place.
-- Refused (4) while he is in another queue or talks.

local status = begin()
local queue = own(1)
if status == nil then
  if call.state == 'flow' then
    local starts = ahead_of(own(2) or '')
    starts.weight = queue_of(queue).weight_s
    starts.credit = int(call.wait_ms) / 1000
    put(call, 'ladder', own(3) or '')
    enter_line(queue, starts)
    match_call(call)
  elseif call.state == 'talking' or call.queue ~= queue then
    status = REFUSED
  end
end
local place = ''
if call and call.queue == queue and call.state ~= 'flow' then
  place = { (redis.call('ZRANK', SITE_KEY .. 'line:' .. queue, call.id) or -1) + 1, call.score, call.joined_at }
end
return answer(status or DONE, place)
