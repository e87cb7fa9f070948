-- What every script and function needs that writes the call log: put this text before their own.
--
-- log_to(key) comes first, with the log stream's key, `{site}:log`; the site's name is taken from it, and every
-- other key of the site lies in the same slot because it carries the same hash tag. It begins a new instant, too:
-- a library of functions is loaded once, and its variables outlive a call.
--
-- An event's `body` is a JSON object with at least "kind": '{"kind":"joined","queue":"sales"}'. It must not
-- hold any of the common fields (id, site, call of a call event, seq, at, logged_at, source): they are put
-- before it here. The object is joined as text, because encoding it again would cost more than all the rest;
-- so untrusted strings inside it go through quoted(), and numbers through number().
--
-- log_written() comes last: all events of one transition are one entry of the stream, a line each. An entry for
-- each event would cost Redis half as much again as everything else that a call is.

local LOG_KEY, SITE, SITE_KEY, SITE_JSON, script_now, lines

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

local function log_to(key)
  script_now, lines = nil, {}
  if key == LOG_KEY then return end
  LOG_KEY = key
  SITE = string.match(key, '^{(.-)}')
  SITE_KEY = '{' .. SITE .. '}:'
  SITE_JSON = quoted(SITE)
end

local function append(id, owner, body, at, inferred)
  local now = now_ms()
  at = tonumber(at or 0)
  if at <= 0 then at = now end
  lines[#lines + 1] = '{"id":' .. id .. ',"site":' .. SITE_JSON .. owner
    .. ',"at":' .. number(at) .. ',"logged_at":' .. number(now)
    .. (inferred and ',"source":"inferred",' or ',"source":"observed",')
    .. string.sub(body, 2)
end

local function log_written()
  if #lines > 0 then redis.call('XADD', LOG_KEY, '*', 'e', table.concat(lines, '\n')) end
  lines = {}
end

-- Log event number `seq` of a call. The caller counts, without gaps, and keeps the count in the call's record.
-- `at`: when it happened, ms since the epoch; nil or 0 = now. `inferred`: true if it was worked out after a
-- fault (the body then has "not_before" and "not_after").
local function log_call(call, seq, body, at, inferred)
  append(quoted(call .. ':' .. seq), ',"call":' .. quoted(call) .. ',"seq":' .. seq, body, at, inferred)
end

-- Log change number `n` of an agent's state; `call`, if any, is a reference inside the body. The caller counts:
-- keep the record of an agent who was removed, or ids would repeat.
local function log_agent(agent, n, body, at, inferred)
  append(quoted('agent:' .. agent .. ':' .. n), '', body, at, inferred)
end

-- Log a system event of incarnation `inc` of a worker (or of a command: worker = its name, inc = 0).
local function log_worker(worker, inc, body, at, inferred)
  local n = redis.call('HINCRBY', SITE_KEY .. 'worker-events', worker, 1)
  append(quoted('worker:' .. worker .. ':' .. inc .. ':' .. n), '', body, at, inferred)
  return n
end
