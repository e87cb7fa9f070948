-- give: the agent gives the caller away, blindly: he wraps up, the caller goes where the errand says.
--
-- own: 1 errand · 2 the event `transferred`, or '' if nobody can say yet · 3 the queue at whose door he knocks, or ''
-- 4 reasons for which that may stay shut: no_agents,full,ratio. Result: 1 if he goes there, 0 if he talks on or has gone.

local function may_come(queue)
  return queue == '' or not objection(queue, 'refuse_if', redis.call('ZCARD', SITE_KEY .. 'line:' .. queue), own(4))
end

local status = begin()
local done = 0
if status == nil and call.state == 'talking' and may_come(own(3) or '') then
  local agent = call.agent
  close_talk('agent')
  if own(2) ~= '' then log(own(2)) end
  put(call, 'left', '')
  put(call, 'errand', own(1))
  put(call, 'avoid', agent)
  match_freed()
  done = 1
end
if status == REPEATED and call.state ~= 'talking' and call.errand == own(1) then done = 1 end
return answer(status or DONE, done)
