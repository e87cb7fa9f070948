-- doors: the queues in which some who wait have to leave. Nothing is changed: each of them looks for himself (exit).
--
-- KEYS[1] the log stream. Answers a list of {queue, reason, calls}: the last of the line, at most 100 of them;
-- no calls: everybody.

local MOST = 100
local found = {}
for _, name in ipairs(redis.call('SMEMBERS', SITE_KEY .. 'guarded')) do
  local reason, number = crowd(name)
  if reason then
    local whom = {}
    if reason ~= 'no_agents' then
      whom = redis.call('ZRANGE', SITE_KEY .. 'line:' .. name, -math.min(number, MOST), -1)
    end
    found[#found + 1] = { name, reason, whom }
  end
end
return found
