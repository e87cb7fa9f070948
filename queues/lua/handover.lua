-- handover: whom the agent consults gets the caller; the agent wraps up. One winner.
--
-- own: 1 attempt · 2 errand: of a number outside, how whoever takes the call over finds the talk.
-- Result: 1 if whom he consulted has the caller by this attempt, else 0.

local function bridge_with(agent, attempt)
  put(call, 'state', 'talking')
  put(call, 'agent', agent.id)
  put(call, 'attempt', attempt)
  if call.leg ~= call.c_leg then put(call, 'leg', call.c_leg) end
  put(call, 'bridged_at', at)
  put(call, 'bridge_held_ms', 0)
  put(call, 'served', int(call.served) + 1)
  put(call, 'held_since_at', call.hold_caller_at ~= '' and at or '')
  log('{"kind":"bridged","agent":"' .. agent.id .. '"}')
  put(agent, 'calls', int(agent.calls) + 1)
  put(agent, 'shift_calls', int(agent.shift_calls) + 1)
  talk_begins(agent, call.id, call.queue)
end

local function hand_over()
  local agent, attempt, who = call.c_agent ~= '' and agent_of(call.c_agent), call.c_attempt, consulted()
  close_hold('agent')
  tell_consult_ended('agent')
  forget_consult()
  close_talk('agent')
  log('{"kind":"transferred","how":"attended",' .. who .. ',"by":"agent"}')
  if agent then
    bridge_with(agent, attempt)
  else
    put(call, 'outside', 1)
    put(call, 'left', '')
    put(call, 'errand', own(2))
  end
  match_freed()
end

local status = begin()
if status == nil and call.state == 'talking' and call.c_state == 'talking' and call.c_attempt == own(1) then
  hand_over()
end
local done = call and ((call.state == 'talking' and tostring(call.attempt) == own(1))
  or (call.state == 'flow' and own(2) ~= '' and call.errand == own(2)))
return answer(status or DONE, done and 1 or 0)
