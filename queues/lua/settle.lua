-- settle: the agent has answered and may have this caller: both become `connecting`. One winner.
--
-- own: 1 agent · 2 attempt. Result: 1 if this agent and attempt have the caller now, else 0.

local status = begin()
local agent = call and agent_of(own(1))
if status == nil and call.state == 'offered' and call.agent == own(1) and call.attempt == own(2)
  and agent and agent.call == call.id then
  put(call, 'state', 'connecting')
  put(agent, 'turn_at', now_ms())
  agent_to(agent, 'connecting', '', call.id, call.queue)
end
local won = call and call.state == 'connecting' and call.agent == own(1) and tostring(call.attempt) == own(2)
return answer(status or DONE, won and 1 or 0)
