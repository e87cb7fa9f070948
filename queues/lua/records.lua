-- Library: the hashes of calls and agents as tables, read once and written back once per script.
--
-- call_of(id), agent_of(id): the record, or nil if there is none. The same id gives the same table, so that
--   two parts of a script never work on two copies. Fields that are not set are ''.
-- put(record, field, value): change a field here and, at the end of the script, in Redis.
-- tell_call(call, body, at, inferred), tell_agent(agent, body): log an event; the record keeps the count.
-- save_all(): write every change. Each function calls it exactly once, last.

local calls, agents

-- Every field that functions look at. A table that is made at its full size, and one HGETALL, take half the time of
-- an HMGET of so many names that fills a table field by field.
local function blank_call(id)
  return { id = id, key = SITE_KEY .. 'call:' .. id, changed = {},
    owner = '', epoch = '', op = '', state = '', queue = '', score = '', joined_at = '', position0 = '', agent = '',
    attempt = '', offered_at = '', bridged_at = '', since_at = '', arrived_at = '', answered_at = '', hold_agent_at = '',
    hold_caller_at = '', held_since_at = '', held_until_at = '', bridge_held_ms = '', wait_ms = '', held_ms = '',
    talk_ms = '', avoid = '', served = '', left = '', errored = '', overflowed = '', outside = '', errand = '',
    attempts = '', c_state = '', c_agent = '', c_to = '', c_attempt = '', c_at = '', c_line = '', seq = '', head_starts = '',
    ladder = '', lane = '', stage_at = '', rung = '', ringing_at = '', prefer = '', prefer_until = '', leg = '', c_leg = '' }
end

local function blank_agent(id)
  return { id = id, key = SITE_KEY .. 'agent:' .. id, changed = {},
    state = '', reason = '', since_at = '', ready_since_at = '', queues = '', device = '', call = '', attempt = '',
    due_at = '', wish = '', reachable = '', wrapup_s = '', calls = '', talk_ms = '', home = '', name = '', events = '',
    in_use = '', wrapup = '', misses = '', missed = '', last_queue = '', code_call = '', code_due = '',
    wrapup_until = '', wish_by = '', serves = '', skills = '', shift_calls = '', shift_talk_ms = '', turn_at = '',
    leg = '', leg_lost = '' }
end

local function read_record(record)
  local flat = redis.call('HGETALL', record.key)
  for i = 1, #flat, 2 do record[flat[i]] = flat[i + 1] end
  return record.state ~= '' and record or nil
end

local function call_of(id)
  if not calls[id] then calls[id] = read_record(blank_call(id)) end
  return calls[id]
end

local function agent_of(id)
  if not agents[id] then agents[id] = read_record(blank_agent(id)) end
  return agents[id]
end

local function put(record, field, value)
  local changed = record.changed
  record[field] = value
  changed[#changed + 1] = field
  changed[#changed + 1] = value
end

local function int(text) return tonumber(text) or 0 end

-- A value of JSON as a field; a table as names and values: `sales=30,support=60`.
local function text(value)
  if value == nil or value == cjson.null then return '' end
  if type(value) == 'number' then return number(value) end
  if type(value) ~= 'table' then return tostring(value) end
  local parts = {}
  for name, each in pairs(value) do parts[#parts + 1] = name .. '=' .. tostring(each) end
  table.sort(parts)
  return table.concat(parts, ',')
end

local function tell_call(call, body, at, inferred)
  call.number = (call.number or int(call.seq)) + 1
  log_call(call.id, call.number, body, at, inferred)
end

local function tell_agent(agent, body)
  agent.number = (agent.number or int(agent.events)) + 1
  log_agent(agent.id, agent.number, body)
end

local function save(records, number_field)
  for _, record in pairs(records) do
    if record.number then put(record, number_field, record.number) end
    if #record.changed > 0 then redis.call('HSET', record.key, unpack(record.changed)) end
  end
end

local function save_all()
  save(calls, 'seq')
  save(agents, 'events')
end
