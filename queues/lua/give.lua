-- give: the agent gives the caller away, blindly: he wraps up, the caller goes where the errand says.
--
-- own: 1 errand · 2 the event `transferred`, or '' if nobody can say yet. Result: 1 if they talked, else 0.

local status = begin()
local done = 0
if status == nil and call.state == 'talking' then
  local agent = call.agent
  close_talk('agent')
  if own(2) ~= '' then log(own(2)) end
  put(call, 'left', '')
  put(call, 'errand', own(1))
  put(call, 'avoid', agent)
  match_freed()
  done = 1
end
return answer(status or DONE, done)
