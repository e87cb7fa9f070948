-- Library: head starts. score = joined_at − 1000 × their sum; each reason has its own seconds, and they add up.
--
-- A call keeps them as `priority:30,vip:60`. ahead_of(text): reason → seconds; ahead_text(starts): that text;
-- ahead_sum(starts): seconds. set_ahead(call, reason, seconds): a caller who waits gets another head start, and
-- with it another score and place. `moved` puts a caller at a place in line, and may be negative.

local REASONS = { 'weight', 'priority', 'vip', 'credit', 'escalated', 'moved' }

local function ahead_of(text)
  local starts = {}
  for reason, seconds in string.gmatch(text, '(%l+):([^,]+)') do starts[reason] = tonumber(seconds) end
  return starts
end

local function ahead_text(starts)
  local parts = {}
  for _, reason in ipairs(REASONS) do
    if (starts[reason] or 0) ~= 0 then parts[#parts + 1] = reason .. ':' .. number(starts[reason]) end
  end
  return table.concat(parts, ',')
end

-- In this order, because sums of fractions depend on it.
local function ahead_sum(starts)
  local sum = 0
  for _, reason in ipairs(REASONS) do sum = sum + (starts[reason] or 0) end
  return sum
end

local function ahead_json(starts)
  local parts = {}
  for _, reason in ipairs(REASONS) do
    if (starts[reason] or 0) ~= 0 then parts[#parts + 1] = '"' .. reason .. '":' .. number(starts[reason]) end
  end
  return '{' .. table.concat(parts, ',') .. '}'
end

local function rescore(call, score)
  put(call, 'score', string.format('%.17g', score))
  redis.call('ZADD', SITE_KEY .. 'line:' .. call.queue, call.score, call.id)
  if call.lane ~= '' then wait_in(call.lane, call) end
end

local function set_ahead(call, reason, seconds)
  local starts = ahead_of(call.head_starts)
  local before = starts[reason] or 0
  if before == seconds then return false end
  starts[reason] = seconds
  put(call, 'head_starts', ahead_text(starts))
  rescore(call, tonumber(call.score) - 1000 * (seconds - before))
  return true
end
