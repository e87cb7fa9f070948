"""How a service tells its supervisor that it serves: a line on a descriptor it was given, s6's own way.

And how it asks whether it is started again.
"""

import os
import subprocess
from contextlib import suppress

DESCRIPTOR = 3
VARIABLE = "HOLDFAST_READY_FD"
"""Environment variable that names the descriptor; not set when nobody listens."""
ANSWER_S = 2.0
"""How long the supervisor's answer may take."""


def tell() -> None:
    """Tell it. Harmless when it was told before, or when nobody listens."""
    descriptor = os.environ.pop(VARIABLE, "")
    if descriptor:
        with suppress(OSError):  # a supervisor that was killed listens no more
            os.write(int(descriptor), b"\n")
            os.close(int(descriptor))


def comes_back() -> bool:
    """Whether the supervisor starts this service again when it ends: it was told to stop, not to stay away.

    A service begins in its own directory. May take a few ms; no supervisor, no return.
    """
    ask = ["s6-svstat", "-o", "wantedup", "."]
    try:
        said = subprocess.run(ask, capture_output=True, text=True, check=False, timeout=ANSWER_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.stdout.strip() == "true"
