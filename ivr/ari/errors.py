"""What can go wrong between a worker and Asterisk, each with the verdict of the call that meets it."""

# ruff: noqa: N818  (an error is named by what is the matter: NotFound, AsteriskAway)

from calllog.errors import HoldfastError


class AriError(HoldfastError):
    """Asterisk refused a command: `status` is its HTTP status code."""

    verdict = "failed"
    reason = "ari-refused"

    def __init__(self, status: int, command: str, message: str) -> None:
        super().__init__(f"{command}: {status} {message}")
        self.status = status


class NotFound(AriError):
    """The channel, bridge or playback is gone (404). Normal while a call is torn down."""

    reason = "ari-gone"


class Conflict(AriError):
    """The channel has left our application, or another worker was first (409)."""

    reason = "ari-conflict"


class AsteriskAway(HoldfastError):
    """There is no socket to Asterisk, or it closed before the reply came."""

    verdict = "lost"
    reason = "asterisk-away"


class Silenced(HoldfastError):
    """This worker may not command Asterisk now: its lease is too old, another may own its calls."""

    verdict = "failed"
    reason = "lease-lost"


_BY_STATUS: dict[int, type[AriError]] = {404: NotFound, 409: Conflict}


def refusal(status: int, command: str, message: str) -> AriError:
    """The error that stands for an HTTP status of 400 or above."""
    return _BY_STATUS.get(status, AriError)(status, command, message)
