-- enlist: a worker process takes its name; from now on only this incarnation may renew the name's lease.
--
-- KEYS[1] the log stream. ARGV[1] worker · [2] pid · [3] host and process namespace · [4] TTL, ms · [5] its library of functions.
-- Answers the incarnation, an integer from 1.

local inc = redis.call('HINCRBY', SITE_KEY .. 'workers', ARGV[1], 1)
redis.call('SREM', SITE_KEY .. 'draining', ARGV[1])
redis.call('HSET', SITE_KEY .. 'process:' .. ARGV[1], 'pid', ARGV[2], 'host', ARGV[3], 'library', ARGV[5],
  'started_at', now_ms())
redis.call('SET', SITE_KEY .. 'lease:' .. ARGV[1], inc, 'PX', ARGV[4])
return inc
