-- reach: a device can be rung, or no longer can. An agent who is offline, paused, wrapping up or on a call stays so
-- until that is over.
--
-- KEYS[1] the log stream. ARGV[1] asking worker or '' · [2] device · [3] '1' reachable, '0' not.
-- Answers {agent or '', state, next due, offers}.

asker = ARGV[1]

local function change(agent)
  if agent.reachable ~= ARGV[3] then put(agent, 'reachable', ARGV[3]) end
  if ARGV[3] == '0' and agent.state == 'ready' then
    agent_to(agent, 'unreachable', '', '', '')
  elseif ARGV[3] == '1' and agent.state == 'unreachable' then
    release(agent, nil, '', '')
  end
  match_freed()
end

redis.call(ARGV[3] == '1' and 'SREM' or 'SADD', SITE_KEY .. 'unreachable', ARGV[2])
local id = redis.call('HGET', SITE_KEY .. 'devices', ARGV[2]) or ''
local agent = agent_of(id)
if agent and agent.device == ARGV[2] then change(agent) end
save_all()
return { agent and id or '', agent and agent.state or '', next_due, offers }
