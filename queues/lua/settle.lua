-- settle: the agent has answered and may have this caller: both become `connecting`. One winner; whoever else was rung
-- for him is told that somebody else has answered.
--
-- own: 1 agent · 2 attempt · 3 his channel, if it is a leg that stays, else ''. Result: 1 if this agent and attempt have the caller now, else 0.

local function win(agent)
  local offered_at = agent.since_at
  for _, one in ipairs(rung_of(call)) do
    if one[1] ~= agent.id then close_one(one[1], one[2], 'answered_elsewhere', -1) end
  end
  stop_ringing(call)
  out_of_lane(call)
  put(call, 'state', 'connecting')
  if call.leg ~= own(3) then put(call, 'leg', own(3)) end
  put(call, 'offered_at', offered_at)
  put(agent, 'turn_at', now_ms())
  agent_to(agent, 'connecting', '', call.id, call.queue)
  match_freed()
end

local status = begin()
local agent = call and agent_of(own(1))
if status == nil and call.state == 'offered' and agent and agent.call == call.id and is_rung(call, own(1), own(2)) then
  win(agent)
end
local won = call and call.state == 'connecting' and call.agent == own(1) and tostring(call.attempt) == own(2)
return answer(status or DONE, won and 1 or 0)
