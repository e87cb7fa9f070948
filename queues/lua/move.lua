-- move: somebody puts a waiting caller into another queue, to a place in line, or gives him another priority.
--
-- KEYS[1] the log stream. ARGV[1] asking worker or '' · [2] call · [3] who asked · [4] queue, '' = where he is
-- · [5] position from 1, '' = where his head starts put him · [6] priority in seconds, '' = as it is.
-- Answers {status, queue, position, state, next due, offers}; status 0 done · 3 no such call · 4 he does not wait (the
-- state says what he does) · 5 no such queue.

local NO_QUEUE = 5
asker = ARGV[1]

-- Just before the one who is at this place now; behind the last one if the line is shorter.
local function place(position)
  local line = SITE_KEY .. 'line:' .. call.queue
  local own = redis.call('ZRANK', line, call.id)
  local function score_at(rank)  -- among the others
    if rank < 0 then return nil end
    rank = rank < own and rank or rank + 1
    return tonumber(redis.call('ZRANGE', line, rank, rank, 'WITHSCORES')[2])
  end
  position = math.min(position, redis.call('ZCARD', line))
  if position == own + 1 then return end
  local before, after = score_at(position - 2), score_at(position - 1)
  local target = before and after and (before + after) / 2 or after and after - 1 or before + 1
  local starts = ahead_of(call.head_starts)
  starts.moved = (starts.moved or 0) + (tonumber(call.score) - target) / 1000
  put(call, 'head_starts', ahead_text(starts))
  rescore(call, target)
end

local function tell_moved(queue, reason)
  local position = redis.call('ZRANK', SITE_KEY .. 'line:' .. queue, call.id)
  local body = '{"kind":"moved","queue":"' .. queue .. '","reason":"' .. reason .. '","by":' .. quoted(ARGV[3])
  if position then body = body .. ',"position":' .. (position + 1) .. ',"score":' .. number(call.score) end
  log(body .. '}')
end

local function change_queue(queue)
  tell_moved(queue, 'queue')
  if call.state == 'offered' then close_offer('withdrawn', -1) end
  leave_line('transferred')
  put(call, 'left', '')
  local starts = ahead_of(call.head_starts)
  starts.weight, starts.credit, starts.moved = queue_of(queue).weight_s, int(call.wait_ms) / 1000, nil
  enter_line(queue, starts)
  redis.call('PUBLISH', SITE_KEY .. 'wake:' .. call.owner, '{"type":"moved","call":' .. quoted(call.id)
    .. ',"queue":"' .. queue .. '","joined_at":' .. number(call.joined_at) .. '}')
end

local function move(queue)
  if queue ~= '' and queue ~= call.queue then change_queue(queue) end
  if ARGV[6] ~= '' and set_ahead(call, 'priority', tonumber(ARGV[6])) then tell_moved(call.queue, 'priority') end
  if ARGV[5] ~= '' then
    place(tonumber(ARGV[5]))
    tell_moved(call.queue, 'position')
  end
  match_freed()
  match_call(call)
end

local function act()
  call = call_of(ARGV[2])
  if not call then return UNKNOWN end
  if call.state ~= 'waiting' and call.state ~= 'offered' then return REFUSED end
  if ARGV[4] ~= '' and redis.call('SISMEMBER', SITE_KEY .. 'queues', ARGV[4]) == 0 then return NO_QUEUE end
  at = math.max(now_ms(), int(call.since_at), int(call.hold_caller_at), int(call.held_until_at))
  move(ARGV[4])
  save_all()
  return DONE
end

local status = act()
local rank = status == DONE and redis.call('ZRANK', SITE_KEY .. 'line:' .. call.queue, call.id) or -1
return { status, call and call.queue or '', rank + 1, call and call.state or '', next_due, offers }
