"""Asterisk's REST interface over the persistent WebSocket that Asterisk opens to a worker.

Only this package speaks ARI: `events` are what Asterisk tells, `link` is the socket, `asterisk` the verbs,
`errors` what can go wrong.
"""

from ivr.ari.asterisk import Asterisk
from ivr.ari.errors import AriError, AsteriskAway, Conflict, NotFound, Silenced
from ivr.ari.link import Link

__all__ = ["AriError", "Asterisk", "AsteriskAway", "Conflict", "Link", "NotFound", "Silenced"]
