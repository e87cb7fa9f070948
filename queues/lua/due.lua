-- due: wrap-ups and cool-downs that have run out; at most 100 at once (the answer then is an instant in the past).
--
-- KEYS[1] the log stream. ARGV[1] asking worker or ''. Answers {next due (ms, 0 = none), now, offers}.

asker = ARGV[1]
run_due(now_ms(), 100)
save_all()
return { head_of_due(), now_ms(), offers }
