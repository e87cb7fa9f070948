-- Library: what is published of queues, read once and kept from script to script until it changes.
--
-- queue_of(name): settings of a queue, times in seconds. Nobody changes this table. `rules` and `door`: others of them
--   as text, '' = not set; `known`: lane → true; `open`: its lanes as {name, highest open tier, need}; `needs`: each
--   need of a lane once.
-- renew_token(): settings or lanes of some queue have changed.
-- lane_of(queue, tier, need), read_lane(lane): a lane's name, and what it says.

local published
local lane_of, read_lane, renew_token, queue_of

do
  local kept, MOST_SITES, MOST_QUEUES = {}, 16, 2000

  local RULES = { 'cooldown_s', 'after_no_answer_s', 'after_busy_s', 'after_rejected_s', 'after_unreachable_s',
    'pause_after', 'wrapup_s', 'wrapup_extend_s', 'wrapup_max_s', 'dispositions', 'disposition_required',
    'disposition_limit_s' }
  local DOOR = { 'refuse_if', 'leave_if', 'max_waiting', 'callers_per_agent' }

  function lane_of(queue, tier, need)
    if tier > 1 then queue = queue .. '/' .. tier end
    if need ~= '' then queue = queue .. '?' .. need end
    return queue
  end

  function read_lane(lane)
    local place, need = string.match(lane, '^([^?]*)%??(.*)$')
    local queue, tier = string.match(place, '^([^/]*)/?(%d*)$')
    return queue, tonumber(tier) or 1, need
  end

  function renew_token()
    local number = redis.call('HINCRBY', SITE_KEY .. 'counters', 'lanes', 1)
    redis.call('SET', SITE_KEY .. 'lanes', string.format('%.0f:%d', now_ms(), number))
    published = nil
  end

  -- A queue that was unpublished while callers wait in it works on with what it had.
  local function read_queue(name)
    local function read(fields)
      local found = {}
      for i, value in ipairs(redis.call('HMGET', SITE_KEY .. 'queue:' .. name, unpack(fields))) do
        found[fields[i]] = value or ''
      end
      return found
    end
    local settings = read({ 'ring_s', 'strategy', 'weight_s', 'ladder', 'tiers', 'lanes', 'ring_more_s', 'last_agent_s' })
    settings.ring_s, settings.ring_more_s = tonumber(settings.ring_s) or 20, tonumber(settings.ring_more_s) or 10
    settings.weight_s, settings.last_agent_s = tonumber(settings.weight_s) or 0, tonumber(settings.last_agent_s) or 0
    settings.rules, settings.door = read(RULES), read(DOOR)
    settings.known, settings.open, settings.needs = {}, {}, { '' }
    local needed = { [''] = true }
    for lane in string.gmatch('|' .. settings.lanes, '|([^|]*)') do
      local _, tier, need = read_lane(lane)
      settings.known[lane] = true
      settings.open[#settings.open + 1] = { name .. lane, tier, need }
      if not needed[need] then
        needed[need] = true
        settings.needs[#settings.needs + 1] = need
      end
    end
    return settings
  end

  -- What is kept of this site; sites and queues beyond number begin anew.
  local function kept_here()
    local here = kept[SITE_KEY]
    local now = redis.call('GET', SITE_KEY .. 'lanes') or ''
    if here and here.token == now and here.count < MOST_QUEUES then return here end
    if not here then
      kept.sites = (kept.sites or 0) + 1
      if kept.sites > MOST_SITES then kept = { sites = 1 } end
    end
    kept[SITE_KEY] = { token = now, count = 0, queues = {} }
    return kept[SITE_KEY]
  end

  function queue_of(name)
    published = published or kept_here()
    local found = published.queues[name]
    if not found then
      found = read_queue(name)
      published.queues[name], published.count = found, published.count + 1
    end
    return found
  end
end
