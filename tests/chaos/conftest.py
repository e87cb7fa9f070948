"""What gets killed: a server of the test's own, in name spaces of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.live.stage import Stage, make_callflows
from tests.rig.server import Server, alone_in_network


@pytest.fixture(autouse=True, scope="session")
def alone() -> None:
    """Nothing but the test's own is in reach."""
    if not alone_in_network():
        pytest.fail("chaos wants name spaces of its own: make test")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    sounds = make_callflows(tmp_path / "callflows")
    async with Server(tmp_path / "callflows") as server:
        yield Stage(server, sounds)
