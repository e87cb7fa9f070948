-- Library: the strategies by which a queue chooses among its ready agents, one unit each. Whoever adds one adds it
-- here, in queues/strategies.py (name and sentence) and in tests/queues/reference.py.
--
-- score(agent, post): his place among the idle, worked out when he becomes ready: the lowest is rung first, of equal
--   ones the lower id. `post` is his entry for the queue: {order, weight}.
-- rank(key, chance): instead of the lowest, the one of this rank (from 0) in the idle list `key`. `chance` is in
--   [0, 1), drawn anew for each attempt from call and attempt, so that a log can be replayed.
-- phones(call, settings): how many may ring at once for this call now; without it, one.
-- more_at(call, settings): when that becomes more, ms; 0: it does not.

local MAX_PHONES = 20

local MAX_WEIGHT = 10

-- Below 1 until the year 2109: of equal counts the one who is idle longest.
local function idle_fraction(agent) return int(agent.ready_since_at) / 4398046511104 end

local STRATEGIES = {
  longest_idle = { score = function(agent) return int(agent.ready_since_at) end },
  fewest_calls = { score = function(agent) return int(agent.shift_calls) + idle_fraction(agent) end },
  least_talk = {
    score = function(agent) return math.floor(int(agent.shift_talk_ms) / 1000) + idle_fraction(agent) end,
  },
  round_robin = { score = function(agent) return int(agent.turn_at) end },
  linear = { score = function(agent, post) return post.order + idle_fraction(agent) end },
  random = {
    score = function(agent) return int(agent.ready_since_at) end,
    rank = function(key, chance) return math.floor(chance * redis.call('ZCARD', key)) end,
  },
  weighted_random = {  -- equal weights stand together: a class is drawn by its weight, then one of the class
    score = function(_, post) return post.weight end,
    rank = function(key, chance)
      local counts, total = {}, 0
      for weight = 1, MAX_WEIGHT do
        counts[weight] = redis.call('ZCOUNT', key, weight, weight)
        total = total + weight * counts[weight]
      end
      local left, rank = chance * total, 0
      for weight = 1, MAX_WEIGHT do
        if left < weight * counts[weight] then return rank + math.floor(left / weight) end
        left, rank = left - weight * counts[weight], rank + counts[weight]
      end
      return 0
    end,
  },
  ring_all = {
    score = function(agent) return int(agent.ready_since_at) end,
    phones = function() return MAX_PHONES end,
  },
  progressive = {  -- one more every `ring_more_s`, as long as somebody's phone rings
    score = function(agent) return int(agent.ready_since_at) end,
    phones = function(call, settings)
      if call.ringing_at == '' then return 1 end
      return math.min(1 + math.floor((now_ms() - int(call.ringing_at)) / (1000 * settings.ring_more_s)), MAX_PHONES)
    end,
    more_at = function(call, settings)
      local step_ms = 1000 * settings.ring_more_s
      local steps = math.floor((now_ms() - int(call.ringing_at)) / step_ms)
      return steps + 1 < MAX_PHONES and int(call.ringing_at) + (steps + 1) * step_ms or 0
    end,
  },
}

local function strategy_of(settings) return STRATEGIES[settings.strategy] or STRATEGIES.longest_idle end

local function chance_of(call)
  return tonumber(string.sub(redis.sha1hex(call.id .. ':' .. math.max(int(call.attempt), int(call.attempts))), 1, 8), 16) / 4294967296
end

-- Those of an idle list whom the strategy would ring, the first of them first; at most `most`.
local function idle_by(strategy, key, call, most)
  if not strategy.rank then return redis.call('ZRANGE', key, 0, most - 1) end
  local rank = strategy.rank(key, chance_of(call))
  local ids = redis.call('ZRANGE', key, rank, rank + most - 1)
  local missing = math.min(most - #ids, rank)
  if missing > 0 then
    for _, id in ipairs(redis.call('ZRANGE', key, 0, missing - 1)) do ids[#ids + 1] = id end
  end
  return ids
end
