-- outgoing: letters of the outbox that are due. Each is the asker's to deliver for a while, then due again: who took
-- it may have died.
--
-- KEYS[1] the log stream. ARGV[1] how many at most · [2] for how long they are his, ms.
-- Answers a list of {key, letter, attempts so far, ms since it was posted}.

local outbox = SITE_KEY .. 'outbox'
local taken = {}
if redis.call('EXISTS', outbox) == 0 then return taken end  -- asked often: nothing is written then
for _, key in ipairs(redis.call('ZRANGEBYSCORE', outbox, '-inf', number(now_ms()), 'LIMIT', 0, ARGV[1])) do
  redis.call('ZADD', outbox, number(now_ms() + ARGV[2]), key)
  local letter, attempts, posted_at = unpack(redis.call('HMGET', SITE_KEY .. 'letter:' .. key, 'letter', 'attempts', 'posted_at'))
  taken[#taken + 1] = { key, letter, int(attempts), now_ms() - posted_at }
end
return taken
