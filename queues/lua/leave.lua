-- leave: the caller leaves the queue by a rule or a choice; an open offer is withdrawn.
--
-- own: 1 reason (class F or X of the definitions). Result: 1 if he was in a queue, else 0.

local status = begin()
local done = 0
if status == nil and call.queue ~= ''
  and (call.state == 'waiting' or call.state == 'offered' or call.state == 'connecting') then
  if call.state ~= 'waiting' then close_offer('withdrawn', -1) end
  leave_line(own(1))
  match_freed()
  done = 1
end
return answer(status or DONE, done)
