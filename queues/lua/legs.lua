-- Library: legs of agents that stay connected between calls (docs/queues.md, "Nailed-up agents").
--
-- `legs` has, by channel, the worker in whose application the leg is to be, and the agent whose it is ('' = nobody's
-- any more: the worker ends it). `legs:WORKER` has the channels of a worker. An agent's record has the channel.
--
-- LEGS.at(channel): worker and agent, nil if there is no such leg. LEGS.give(channel, worker, agent id): theirs from now
--   on. LEGS.forget(channel). LEGS.lend(agent, worker): he is to be brought together with a caller of that worker's.
-- LEGS.drop(agent): he does not work by it any more.

local LEGS = {}  -- a table: Lua has room for 200 local names

function LEGS.key(worker) return SITE_KEY .. (worker and 'legs:' .. worker or 'legs') end

function LEGS.at(channel)
  return string.match(redis.call('HGET', LEGS.key(), channel) or '', '^(%S+) (%S*)$')
end

function LEGS.forget(channel)
  local worker = LEGS.at(channel)
  if not worker then return end
  redis.call('HDEL', LEGS.key(), channel)
  redis.call('SREM', LEGS.key(worker), channel)
end

function LEGS.give(channel, worker, agent)
  local before, whose = LEGS.at(channel)
  if before == worker and whose == agent then return end
  if before then redis.call('SREM', LEGS.key(before), channel) end
  redis.call('HSET', LEGS.key(), channel, worker .. ' ' .. agent)
  redis.call('SADD', LEGS.key(worker), channel)
end

function LEGS.lend(agent, worker)
  if agent.leg ~= '' then LEGS.give(agent.leg, worker, agent.id) end
end

function LEGS.drop(agent)
  if agent.leg == '' then return end
  local worker = LEGS.at(agent.leg)
  if worker then LEGS.give(agent.leg, worker, '') end
  put(agent, 'leg', '')
end

-- As the last part of an offer; nil: it has no such part.
function LEGS.of(agent) return agent.leg ~= '' and agent.leg or nil end
