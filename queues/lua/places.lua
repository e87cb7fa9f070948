-- places: where callers stand in line, many at once. Nothing is changed.
--
-- KEYS[1] the log stream. ARGV queue and call, in turn. Answers a list of places; 1 is next, 0: not in that line.

local found = {}
for i = 1, #ARGV, 2 do
  found[#found + 1] = (redis.call('ZRANK', SITE_KEY .. 'line:' .. ARGV[i], ARGV[i + 1]) or -1) + 1
end
return found
