-- leg: what a worker does with legs that stay connected.
--
-- KEYS[1] the log stream. ARGV[1] asking worker · [2] what:
--   mine: which it has · adopt: it takes those of a worker that is gone, unless their agents have calls, whose next
--   worker gets them with the call · gone: one is not connected any more
-- [3] the worker that is gone, or the channel · [4] why it is not connected: hung_up or leg_lost.
-- Answers {legs as {channel, agent ('' = nobody's: end it), '1' if he has a call}, next due, offers}.

local MOST = 100  -- adopted at once
asker = ARGV[1]

local function mine()
  local found = {}
  for _, channel in ipairs(redis.call('SMEMBERS', LEGS.key(asker))) do
    local _, id = LEGS.at(channel)
    local agent = agent_of(id or '')
    local his = agent and agent.leg == channel
    found[#found + 1] = { channel, his and id or '', his and busy(agent) and '1' or '0' }
  end
  return found
end

local function adopt(peer)
  local found = {}
  if redis.call('EXISTS', SITE_KEY .. 'lease:' .. peer) == 1 then return found end
  for _, channel in ipairs(redis.call('SMEMBERS', LEGS.key(peer))) do
    local _, id = LEGS.at(channel)
    local agent = agent_of(id or '')
    local his = agent and agent.leg == channel
    if #found < MOST and not (his and busy(agent)) then
      LEGS.give(channel, asker, his and id or '')
      found[#found + 1] = { channel, his and id or '', '0' }
    end
  end
  return found
end

-- Who has a call, or writes it up, is told when that is over.
local function gone(channel, why)
  local _, id = LEGS.at(channel)
  LEGS.forget(channel)
  local agent = agent_of(id or '')
  if not agent or agent.leg ~= channel then return end
  put(agent, 'leg', '')
  put(agent, 'leg_lost', why)
  if busy(agent) or agent.state == 'wrapup' or agent.state == 'offline' then return end
  agent_to(agent, 'offline', why, '', '')
end

local found = {}
if ARGV[2] == 'mine' then found = mine() end
if ARGV[2] == 'adopt' then found = adopt(ARGV[3]) end
if ARGV[2] == 'gone' then gone(ARGV[3], ARGV[4]) end
match_freed()  -- whoever has waited for him alone
save_all()
return { found, next_due, offers }
