"""How a service tells its supervisor that it serves: a line on a descriptor it was given, s6's own way."""

import os
from contextlib import suppress

DESCRIPTOR = 3
VARIABLE = "HOLDFAST_READY_FD"
"""Environment variable that names the descriptor; not set when nobody listens."""


def tell() -> None:
    """Tell it. Harmless when it was told before, or when nobody listens."""
    descriptor = os.environ.pop(VARIABLE, "")
    if descriptor:
        with suppress(OSError):  # a supervisor that was killed listens no more
            os.write(int(descriptor), b"\n")
            os.close(int(descriptor))
