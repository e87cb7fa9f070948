"""Call flows: the language admins write, its check, and the interpreter that runs it on a line."""
