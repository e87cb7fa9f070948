"""The live tests' instruments: a server of their own, phones played by SIPp, ears, and comparing sounds.

Nothing here decides what is right; the tests do.
"""
