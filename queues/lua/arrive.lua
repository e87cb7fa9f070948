-- arrive: a caller is ours; the first operation of every call. Creates its record and logs `arrived`.
--
-- own: 1 body of the event · 2 from · 3 to · 4 campaign · 5 journey · 6 asterisk · 7 '1' if inferred
-- 8 '1' if the call is driven by AGI.
-- Result: ''. Status 2 if somebody else already holds the call.

if not call_of(ARGV[1]) then
  local key = SITE_KEY .. 'call:' .. ARGV[1]
  local arrived = within_now(ARGV[5])
  redis.call('HSET', key, 'owner', ARGV[2], 'epoch', ARGV[3], 'op', 0, 'state', 'flow', 'from', own(2), 'to', own(3),
    'campaign', own(4), 'journey', own(5), 'asterisk', own(6), 'arrived_at', arrived, 'since_at', arrived)
  if own(8) == '1' then redis.call('HSET', key, 'agi', 1) end
  redis.call('SADD', SITE_KEY .. 'owned:' .. ARGV[2], ARGV[1])
  tell_call(call_of(ARGV[1]), own(1), arrived, own(7) == '1')
end
return answer(begin() or DONE)
