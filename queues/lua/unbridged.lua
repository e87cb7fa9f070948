-- unbridged: the talk is over; the agent wraps up or is free and gets the next caller.
--
-- own: 1 ended_by (caller, agent, system). Result: 1 if they talked, else 0.

local status = begin()
local done = 0
if status == nil and call.state == 'talking' then
  close_talk(own(1))
  match_freed()
  done = 1
end
return answer(status or DONE, done)
