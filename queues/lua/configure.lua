-- configure: a queue that admins have published, put beside the live state; the first of five steps, each
-- in slices: configure (queues), equip (devices), enroll (agents), restage (callers who wait), enact (what nobody
-- needs any more goes).
-- Publishing the same again changes nothing.
--
-- KEYS[1] the log stream. ARGV[1] asking worker or '' · [2] names this publication: later steps of an earlier one are
-- refused · [3] JSON {name: {ring_s, cooldown_s, …, published: its lanes}}, a queue that is gone: false.
-- Answers {1, next due, offers}.

asker = ARGV[1]

-- The lanes of before stay until every agent stands where he should.
local function set_queue(name, settings)
  local key, fields, changed = SITE_KEY .. 'queue:' .. name, {}, false
  local lanes = redis.call('HGET', key, 'lanes')
  if lanes then
    for lane in string.gmatch('|' .. settings.published, '|([^|]*)') do
      if not string.find('|' .. lanes .. '|', '|' .. lane .. '|', 1, true) then lanes = lanes .. '|' .. lane end
    end
  end
  settings.lanes = lanes or settings.published
  local names = {}
  for field in pairs(settings) do names[#names + 1] = field end
  local values = redis.call('HMGET', key, unpack(names))
  for i, field in ipairs(names) do
    if values[i] ~= text(settings[field]) then
      fields[#fields + 1] = field
      fields[#fields + 1] = text(settings[field])
    end
  end
  if #fields > 0 then
    redis.call('HSET', key, unpack(fields))
    renew_token()
  end
  redis.call('SADD', SITE_KEY .. 'queues', name)
end

-- Queues that may send away who waits.
local function guard(name, settings)
  local rules = settings and text(settings.leave_if) .. text(settings.max_waiting) .. text(settings.callers_per_agent)
  redis.call(rules and rules ~= '' and 'SADD' or 'SREM', SITE_KEY .. 'guarded', name)
end

-- Once for a site whose agents were there before they were counted.
local function count_everybody()
  if redis.call('EXISTS', SITE_KEY .. 'staff') == 1 then return end
  for _, id in ipairs(redis.call('SMEMBERS', SITE_KEY .. 'agents')) do
    local agent = agent_of(id)
    if agent then
      agent.counted = ''
      recounted[#recounted + 1] = agent
    end
  end
end

count_everybody()
redis.call('SET', SITE_KEY .. 'publishing', ARGV[2])
for name, settings in pairs(cjson.decode(ARGV[3])) do
  if settings then set_queue(name, settings) else redis.call('SREM', SITE_KEY .. 'queues', name) end
  guard(name, settings)
end
return { 1, next_due, offers }
