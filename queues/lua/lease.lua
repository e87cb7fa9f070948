-- lease: a worker shows that it lives, and learns of the others.
--
-- KEYS[1] the log stream. ARGV[1] worker, '' = only look · [2] incarnation · [3] TTL, ms · [4] '1' if it has its calls
-- · [5] '1' if Asterisk is connected to it.
-- Answers {status, draining, now, peers}; status 2: a newer incarnation holds the name.
-- A peer is {name, alive, incarnation, pid, host, draining, live calls, started_at, seen_at, legs that stay, whether Asterisk
-- is connected to it}; 1 and 0 stand for yes and no; seen_at is the last renewal by a process that had its calls, and so was told how they went on.

local FENCED = 2
local workers = SITE_KEY .. 'workers'

local function peer(name, inc)
  local process = redis.call('HMGET', SITE_KEY .. 'process:' .. name, 'pid', 'host', 'started_at', 'seen_at', 'asterisk')
  return { name, redis.call('EXISTS', SITE_KEY .. 'lease:' .. name), tonumber(inc), tonumber(process[1] or 0),
    process[2] or '', redis.call('SISMEMBER', SITE_KEY .. 'draining', name),
    redis.call('SCARD', SITE_KEY .. 'owned:' .. name), tonumber(process[3] or 0),
    tonumber(process[4] or 0), redis.call('SCARD', LEGS.key(name)), tonumber(process[5] or 0) }
end

if ARGV[1] ~= '' then
  if redis.call('HGET', workers, ARGV[1]) ~= ARGV[2] then return { FENCED, 0, now_ms(), {} } end
  redis.call('SET', SITE_KEY .. 'lease:' .. ARGV[1], ARGV[2], 'PX', ARGV[3])
  local process = SITE_KEY .. 'process:' .. ARGV[1]
  if ARGV[4] == '1' then
    redis.call('HSET', process, 'seen_at', now_ms(), 'asterisk', ARGV[5])
  else
    redis.call('HSET', process, 'asterisk', ARGV[5])
  end
end
local peers = {}
local all = redis.call('HGETALL', workers)
for i = 1, #all, 2 do peers[#peers + 1] = peer(all[i], all[i + 1]) end
return { 0, redis.call('SISMEMBER', SITE_KEY .. 'draining', ARGV[1]), now_ms(), peers }
