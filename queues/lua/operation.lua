-- Library: one operation of a worker on a call it owns.
--
-- KEYS[1] the log stream.
-- ARGV[1] call · [2] worker · [3] epoch · [4] number of the operation · [5] at: when it happened, ms, 0 = now
-- [6] how many notes ride · [7…] `at` and body of each · then what is the operation's own: own(1), own(2), …
-- A note's body is an event's JSON object, or '=' flow LF version LF step LF variables: a checkpoint, or
-- '>' key LF letter: a letter for the outbox, or '~' errand: where a caller whom an agent has given away is to go, or
-- '%' variables: what his flow has learned while he is where he is.
--
-- Every operation answers {status, seq, state, agent, attempt, next due (ms, 0 = none), own result, offers};
-- status: 0 done · 1 repeated: it was applied before, the answer tells how things are now · 2 fenced: another
-- worker or a later take-over owns the call · 3 no such call · 4 refused: the call's state does not allow it.
-- An offer is {call, agent, device, attempt, queue, ring_s}.

local DONE, REPEATED, FENCED, UNKNOWN, REFUSED = 0, 1, 2, 3, 4
local call, at, repeated

local function own(i) return ARGV[6 + 2 * ARGV[6] + i] end

-- An instant the worker saw; 0 and the future are now.
local function within_now(instant)
  local now = now_ms()
  instant = int(instant)
  if instant <= 0 or instant > now then return now end
  return instant
end

-- A letter that was posted before, by a worker that died right after, stays as it is.
local function post(key, letter, posted_at)
  if redis.call('HSETNX', SITE_KEY .. 'letter:' .. key, 'letter', letter) == 0 then return end
  redis.call('HSET', SITE_KEY .. 'letter:' .. key, 'posted_at', number(posted_at))
  redis.call('ZADD', SITE_KEY .. 'outbox', number(posted_at), key)
end

local function write_notes()
  for i = 7, 5 + 2 * ARGV[6], 2 do
    local note_at, body = within_now(ARGV[i]), ARGV[i + 1]
    local kind = string.sub(body, 1, 1)
    if kind == '=' then
      local flow, version, step, vars = string.match(body, '^=(.-)\n(.-)\n(.-)\n(.*)$')
      redis.call('HSET', call.key, 'flow', flow, 'version', version, 'step', step, 'vars', vars)
      put(call, 'left', '')  -- what ended the last wait is the outcome of the step before this one
      put(call, 'errand', '')
      put(call, 'connected', '')
    elseif kind == '~' then
      put(call, 'errand', string.sub(body, 2))
    elseif kind == '%' then
      redis.call('HSET', call.key, 'vars', string.sub(body, 2))
    elseif kind == '>' then
      local key, letter = string.match(body, '^>(.-)\n(.*)$')
      post(key, letter, note_at)
    else
      tell_call(call, body, note_at)
      if string.find(body, '^{"kind":"transferred","how":"%l+","to":') then
        put(call, 'outside', 1)
        put(call, 'connected', 1)  -- in this step
      end
      if call.answered_at == '' and string.find(body, '{"kind":"answered"', 1, true) == 1 then
        put(call, 'answered_at', note_at)
      end
    end
  end
end

-- The status the script must answer at once with, or nil: go on.
local function begin()
  asker = ARGV[2]
  call = call_of(ARGV[1])
  if not call then return UNKNOWN end
  if call.owner ~= ARGV[2] or call.epoch ~= ARGV[3] then return FENCED end
  if int(ARGV[4]) <= int(call.op) then
    repeated = true
    return REPEATED
  end
  if call.state == 'ended' then return REFUSED end
  put(call, 'op', ARGV[4])
  -- Kept inside the interval that is open, so that a call's intervals tile its life.
  at = math.max(within_now(ARGV[5]), int(call.since_at), int(call.hold_agent_at), int(call.hold_caller_at),
    int(call.held_until_at), int(call.c_at))
  write_notes()
  return nil
end

local function answer(status, result)
  save_all()
  if status == FENCED or status == UNKNOWN then return { status, 0, '', '', 0, 0, '', offers } end
  return { status, call.number or int(call.seq), call.state, call.agent, int(call.attempt), next_due,
    result or '', offers }
end
