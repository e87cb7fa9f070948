-- figures: a queue at one instant, for conditions of flows. Nothing is changed.
--
-- KEYS[1] the log stream. ARGV[1] the queue. Answers {waiting, longest wait in ms, ready, staffed}: staffed are agents
-- who are at work for the queue.

local queue, now = ARGV[1], now_ms()
local line = SITE_KEY .. 'line:' .. queue

local first = redis.call('ZRANGE', SITE_KEY .. 'joined:' .. queue, 0, 0, 'WITHSCORES')
local longest = first[2] and math.max(now - tonumber(first[2]), 0) or 0

local ready = 0
for tier = 1, MAX_TIER do ready = ready + redis.call('ZCARD', SITE_KEY .. 'idle:' .. lane_of(queue, tier, '')) end

return { redis.call('ZCARD', line), longest, ready, at_work(queue) }
