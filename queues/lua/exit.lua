-- exit: a waiting caller looks whether the rules of his queue let him stay; if not, he leaves in the same moment.
--
-- own: 1 reasons for which his flow has a way: no_agents,full,ratio. Result: the reason, or '' if he stays.

local status = begin()
local reason = ''
if status == nil and call.state == 'waiting' then
  local ahead = redis.call('ZRANK', SITE_KEY .. 'line:' .. call.queue, call.id) or 0
  reason = objection(call.queue, 'leave_if', ahead, own(1)) or ''
  if reason ~= '' then leave_line(reason == 'full' and 'overflow' or reason) end
elseif status == REPEATED and call.state == 'flow' then
  reason = call.left == 'overflow' and 'full' or call.left
end
return answer(status or DONE, reason)
