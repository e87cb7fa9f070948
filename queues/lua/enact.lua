-- enact: the last step of a publication, for some queues: lanes that are not published and empty are forgotten, and
-- whoever can be served now is.
--
-- KEYS[1] the log stream. ARGV[1] asking worker or '' · [2] the publication · [3] JSON list of queues · [4] the version,
-- with the last of them, else ''. Answers {1 or 0 = another publication has begun, next due, offers}.

local MAX_MATCHES = 10
asker = ARGV[1]

local function forget_lanes(queue)
  local settings, published = queue_of(queue), redis.call('HGET', SITE_KEY .. 'queue:' .. queue, 'published') or ''
  local kept, needs, gone = {}, { [''] = true }, {}
  for lane in string.gmatch('|' .. settings.lanes, '|([^|]*)') do
    local _, _, need = read_lane(lane)
    if string.find('|' .. published .. '|', '|' .. lane .. '|', 1, true)
      or redis.call('ZCARD', SITE_KEY .. 'wait:' .. queue .. lane) > 0 then
      kept[#kept + 1] = lane
      needs[need] = true
    else
      gone[#gone + 1] = need
    end
  end
  if #gone == 0 then return end
  settings.lanes = table.concat(kept, '|')
  redis.call('HSET', SITE_KEY .. 'queue:' .. queue, 'lanes', settings.lanes)
  renew_token()
  for _, need in ipairs(gone) do
    for tier = 1, needs[need] and 0 or MAX_TIER do
      redis.call('UNLINK', SITE_KEY .. 'idle:' .. lane_of(queue, tier, need))
    end
  end
end

local current = redis.call('GET', SITE_KEY .. 'publishing') == ARGV[2]
if current then
  for _, queue in ipairs(cjson.decode(ARGV[3])) do
    forget_lanes(queue)
    match_queue(queue, MAX_MATCHES)
  end
  if ARGV[4] ~= '' then redis.call('SET', SITE_KEY .. 'version', ARGV[4]) end
  save_all()
end
return { current and 1 or 0, next_due, offers }
