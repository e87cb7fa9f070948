"""Records on real Asterisk, and keeps it: `python -m tests.wire.record`, in name spaces like `make test`."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.wire.test_recordings import record


def main() -> None:
    with TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)  # Asterisk has a user of its own
        for recording in asyncio.run(record(directory)).values():
            recording.write()


if __name__ == "__main__":
    main()
