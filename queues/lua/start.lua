-- Library: a function begins and ends. Redis keeps this text's variables from one call to the next: here they are made new.

local function start(keys, argv)
  KEYS, ARGV = keys, argv
  log_to(KEYS[1])
  calls, agents, freed, moved_on, moved, recounted, stale, offers = {}, {}, {}, {}, {}, {}, {}, {}
  next_due, asker, told_by, published = 0, '', '', nil
  call, at, repeated, inferred = nil, nil, nil, nil
end

local function finish(reply)
  know_heads()
  count_staff()
  tell_doors()
  log_written()
  return reply
end
