-- note: nothing but what rides: events that need not wait for another operation, and the checkpoint of a step.
--
-- own: none. Result: ''.

return answer(begin() or DONE)
