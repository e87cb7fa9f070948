-- Prelude of every script that writes the call log: prepend this text to the script's own.
--
-- The script's KEYS[1] must be the log stream, `{site}:log`; the site's name is taken from it, and every
-- other key of the site lies in the same slot because it carries the same hash tag.
--
-- An event's `body` is a JSON object with at least "kind": '{"kind":"joined","queue":"sales"}'. It must not
-- hold any of the common fields (id, site, call of a call event, seq, at, logged_at, source): they are put
-- before it here. The object is joined as text, because encoding it again would cost more than all the rest;
-- so untrusted strings inside it go through quoted(), and numbers through number().

local LOG_KEY = KEYS[1]
local SITE = string.match(LOG_KEY, '^{(.-)}')
local SITE_KEY = '{' .. SITE .. '}:'

local script_now = nil

-- Milliseconds since the epoch by Redis' clock, never earlier than any script of the site has seen before.
-- One instant per script: all events of one transition happened at the same time.
local function now_ms()
  if script_now then return script_now end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local last = tonumber(redis.call('GET', SITE_KEY .. 'clock') or 0)
  if now > last then
    redis.call('SET', SITE_KEY .. 'clock', string.format('%.0f', now))
  else
    now = last
  end
  script_now = now
  return now
end

-- A string as JSON text. Only strings with something to escape pay for cjson. They must be UTF-8.
local function quoted(text)
  if string.find(text, '[^%w%-_%.:@/+ ]') then return cjson.encode(text) end
  return '"' .. text .. '"'
end

-- A number as JSON text without loss (cjson keeps 14 digits, a score has more).
local function number(value)
  value = tonumber(value)
  if value == math.floor(value) then return string.format('%.0f', value) end
  return string.format('%.17g', value)
end

local SITE_JSON = quoted(SITE)

local function append(id, owner, body, at, inferred)
  local now = now_ms()
  at = tonumber(at or 0)
  if at <= 0 then at = now end
  redis.call('XADD', LOG_KEY, '*', 'e',
    '{"id":' .. id .. ',"site":' .. SITE_JSON .. owner
    .. ',"at":' .. number(at) .. ',"logged_at":' .. number(now)
    .. (inferred and ',"source":"inferred",' or ',"source":"observed",')
    .. string.sub(body, 2))
end

-- Log an event of a call. `call_key` is the call's hash, whose field `seq` numbers its events without gaps.
-- `at`: when it happened, ms since the epoch; nil or 0 = now. `inferred`: true if it was worked out after a
-- fault (the body then has "not_before" and "not_after"). Returns the event's seq.
local function log_call(call_key, call, body, at, inferred)
  local seq = redis.call('HINCRBY', call_key, 'seq', 1)
  append(quoted(call .. ':' .. seq), ',"call":' .. quoted(call) .. ',"seq":' .. seq, body, at, inferred)
  return seq
end

-- Log an agent's change of state; `call`, if any, is a reference inside the body. The agent's hash numbers
-- its events in `events`: keep the hash of an agent who was removed, or ids would repeat. Returns the number.
local function log_agent(agent_key, agent, body, at, inferred)
  local n = redis.call('HINCRBY', agent_key, 'events', 1)
  append(quoted('agent:' .. agent .. ':' .. n), '', body, at, inferred)
  return n
end

-- Log a system event of incarnation `inc` of a worker (or of a command: worker = its name, inc = 0).
local function log_worker(worker, inc, body, at, inferred)
  local n = redis.call('HINCRBY', SITE_KEY .. 'worker-events', worker, 1)
  append(quoted('worker:' .. worker .. ':' .. inc .. ':' .. n), '', body, at, inferred)
  return n
end
