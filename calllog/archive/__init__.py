"""The archive: the call log in SQL, for ever, and what is derived from it."""
