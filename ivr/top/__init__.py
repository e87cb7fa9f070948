"""`holdfast top`: the wallboard in a terminal.

    /v1/live ── source.py ──► state ── rows.py ──► once.py (one frame) or screen.py (while it is open)

It asks the API like anybody else, by default over the Unix socket of this machine.
"""
