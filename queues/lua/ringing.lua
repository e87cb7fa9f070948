-- ringing: the offers of a worker's calls that are open now, to ring any whose message was lost; a slice at a time.
--
-- KEYS[1] the log stream. ARGV[1] worker · [2] cursor over its calls. Answers {next cursor, offers}.

local slice = redis.call('SSCAN', SITE_KEY .. 'owned:' .. ARGV[1], ARGV[2], 'COUNT', 20)
local ringing = {}
for _, id in ipairs(slice[2]) do
  local offered = redis.call('HGET', SITE_KEY .. 'call:' .. id, 'state') == 'offered'
  local call = offered and call_of(id)
  if call then add_rung(call, ringing) end
end
return { slice[1], ringing }
