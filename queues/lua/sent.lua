-- sent: an attempt to deliver a letter of the outbox is over.
--
-- KEYS[1] the log stream. ARGV[1] key · [2] ms until the next attempt, 0 = it has arrived, or is given up.
-- Answers 1 if there was such a letter, else 0.

local outbox, letter = SITE_KEY .. 'outbox', SITE_KEY .. 'letter:' .. ARGV[1]
if ARGV[2] == '0' then
  redis.call('ZREM', outbox, ARGV[1])
  return redis.call('DEL', letter)
end
if redis.call('EXISTS', letter) == 0 then return 0 end
redis.call('HINCRBY', letter, 'attempts', 1)
redis.call('ZADD', outbox, number(now_ms() + ARGV[2]), ARGV[1])
return 1
