-- unconsult: the agent has the caller again; whom he asked is released, or was rung in vain.
--
-- own: 1 attempt · 2 why whom he asked was not reached · 3 ring_ms (-1: since he was rung)
-- 4 who ended it, if they talked. Result: 1 if it was open, else 0.

local status = begin()
local done = 0
if status == nil and call.state == 'talking' and call.c_state ~= '' and call.c_attempt == own(1) then
  local line = call.c_line
  close_consult(own(2), tonumber(own(3)) or -1, own(4))
  if line == '' then close_hold('agent') end
  match_freed()
  done = 1
end
return answer(status or DONE, done)
