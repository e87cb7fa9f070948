-- Library: what happens when a due time comes. run_due(until_at): the first few of what is due; how many that were.

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

local BUDGET, COST = 3, { agent = 3 }  -- of one function; what is not named costs 1

local function run_due(until_at)
  local due, spent, count = SITE_KEY .. 'due', 0, 0
  for _, member in ipairs(redis.call('ZRANGE', due, '-inf', until_at, 'BYSCORE', 'LIMIT', 0, BUDGET)) do
    local kind, id = string.match(member, '^(%l+):(.*)$')
    spent = spent + (COST[kind] or 1)
    if spent > BUDGET and count > 0 then break end
    redis.call('ZREM', due, member)
    local arrived = DUE[kind]
    if arrived then arrived(id) end
    count = count + 1
  end
  match_freed()
  return count
end

local function head_of_due()
  local head = redis.call('ZRANGE', SITE_KEY .. 'due', 0, 0, 'WITHSCORES')
  return head[2] and tonumber(head[2]) or 0
end
