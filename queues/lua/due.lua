-- due: wrap-ups, cool-downs and stages of waiting that are over; a few at once (if there are more, the answer is an
-- instant in the past).
--
-- KEYS[1] the log stream. ARGV[1] asking worker or ''. Answers {how many there were, next due (ms, 0 = none), now, offers}.

asker = ARGV[1]
local count = run_due(now_ms())
save_all()
return { count, head_of_due(), now_ms(), offers }
