-- figures: a queue at one instant, for conditions of flows. Nothing is changed.
--
-- KEYS[1] the log stream. ARGV[1] the queue. Answers {waiting, longest wait in ms, ready, staffed}: the longest wait
-- is among the first 20 of the line; staffed are agents who are at work for the queue.

local queue, now = ARGV[1], now_ms()
local line = SITE_KEY .. 'line:' .. queue

local longest = 0
for _, id in ipairs(redis.call('ZRANGE', line, 0, 19)) do
  local joined_at = tonumber(redis.call('HGET', SITE_KEY .. 'call:' .. id, 'joined_at') or now)
  longest = math.max(longest, now - joined_at)
end

local ready = 0
for tier = 1, MAX_TIER do ready = ready + redis.call('ZCARD', SITE_KEY .. 'idle:' .. lane_of(queue, tier, '')) end

return { redis.call('ZCARD', line), longest, ready, int(redis.call('HGET', SITE_KEY .. 'staffed', queue)) }
