-- figures: a queue at one instant, for conditions of flows. Nothing is changed.
--
-- KEYS[1] the log stream. ARGV[1] the queue. Answers {waiting, longest wait in ms, ready, staffed}: the longest wait
-- is among the first 20 of the line; staffed are agents who are at work for the queue.

local AT_WORK = { ready = true, offered = true, connecting = true, talking = true, wrapup = true }
local queue, now = ARGV[1], now_ms()
local line = SITE_KEY .. 'line:' .. queue

local longest = 0
for _, id in ipairs(redis.call('ZRANGE', line, 0, 19)) do
  local joined_at = tonumber(redis.call('HGET', SITE_KEY .. 'call:' .. id, 'joined_at') or now)
  longest = math.max(longest, now - joined_at)
end

local staffed = 0
for _, id in ipairs(redis.call('SMEMBERS', SITE_KEY .. 'agents')) do
  local values = redis.call('HMGET', SITE_KEY .. 'agent:' .. id, 'state', 'queues')
  local serves = string.find(',' .. (values[2] or '') .. ',', ',' .. queue .. ',', 1, true)
  if AT_WORK[values[1]] and serves then staffed = staffed + 1 end
end

return { redis.call('ZCARD', line), longest, redis.call('ZCARD', SITE_KEY .. 'idle:' .. queue), staffed }
