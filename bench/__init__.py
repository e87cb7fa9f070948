"""Benches: Holdfast beside Asterisk's own `Queue()`, under the same callers and agents."""
