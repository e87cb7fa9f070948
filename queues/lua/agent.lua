-- agent: what an agent asks for, by command or by phone, or a supervisor for him. What cannot be at once happens
-- when his call is over; a wrap-up in which he has still to say what the call was about is a part of the call.
--
-- KEYS[1] the log stream.
-- ARGV[1] asking worker or '' · [2] agent · [3] ready, pause, offline, extend, disposition, or nail: ready by a leg that
-- stays connected · [4] reason of a pause, seconds ('' = as the queue says), a disposition's code or name, or the leg's
-- channel, in an application of the asking worker · [5] device he is at from now on, or ''
-- [6] who forces it, '' = he asks himself.
-- Answers {status, state, reason, wish, next due, offers}; status 0 done · 3 no such agent · 4 that device belongs
-- to an agent who is on a call · 5 not now: there is nothing to extend or to say · 6 he must say first what the call
-- was about · 7 no such disposition · 8 he sits at no device · 9 a supervisor has decided what comes after his call
-- 10 no such device.

local DONE, UNKNOWN, TAKEN, NOT_NOW, UNSAID, NO_CODE, NO_DEVICE, DECIDED, NOT_THERE = 0, 3, 4, 5, 6, 7, 8, 9, 10
local forced = ARGV[6] ~= ''
asker = ARGV[1]

local function must_speak(agent) return agent.state == 'wrapup' and agent.code_due == '1' end

local function wish(agent, what)
  put(agent, 'wish', what)
  put(agent, 'wish_by', what ~= '' and ARGV[6] or '')
end

local function ready(agent)
  if must_speak(agent) and not forced then return UNSAID end
  if agent.device == '' then return NO_DEVICE end
  put(agent, 'misses', 0)
  if agent.leg_lost ~= '' then put(agent, 'leg_lost', '') end
  if agent.wish ~= '' then wish(agent, '') end
  if not busy(agent) and agent.state ~= allowed(agent) then release(agent, nil, '', '') end
  return DONE
end

local function nail(agent)
  if must_speak(agent) then return UNSAID end
  if agent.leg ~= ARGV[4] then LEGS.drop(agent) end
  LEGS.give(ARGV[4], asker, agent.id)
  put(agent, 'leg', ARGV[4])
  return ready(agent)
end

local function away(agent, state, reason)
  if busy(agent) or (must_speak(agent) and not forced) then
    wish(agent, state == 'offline' and 'offline' or 'paused:' .. reason)
  else
    if agent.wish ~= '' then wish(agent, '') end
    agent_to(agent, state, reason, '', '')
  end
  return DONE
end

local function extend(agent)
  if agent.state ~= 'wrapup' then return NOT_NOW end
  local rules = rules_of(agent.last_queue)
  local more_ms = (tonumber(ARGV[4]) or int(rules.wrapup_extend_s)) * 1000
  local until_at = math.min(int(agent.due_at) + more_ms, int(agent.since_at) + int(rules.wrapup_max_s) * 1000)
  if until_at <= int(agent.due_at) then return NOT_NOW end
  put(agent, 'wrapup_until', until_at)
  set_due(agent, until_at)
  return DONE
end

local function disposition(agent)
  if agent.code_call == '' or (agent.state ~= 'talking' and agent.state ~= 'wrapup') then return NOT_NOW end
  for code, name in string.gmatch(rules_of(agent.last_queue).dispositions, '([^,=]+)=([^,=]+)') do
    if code == ARGV[4] or name == ARGV[4] then
      local was_due = must_speak(agent)
      tell_disposition(agent, name)
      if was_due and (now_ms() >= int(agent.wrapup_until) or agent.wish ~= '') then release(agent, nil, '', '') end
      return DONE
    end
  end
  return NO_CODE
end

-- Any device is there where none was ever published.
local function is_there(device)
  local published = SITE_KEY .. 'equipment'
  return redis.call('SISMEMBER', published, device) == 1 or redis.call('EXISTS', published) == 0
end

local function act(agent)
  if ARGV[5] ~= '' and not is_there(ARGV[5]) then return NOT_THERE end
  if ARGV[3] == 'extend' then return extend(agent) end
  if ARGV[3] == 'disposition' then return disposition(agent) end
  if agent.wish_by ~= '' and not forced then return DECIDED end
  if agent.device == '' and ARGV[5] == '' and agent.home ~= '' and ARGV[3] ~= 'offline' then
    if not sit_at(agent, agent.home) then return TAKEN end
  end
  if ARGV[5] ~= '' and not sit_at(agent, ARGV[5]) then return TAKEN end
  if ARGV[3] == 'ready' then return ready(agent) end
  if ARGV[3] == 'nail' then return nail(agent) end
  if ARGV[3] == 'pause' then return away(agent, 'paused', ARGV[4]) end
  return away(agent, 'offline', 'logged_out')
end

local agent = agent_of(ARGV[2])
if not agent or redis.call('SISMEMBER', SITE_KEY .. 'agents', ARGV[2]) == 0 then
  return { UNKNOWN, '', '', '', 0, offers }
end
told_by = ARGV[6]
local status = act(agent)
told_by = ''
match_freed()
save_all()
return { status, agent.state, agent.reason, agent.wish, next_due, offers }
