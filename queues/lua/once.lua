-- once: is this the first time within a while? Who asks again with the same key is still the first.
--
-- KEYS[1] the log stream. ARGV[1] what · [2] key of who asks · [3] for how long it is remembered, s.
-- Answers 1 or 0.

local name = SITE_KEY .. 'once:' .. ARGV[1]
if redis.call('SET', name, ARGV[2], 'NX', 'EX', ARGV[3]) then return 1 end
return redis.call('GET', name) == ARGV[2] and 1 or 0
