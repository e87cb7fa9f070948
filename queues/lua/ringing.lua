-- ringing: the offers of a worker's calls that are open now, to ring any whose message was lost; a slice at a time.
--
-- KEYS[1] the log stream. ARGV[1] worker · [2] cursor over its calls. Answers {next cursor, offers}.

local slice = redis.call('SSCAN', SITE_KEY .. 'owned:' .. ARGV[1], ARGV[2], 'COUNT', 100)
local ringing = {}
for _, id in ipairs(slice[2]) do
  local call = call_of(id)
  if call and call.state == 'offered' then ringing[#ringing + 1] = offer_of(call, agent_of(call.agent)) end
end
return { slice[1], ringing }
