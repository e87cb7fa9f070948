-- reach: a device can be rung or no longer can, or somebody talks there without us. An agent who is offline, paused,
-- wrapping up or on a call stays so until that is over.
--
-- KEYS[1] the log stream. ARGV[1] asking worker or '' · [2] device · [3] '1' reachable, '0' not
-- [4] '1' in use by a call that is none of ours.
-- Answers {agent or '', state, next due, offers}.

asker = ARGV[1]

redis.call(ARGV[3] == '1' and 'SREM' or 'SADD', SITE_KEY .. 'unreachable', ARGV[2])
redis.call(ARGV[4] == '1' and 'SADD' or 'SREM', SITE_KEY .. 'in-use', ARGV[2])
local id = redis.call('HGET', SITE_KEY .. 'devices', ARGV[2]) or ''
local agent = agent_of(id)
if agent and agent.device == ARGV[2] then
  know_phone(agent)
  match_freed()
end
save_all()
return { agent and id or '', agent and agent.state or '', next_due, offers }
