-- consulted: whom the agent asks has answered; the two talk while the caller is on hold.
--
-- own: 1 attempt · 2 his channel, if it is a leg that stays, else ''. Result: 1 if they talk by this attempt, else 0.

local status = begin()
if status == nil and call.state == 'talking' and call.c_state == 'offered' and call.c_attempt == own(1) then
  put(call, 'c_state', 'talking')
  put(call, 'c_at', at)
  if call.c_leg ~= own(2) then put(call, 'c_leg', own(2)) end
  log('{"kind":"consulted",' .. consulted() .. '}')
  local agent = call.c_agent ~= '' and agent_of(call.c_agent)
  if agent and agent.call == call.id then
    agent_to(agent, 'connecting', '', call.id, call.queue)
    agent_to(agent, 'talking', '', call.id, call.queue)
  end
end
local talk = call and call.c_state == 'talking' and tostring(call.c_attempt) == own(1)
return answer(status or DONE, talk and 1 or 0)
