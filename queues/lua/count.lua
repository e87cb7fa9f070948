-- count: the next number of a counter. Who asks again with the same key gets the number he had.
--
-- KEYS[1] the log stream. ARGV[1] counter · [2] key of who asks · [3] for how long his number is remembered, s.
-- Answers the number, from 1.

local name = SITE_KEY .. 'counted:' .. ARGV[2]
local had = redis.call('GET', name)
if had then return tonumber(had) end
local counted = redis.call('HINCRBY', SITE_KEY .. 'counters', ARGV[1], 1)
redis.call('SET', name, counted, 'EX', ARGV[3])
return counted
