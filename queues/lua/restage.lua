-- restage: some of the callers who wait get the weight, lane and tier that follow from what is published now.
--
-- KEYS[1] the log stream. ARGV[1] asking worker or '' · [2] the publication · [3] JSON list of {call, head start as a
-- VIP in seconds}. Answers {1 or 0 = another publication has begun, next due, offers}.

asker = ARGV[1]

local function restage(id, vip_s)
  local call = call_of(id)
  if not call or (call.state ~= 'waiting' and call.state ~= 'offered' and call.state ~= 'connecting') then return end
  set_ahead(call, 'weight', queue_of(call.queue).weight_s)
  if set_ahead(call, 'vip', vip_s) then
    tell_call(call, '{"kind":"moved","queue":"' .. call.queue .. '","reason":"published","position":'
      .. (redis.call('ZRANK', SITE_KEY .. 'line:' .. call.queue, id) + 1) .. ',"score":' .. call.score .. '}')
  end
  if call.lane == '' then return end
  if wanted(call) <= 0 then return out_of_lane(call) end
  local lane = call.lane
  into_lane(call)
  if call.lane ~= lane then moved_on[#moved_on + 1] = call end
end

local current = redis.call('GET', SITE_KEY .. 'publishing') == ARGV[2]
if current then
  for _, pair in ipairs(cjson.decode(ARGV[3])) do restage(pair[1], pair[2]) end
  match_freed()
  save_all()
end
return { current and 1 or 0, next_due, offers }
