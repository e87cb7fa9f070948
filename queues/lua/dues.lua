-- Library: what happens when a due time comes. run_due(until_at, limit): how many were due, and did.

local function run_due(until_at, limit)
  local due = SITE_KEY .. 'due'
  local members = redis.call('ZRANGE', due, '-inf', until_at, 'BYSCORE', 'LIMIT', 0, limit)
  for _, member in ipairs(members) do
    redis.call('ZREM', due, member)
    local agent = agent_of(string.sub(member, 7))
    if agent and agent.due_at ~= '' then
      put(agent, 'due_at', '')
      if agent.state == 'wrapup' or agent.state == 'paused' or agent.state == 'unreachable' then
        rest_over(agent)
      end
    end
  end
  match_freed()
  return #members
end

local function head_of_due()
  local head = redis.call('ZRANGE', SITE_KEY .. 'due', 0, 0, 'WITHSCORES')
  return head[2] and tonumber(head[2]) or 0
end
