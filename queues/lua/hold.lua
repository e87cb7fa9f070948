-- hold: a party puts the other on SIP hold, or takes it back; once per party. A caller who waits is passed over
-- meanwhile, and keeps his place.
--
-- own: 1 by (agent, caller) · 2 '1' begins, '0' ends. Result: 1 if that changed anything, else 0.

local status = begin()
local done = 0
if status == nil then
  local by = own(1) == 'agent' and 'agent' or 'caller'
  local held = call['hold_' .. by .. '_at'] ~= ''
  if own(2) == '1' and not held and (by == 'caller' or call.state == 'talking') then
    open_hold(by)
    step_aside(call)
    done = 1
  elseif own(2) == '0' and held then
    close_hold(by)
    if wanted(call) > 0 then
      into_lane(call)
      match_call(call)
    end
    done = 1
  end
end
return answer(status or DONE, done)
