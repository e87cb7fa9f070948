-- decline: an offer came to nothing, before or after `settle`: the caller waits at his old place (or others' phones
-- go on ringing for him), the agent cools down, is unreachable, or (not his fault) is ready as before. Then both are
-- matched again.
--
-- own: 1 agent · 2 attempt · 3 reason · 4 ring_ms (-1: since the offer). Result: 1 if it was open, else 0.

local MAX_AVOIDED = 16

local function avoid(list, id)
  local kept = { id }
  for other in string.gmatch(list, '[^,]+') do
    if other ~= id and #kept < MAX_AVOIDED then kept[#kept + 1] = other end
  end
  return table.concat(kept, ',')
end

local function reopen(agent, attempt, reason, ring_ms)
  close_one(agent, attempt, reason, ring_ms)
  if call.rung == '' then
    stop_ringing(call)
    put(call, 'state', 'waiting')
  end
  if not is_in(UNPENALISED, reason) then put(call, 'avoid', avoid(call.avoid, agent)) end
  if wanted(call) > 0 then into_lane(call) end
  match_freed()
  match_call(call)
end

local status = begin()
local done = 0
if status == nil and (call.state == 'offered' or call.state == 'connecting') and is_rung(call, own(1), own(2)) then
  reopen(own(1), own(2), own(3), tonumber(own(4)) or -1)
  done = 1
end
return answer(status or DONE, done)
