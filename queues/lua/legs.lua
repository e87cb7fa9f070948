-- Library: legs of agents that stay connected between calls (docs/queues.md, "Nailed-up agents").
--
-- `legs` has, by channel, the worker in whose application the leg is to be, and the agent whose it is ('' = nobody's
-- any more: the worker ends it). `legs:WORKER` has the channels of a worker. An agent's record has the channel.
--
-- leg_at(channel): worker and agent, nil if there is no such leg. give_leg(channel, worker, agent id): theirs from now
--   on. forget_leg(channel). lend_leg(agent, worker): he is to be brought together with a caller of that worker's.
-- drop_leg(agent): he does not work by it any more.

local function legs_key(worker) return SITE_KEY .. (worker and 'legs:' .. worker or 'legs') end

local function leg_at(channel)
  return string.match(redis.call('HGET', legs_key(), channel) or '', '^(%S+) (%S*)$')
end

local function forget_leg(channel)
  local worker = leg_at(channel)
  if not worker then return end
  redis.call('HDEL', legs_key(), channel)
  redis.call('SREM', legs_key(worker), channel)
end

local function give_leg(channel, worker, agent)
  local before, whose = leg_at(channel)
  if before == worker and whose == agent then return end
  if before then redis.call('SREM', legs_key(before), channel) end
  redis.call('HSET', legs_key(), channel, worker .. ' ' .. agent)
  redis.call('SADD', legs_key(worker), channel)
end

local function lend_leg(agent, worker)
  if agent.leg ~= '' then give_leg(agent.leg, worker, agent.id) end
end

local function drop_leg(agent)
  if agent.leg == '' then return end
  local worker = leg_at(agent.leg)
  if worker then give_leg(agent.leg, worker, '') end
  put(agent, 'leg', '')
end
