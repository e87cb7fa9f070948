-- retire: a worker gives its lease back before it ends, so that the others take its calls over at once.
--
-- KEYS[1] the log stream. ARGV[1] worker · [2] incarnation. Answers 1 if it held the lease, else 0.

local lease = SITE_KEY .. 'lease:' .. ARGV[1]
if redis.call('GET', lease) ~= ARGV[2] then return 0 end
return redis.call('DEL', lease)
