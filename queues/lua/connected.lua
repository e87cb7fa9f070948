-- connected: caller and agent are in one bridge: the wait is over. Logs `hold_ended`, `queue_left`, `bridged`, and
-- `overtaken` to those who came earlier and still wait.
--
-- own: 1 agent · 2 attempt. Result: 1 if they talk by this attempt, else 0 (the caller had left meanwhile).

local status = begin()
local agent = call and agent_of(own(1))
if status == nil and call.state == 'connecting' and call.agent == own(1) and call.attempt == own(2) and agent then
  local overtook = tell_overtaken(agent)
  leave_line('answered')
  put(call, 'state', 'talking')
  put(call, 'errand', '')
  put(call, 'bridged_at', at)
  put(call, 'bridge_held_ms', 0)
  put(call, 'served', int(call.served) + 1)
  put(call, 'held_since_at', call.hold_caller_at ~= '' and at or '')
  local passed = overtook > 0 and ',"overtook":' .. overtook or ''
  log('{"kind":"bridged","agent":"' .. agent.id .. '"' .. passed .. '}')
  put(agent, 'calls', int(agent.calls) + 1)
  put(agent, 'shift_calls', int(agent.shift_calls) + 1)
  talk_begins(agent, call.id, call.queue)
  agent_to(agent, 'talking', '', call.id, call.queue)
end
local talking = call and call.state == 'talking' and call.agent == own(1) and tostring(call.attempt) == own(2)
return answer(status or DONE, talking and 1 or 0)
