-- Library: the hashes of calls and agents as tables, read once and written back once per script.
--
-- call_of(id), agent_of(id): the record, or nil if there is none. The same id gives the same table, so that
--   two parts of a script never work on two copies. Fields that are not set are ''.
-- put(record, field, value): change a field here and, at the end of the script, in Redis.
-- tell_call(call, body, at, inferred), tell_agent(agent, body): log an event; the record keeps the count.
-- queue_of(name): a queue's settings as they are published.
-- save_all(): write every change. Each function calls it exactly once, last.

local CALL_FIELDS = { 'owner', 'epoch', 'op', 'state', 'queue', 'score', 'joined_at', 'position0', 'agent',
  'attempt', 'offered_at', 'bridged_at', 'since_at', 'arrived_at', 'answered_at', 'hold_agent_at',
  'hold_caller_at', 'held_since_at', 'held_until_at', 'bridge_held_ms', 'wait_ms', 'held_ms', 'talk_ms', 'avoid',
  'served', 'left', 'errored', 'overflowed', 'outside', 'errand', 'attempts', 'c_state', 'c_agent', 'c_to',
  'c_attempt', 'c_at', 'seq', 'head_starts', 'ladder', 'lane', 'stage_at',
  'rung', 'ringing_at', 'prefer', 'prefer_until', 'leg', 'c_leg' }
local AGENT_FIELDS = { 'state', 'reason', 'since_at', 'ready_since_at', 'queues', 'device', 'call', 'attempt', 'due_at',
  'wish', 'reachable', 'wrapup_s', 'calls', 'talk_ms', 'home', 'name', 'events', 'in_use', 'wrapup', 'misses', 'missed',
  'last_queue', 'code_call', 'code_due', 'wrapup_until', 'wish_by', 'serves', 'skills', 'shift_calls', 'shift_talk_ms',
  'turn_at', 'leg', 'leg_lost' }

local calls, agents, queues

local function read_record(key, id, fields)
  local values = redis.call('HMGET', key, unpack(fields))
  if not values[1] then return nil end
  local record = { id = id, key = key, changed = {} }
  for i, field in ipairs(fields) do record[field] = values[i] or '' end
  return record
end

local function call_of(id)
  if not calls[id] then calls[id] = read_record(SITE_KEY .. 'call:' .. id, id, CALL_FIELDS) end
  return calls[id]
end

local function agent_of(id)
  if not agents[id] then agents[id] = read_record(SITE_KEY .. 'agent:' .. id, id, AGENT_FIELDS) end
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

-- Settings of a queue, times in seconds; one that was unpublished while callers wait in it works on with these.
local function queue_of(name)
  if queues[name] then return queues[name] end
  local values = redis.call('HMGET', SITE_KEY .. 'queue:' .. name, 'ring_s', 'cooldown_s', 'wrapup_s', 'strategy',
    'weight_s', 'ladder', 'tiers', 'lanes', 'ring_more_s', 'last_agent_s')
  queues[name] = { ring_s = tonumber(values[1] or 20), cooldown_s = tonumber(values[2] or 5),
    wrapup_s = tonumber(values[3] or 0), strategy = values[4] or '', weight_s = tonumber(values[5] or 0),
    ladder = values[6] or '', tiers = values[7] or '', lanes = values[8] or '',
    ring_more_s = tonumber(values[9] or 10), last_agent_s = tonumber(values[10] or 0) }
  return queues[name]
end
