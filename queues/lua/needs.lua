-- Library: skills, and whether they meet a need.
--
-- A need is alternatives joined by ` or `, each of conditions joined by ` and `: queues/needs.py writes it so.
-- meets(need, agent): whether his skills do; one that he does not have is 0.

local meets

do
  local MOST_NEEDS, judges, judge_count = 1000, {}, 0

  local COMPARE = {
    ['>='] = function(a, b) return a >= b end, ['>'] = function(a, b) return a > b end,
    ['<='] = function(a, b) return a <= b end, ['<'] = function(a, b) return a < b end,
    ['=='] = function(a, b) return a == b end, ['!='] = function(a, b) return a ~= b end,
  }

  local function judge_atom(atom)
    local name, sign, level = string.match(atom, '^(%S+) (%S+) (%d+)$')
    if name then
      local compare, bound = COMPARE[sign], tonumber(level)
      return function(skills) return compare(skills[name] or 0, bound) end
    end
    local absent = string.match(atom, '^not (%S+)$')
    if absent then return function(skills) return (skills[absent] or 0) < 1 end end
    return function(skills) return (skills[atom] or 0) >= 1 end
  end

  local function judge_of(need)
    local alternatives = {}
    for alternative in string.gmatch(need .. ' or ', '(.-) or ') do
      local atoms = {}
      for atom in string.gmatch(alternative .. ' and ', '(.-) and ') do atoms[#atoms + 1] = judge_atom(atom) end
      alternatives[#alternatives + 1] = atoms
    end
    return function(skills)
      for _, atoms in ipairs(alternatives) do
        local all = true
        for _, holds in ipairs(atoms) do all = all and holds(skills) end
        if all then return true end
      end
      return false
    end
  end

  -- Kept from script to script: reading it takes longer than judging by it.
  local function kept_judge(need)
    if not judges[need] then
      if judge_count >= MOST_NEEDS then judges, judge_count = {}, 0 end
      judges[need], judge_count = judge_of(need), judge_count + 1
    end
    return judges[need]
  end

  local function skills_of(agent)
    if agent.read ~= agent.skills then
      agent.read, agent.levels = agent.skills, {}
      for name, level in string.gmatch(agent.skills, '([^=,]+)=(%d+)') do agent.levels[name] = tonumber(level) end
    end
    return agent.levels
  end

  function meets(need, agent)
    return need == '' or kept_judge(need)(skills_of(agent))
  end
end
