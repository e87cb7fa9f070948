"""What can go wrong between a worker and the store. Each error knows its verdict and reason."""

# ruff: noqa: N818  (an error is named by what is the matter: StoreAway, Fenced)

from calllog.errors import HoldfastError


class StoreAway(HoldfastError):
    """Redis cannot be reached, does not answer in time, or may not write. Nothing is known to be lost.

    The operation may have been applied although its answer was lost; doing it again does no harm.
    """

    reason = "store-away"


class Fenced(HoldfastError):
    """The call (or the worker's name) belongs to somebody else by now: stop acting for it."""

    reason = "fenced"


class StoreFault(HoldfastError):
    """Redis refused an operation, and waiting will not mend it: an error of ours or of its settings."""

    reason = "store-fault"


class UnknownAgent(HoldfastError):
    """No agent of that name is published."""

    reason = "unknown-agent"


class UnknownDevice(HoldfastError):
    """No device of that name is published."""

    reason = "unknown-device"


class UnknownCall(HoldfastError):
    """No such call is live."""

    reason = "unknown-call"


class UnknownQueue(HoldfastError):
    """No queue of that name is published."""

    reason = "unknown-queue"


class NotWaiting(HoldfastError):
    """The call is in no queue, or is being connected."""

    reason = "not-waiting"


class DeviceTaken(HoldfastError):
    """An agent who is on a call sits at that device."""

    reason = "device-taken"


class NotNow(HoldfastError):
    """What an agent asks for cannot be in the state he is in; the text says why."""

    reason = "not-now"
