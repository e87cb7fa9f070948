-- consult: the agent who talks asks somebody else, who is rung from now on while the caller is on hold.
--
-- own: 1 agent, or '' · 2 number outside, or '' · 3 the channel of a second call of his telephone by which he asks, or ''.
-- With such a call the hold is his telephone's, and is told by it.
-- Result: {attempt, device, ring_s, his leg that stays, if he has one}; attempt 0: it cannot be, and in the place of the
-- device the state the agent is in.

-- Of agents the attempts are counted; a number outside gets one that no attempt and no other number of this call has.
local ELSEWHERE = 1000000

local function begin_consult(agent)
  local attempt = agent and next_attempt(call) or ELSEWHERE + ARGV[4]
  local ring_s = queue_of(call.queue).ring_s
  put(call, 'c_state', 'offered')
  put(call, 'c_agent', own(1))
  put(call, 'c_to', own(2))
  put(call, 'c_attempt', attempt)
  put(call, 'c_at', at)
  put(call, 'c_line', own(3))
  if own(3) == '' and call.hold_agent_at == '' then open_hold('agent') end
  if not agent then return end
  log('{"kind":"offered","agent":"' .. agent.id .. '","attempt":' .. attempt .. ',"why":"consult","lease_ms":'
    .. number(ring_s * 1000) .. '}')
  put(agent, 'call', call.id)
  put(agent, 'attempt', attempt)
  agent_to(agent, 'offered', '', call.id, call.queue)
  LEGS.lend(agent, call.owner)
end

local status = begin()
local agent = call and own(1) ~= '' and agent_of(own(1))
local free = own(1) == '' or (agent and agent.state == 'ready')
if status == nil and call.state == 'talking' and call.c_state == '' and free then begin_consult(agent) end
local result = { 0, agent and agent.state or 'offline', '' }
if call and call.c_state == 'offered' and call.c_agent == own(1) and call.c_to == own(2) then
  result = { int(call.c_attempt), agent and agent.device or '', tostring(queue_of(call.queue).ring_s),
    agent and LEGS.of(agent) }
end
return answer(status or DONE, result)
