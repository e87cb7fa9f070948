-- Library: the rules by which a queue keeps callers out and lets those who wait go. Hours are not known here.
--
-- objection(name, absent, ahead, ways): why nobody may be there with so many callers ahead of him: no_agents, full,
--   ratio; nil: he may. `absent`: refuse_if at the door, leave_if for who waits. `ways`: the reasons that count.
-- crowd(name): of a queue with such rules: why some who wait there have to leave, and how many; nil: nobody has to.
-- tell_doors(): tells workers to look if agents have moved so that somebody has to leave; last of every script.

local AT_WORK = { 'ready', 'ringing', 'talking', 'wrapup' }

local function nobody(name, groups)
  if groups == '' then return false end
  for group, count in pairs(staff_of(name, ALL_GROUPS)) do
    if count > 0 and not is_in(groups, group) then return false end
  end
  return true
end

local function at_work(name)
  local sum = 0
  for _, count in pairs(staff_of(name, AT_WORK)) do sum = sum + count end
  return sum
end

local function objection(name, absent, ahead, ways)
  local door = queue_of(name).door
  local groups, most, ratio = door[absent], tonumber(door.max_waiting), tonumber(door.callers_per_agent)
  if is_in(ways, 'no_agents') and nobody(name, groups) then return 'no_agents' end
  if is_in(ways, 'full') and most and ahead >= most then return 'full' end
  if is_in(ways, 'ratio') and ratio and ahead + 1 > ratio * at_work(name) then return 'ratio' end
end

local function crowd(name)
  local line = redis.call('ZCARD', SITE_KEY .. 'line:' .. name)
  if line == 0 then return end
  local door = queue_of(name).door
  local most, ratio = tonumber(door.max_waiting), tonumber(door.callers_per_agent)
  if nobody(name, door.leave_if) then return 'no_agents', line end
  if most and line > most then return 'full', line - most end
  local bearable = ratio and math.floor(ratio * at_work(name))
  if bearable and line > bearable then return 'ratio', line - bearable end
end

-- Rules that depend on who is there; the others are looked at every second, which is soon enough.
local function minds_agents(name)
  local door = queue_of(name).door
  return door.leave_if .. door.callers_per_agent ~= '' and redis.call('SISMEMBER', SITE_KEY .. 'guarded', name) == 1
end

local function tell_doors()
  for name in pairs(moved) do
    if minds_agents(name) and crowd(name) then
      for _, worker in ipairs(redis.call('HKEYS', SITE_KEY .. 'workers')) do
        redis.call('PUBLISH', SITE_KEY .. 'wake:' .. worker, '{"type":"doors"}')
      end
      return
    end
  end
end
