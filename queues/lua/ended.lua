-- ended: the call is over. Closes, in the order of the log's grammar, whatever is still open, then logs `ended`
-- with times that add up; frees the agent and matches him.
--
-- own: 1 verdict ('' = worked out here) · 2 ended_by · 3 the rest of the body, a JSON object's inside
-- 4, 5 bounds if nobody was told when it ended, ms.
-- Result: verdict.

-- A call that ended late came from a journal: it must be recognised if that journal is run once more.
local KEEP_S, LATE_MS, KEEP_LATE_S = 60, 30000, 3600

local HANGUPS = { waiting = 'caller_hangup', offered = 'caller_hangup_ringing', connecting = 'caller_hangup_connecting' }

-- Out of the line: by his own hangup, or because the call failed under him.
local function close_wait(verdict, ended_by)
  local reason = HANGUPS[call.state]
  if ended_by ~= 'caller' or verdict == 'failed' or verdict == 'lost' then reason = 'system_error' end
  if call.state ~= 'waiting' then close_offer('caller_gone', -1) end
  close_hold('caller')
  leave_line(reason)
end

-- The first that holds (design, section 8); `failed` and `lost` only the worker can know.
local function verdict_of(ended_by)
  if call.answered_at == '' and ended_by ~= 'caller' then return 'rejected' end
  if int(call.served) > 0 then return 'completed' end
  if call.errored ~= '' then return 'failed' end
  if call.outside ~= '' then return 'transferred' end
  if call.overflowed ~= '' then return 'overflowed' end
  if string.find(call.left, 'caller_hangup', 1, true) then return 'abandoned' end
  return ended_by == 'caller' and 'ivr_exit' or 'self_served'
end

local function close(verdict, ended_by)
  if HANGUPS[call.state] then
    close_wait(verdict, ended_by)
  elseif call.state == 'talking' then
    close_hold('agent')
    close_hold('caller')
    close_talk(ended_by)
  end
  close_hold('caller')
  if verdict == '' then verdict = verdict_of(ended_by) end
  local wait, held, talk = int(call.wait_ms), int(call.held_ms), int(call.talk_ms)
  local lifetime = span(call.arrived_at)
  log('{"kind":"ended","verdict":"' .. verdict .. '","ended_by":"' .. ended_by .. '",' .. own(3)
    .. ',"lifetime_ms":' .. number(lifetime) .. ',"flow_ms":' .. number(lifetime - wait - held - talk)
    .. ',"wait_ms":' .. number(wait) .. ',"held_ms":' .. number(held) .. ',"talk_ms":' .. number(talk) .. '}')
  put(call, 'state', 'ended')
  put(call, 'verdict', verdict)
  redis.call('SREM', SITE_KEY .. 'owned:' .. call.owner, call.id)
  match_freed()
  return verdict
end

local status = begin()
local verdict = ''
if status == nil then
  if own(4) then
    local last = math.max(at, tonumber(own(5)))
    inferred = ',"not_before":' .. number(math.min(at, tonumber(own(4)))) .. ',"not_after":' .. number(last) .. '}'
  end
  verdict = close(own(1), own(2))
elseif status == REPEATED then
  verdict = redis.call('HGET', call.key, 'verdict') or ''
end
local reply = answer(status or DONE, verdict)
if status == nil then redis.call('EXPIRE', call.key, now_ms() - at > LATE_MS and KEEP_LATE_S or KEEP_S) end
return reply
