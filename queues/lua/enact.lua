-- enact: the last step of a publication, for a queue: lanes that are not published and empty are forgotten, and whoever
-- can be served now is, a few at a time.
--
-- KEYS[1] the log stream. ARGV[1] asking worker or '' · [2] the publication · [3] queue · [4] the version, with the last
-- of them, else ''. Answers {1 or 0 = another publication has begun, 1 = there are more to be served, next due, offers}.

local MAX_MATCHES = 2
asker = ARGV[1]

local function forget_lanes(queue)
  local key = SITE_KEY .. 'queue:' .. queue
  local wanted_lanes = '|' .. (redis.call('HGET', key, 'published') or '') .. '|'
  local kept_lanes, needed, gone = {}, { [''] = true }, {}
  for _, lane in ipairs(queue_of(queue).open) do
    local name = string.sub(lane[1], #queue + 1)
    if string.find(wanted_lanes, '|' .. name .. '|', 1, true) or redis.call('EXISTS', SITE_KEY .. 'wait:' .. lane[1]) == 1 then
      kept_lanes[#kept_lanes + 1] = name
      needed[lane[3]] = true
    else
      gone[#gone + 1] = lane[3]
    end
  end
  if #gone == 0 then return end
  redis.call('HSET', key, 'lanes', table.concat(kept_lanes, '|'))
  renew_token()
  for _, need in ipairs(gone) do
    for tier = 1, needed[need] and 0 or MAX_TIER do
      redis.call('UNLINK', SITE_KEY .. 'idle:' .. lane_of(queue, tier, need))
    end
  end
end

local current, more = redis.call('GET', SITE_KEY .. 'publishing') == ARGV[2], false
if current then
  forget_lanes(ARGV[3])
  more = #match_lanes(ARGV[3], queue_of(ARGV[3]).open, MAX_MATCHES) == MAX_MATCHES
  if ARGV[4] ~= '' and not more then redis.call('SET', SITE_KEY .. 'version', ARGV[4]) end
  save_all()
end
return { current and 1 or 0, more and 1 or 0, next_due, offers }
