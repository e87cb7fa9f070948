-- due: wrap-ups, cool-downs and stages of waiting that are over; at most 16 at once (the answer then is an instant in
-- the past).
--
-- KEYS[1] the log stream. ARGV[1] asking worker or ''. Answers {next due (ms, 0 = none), now, offers}.

asker = ARGV[1]
run_due(now_ms(), 16)
save_all()
return { head_of_due(), now_ms(), offers }
