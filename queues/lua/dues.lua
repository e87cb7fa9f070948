-- Library: what happens when a due time comes. run_due(until_at, limit): how many were due, and did.

local DUE = {}  -- what stands before the colon of a due time → what happens to who stands behind it

-- His wrap-up or cool-down is over.
function DUE.agent(id)
  local agent = agent_of(id)
  if not agent or agent.due_at == '' then return end
  put(agent, 'due_at', '')
  if agent.state == 'wrapup' or agent.state == 'paused' or agent.state == 'unreachable' then
    rest_over(agent)
  end
end

-- He has waited long enough for the next stage. Who is being rung comes to it if he waits again.
function DUE.stage(id)
  local call = call_of(id)
  if not call or call.stage_at == '' then return end
  put(call, 'stage_at', '')
  if call.lane == '' then return end
  into_lane(call)
  moved_on[#moved_on + 1] = call
end

-- One phone more may ring for him.
function DUE.ring(id)
  local call = call_of(id)
  if not call or call.state ~= 'offered' or call.ringing_at == '' then return end
  ring_more_at(call)
  if wanted(call) <= 0 then return end
  into_lane(call)
  moved_on[#moved_on + 1] = call
end

local function run_due(until_at, limit)
  local due = SITE_KEY .. 'due'
  local members = redis.call('ZRANGE', due, '-inf', until_at, 'BYSCORE', 'LIMIT', 0, limit)
  for _, member in ipairs(members) do
    redis.call('ZREM', due, member)
    local kind, id = string.match(member, '^(%l+):(.*)$')
    local arrived = DUE[kind]
    if arrived then arrived(id) end
  end
  match_freed()
  return #members
end

local function head_of_due()
  local head = redis.call('ZRANGE', SITE_KEY .. 'due', 0, 0, 'WITHSCORES')
  return head[2] and tonumber(head[2]) or 0
end
