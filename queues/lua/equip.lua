-- equip: some of the devices that admins have published.
--
-- KEYS[1] the log stream. ARGV[1] asking worker or '' · [2] the publication · [3] JSON {device: whether it is published}.
-- Answers {1 or 0 = another publication has begun, next due, offers}.

local current = redis.call('GET', SITE_KEY .. 'publishing') == ARGV[2]
if current then
  for device, published in pairs(cjson.decode(ARGV[3])) do
    redis.call(published and 'SADD' or 'SREM', SITE_KEY .. 'equipment', device)
  end
end
return { current and 1 or 0, next_due, offers }
