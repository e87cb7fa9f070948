-- probe: can this Redis write? Run after each connect, before anything is promised to anybody.
--
-- KEYS[1] the log stream. Answers the time, ms.

local now = now_ms()
redis.call('SET', SITE_KEY .. 'probe', string.format('%.0f', now))
return now
