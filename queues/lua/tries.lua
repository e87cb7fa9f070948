-- tries: may a PIN be tried for this agent at this device? The try is counted before anybody looks at the PIN, so that
-- many at once are many.
--
-- KEYS[1] the log stream. ARGV[1] agent, '' = nobody has that number · [2] device · [3] '1' it was right: forget them.
-- Answers 1 or 0.

local OF_AGENT, AT_DEVICE, FOR_S = 5, 20, 3600

local function key(what, name) return SITE_KEY .. 'tries:' .. what .. ':' .. name end

local function counted(name)
  local n = redis.call('INCR', name)
  if n == 1 then redis.call('EXPIRE', name, FOR_S) end
  return n
end

if ARGV[3] == '1' then
  redis.call('DEL', key('agent', ARGV[1]), key('device', ARGV[2]))
  return 1
end
local at_device = counted(key('device', ARGV[2]))
local of_agent = ARGV[1] ~= '' and counted(key('agent', ARGV[1])) or 0
return at_device <= AT_DEVICE and of_agent <= OF_AGENT and 1 or 0
