-- adopt: take a call over from a worker that is gone. One winner, decided by the epoch that was seen.
--
-- KEYS[1] the log stream. ARGV[1] call · [2] its owner as seen · [3] its epoch as seen · [4] the new owner.
-- Answers the record as a flat list of fields and values, or an empty list: another one was quicker, or it ended.

local key = SITE_KEY .. 'call:' .. ARGV[1]
local owner, epoch, state = unpack(redis.call('HMGET', key, 'owner', 'epoch', 'state'))
local next_epoch = tonumber(ARGV[3]) + 1
if not owner or state == 'ended' then
  redis.call('SREM', SITE_KEY .. 'owned:' .. ARGV[2], ARGV[1])
  return {}
end
if owner == ARGV[2] and epoch == ARGV[3] then
  redis.call('HSET', key, 'owner', ARGV[4], 'epoch', next_epoch)
  redis.call('HDEL', key, 'agi')
  redis.call('SREM', SITE_KEY .. 'owned:' .. ARGV[2], ARGV[1])
  redis.call('SADD', SITE_KEY .. 'owned:' .. ARGV[4], ARGV[1])
  -- Legs of its agents that stay connected come with it.
  for _, channel in ipairs(redis.call('HMGET', key, 'leg', 'c_leg')) do
    local worker, agent = LEGS.at(channel or '')
    if worker and agent ~= '' and redis.call('HGET', SITE_KEY .. 'agent:' .. agent, 'call') == ARGV[1] then
      LEGS.give(channel, ARGV[4], agent)
    end
  end
elseif owner ~= ARGV[4] or tonumber(epoch) ~= next_epoch then
  return {}
end
return redis.call('HGETALL', key)
