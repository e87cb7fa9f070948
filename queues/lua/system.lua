-- system: an event of a worker that is about no call.
--
-- KEYS[1] the log stream. ARGV[1] worker · [2] incarnation · [3] number of the event within it, from 1: a repetition
-- is recognised by it · [4] body · [5] at, ms, 0 = now. Answers 1 if it was written, 0 if it had been.

local told = SITE_KEY .. 'told'
local inc, last = string.match(redis.call('HGET', told, ARGV[1]) or '', '^(%d+):(%d+)$')
if inc == ARGV[2] and tonumber(ARGV[3]) <= tonumber(last) then return 0 end
redis.call('HSET', told, ARGV[1], ARGV[2] .. ':' .. ARGV[3])
log_worker(ARGV[1], ARGV[2], ARGV[4], ARGV[5])
return 1
