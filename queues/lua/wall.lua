-- wall: queues at one instant, for people who look. Nothing is changed, not even the clock, so Redis syncs no file for it.
--
-- KEYS[1] the log stream. ARGV names of queues. Answers {now in ms, a list of rows in the order of the names}. A row is {waiting,
-- when who waits longest has joined (0: nobody waits), how many agents are in each group of ALL_GROUPS, in that order}.

local time = redis.call('TIME')
local now = math.max(time[1] * 1000 + math.floor(time[2] / 1000), tonumber(redis.call('GET', SITE_KEY .. 'clock') or 0))

local rows = {}
for i, name in ipairs(ARGV) do
  local first = redis.call('ZRANGE', SITE_KEY .. 'joined:' .. name, 0, 0, 'WITHSCORES')
  local row = { redis.call('ZCARD', SITE_KEY .. 'line:' .. name), tonumber(first[2] or 0) }
  local staff = staff_of(name, ALL_GROUPS)
  for at, group in ipairs(ALL_GROUPS) do row[at + 2] = staff[group] end
  rows[i] = row
end
return { now, rows }
