-- dial: may a call to a number outside begin? At most so many may within any hour; this one is counted if it may.
--
-- KEYS[1] the log stream. ARGV[1] key that names this call: asked again, it is the same one · [2] how many an hour.
-- Answers 1 or 0.

local dialled = SITE_KEY .. 'dialled'
redis.call('ZREMRANGEBYSCORE', dialled, '-inf', number(now_ms() - 3600000))
if redis.call('ZSCORE', dialled, ARGV[1]) then return 1 end
if redis.call('ZCARD', dialled) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', dialled, number(now_ms()), ARGV[1])
redis.call('EXPIRE', dialled, 3600)
return 1
