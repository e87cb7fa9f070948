"""Each Lua file says what it is, and keys are written down in one place."""

import re
from pathlib import Path

import pytest

from queues import keys, scripts
from tests.queues.redis_process import RedisProcess
from tests.queues.soak import walk

FOLDER = Path(scripts.__file__).parent / "lua"


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.lua")), ids=lambda file: file.stem)
def test_its_head_tells_what_it_does(file: Path) -> None:
    first = file.read_text().splitlines()[0]
    if file.stem in scripts.LIBRARIES:
        assert first.startswith("-- Library: ")
        return
    assert first.startswith(f"-- {file.stem}: ")
    head = "".join(line for line in file.read_text().splitlines() if line.startswith("--"))
    assert "Result: " in head or "Answers " in head
    assert "own: " in head if file.stem in scripts.OPERATIONS else "KEYS[1]" in head


def test_every_file_is_used() -> None:
    assert {file.stem for file in FOLDER.glob("*.lua")} == {*scripts.LIBRARIES, *scripts.FUNCTIONS}


async def test_every_key_is_written_down(redis: RedisProcess, tmp_path: Path) -> None:
    await walk(redis, tmp_path, seed=3, steps=600, episode=600, site="keys")
    listed = set(re.findall(r"^\| ([a-z-]+)(?::[A-Z]+)? \|", keys.__doc__ or "", re.MULTILINE))
    seen = {key.partition("}:")[2].partition(":")[0] for key in redis.client().scan_iter("{keys3-0}:*")}
    assert seen
    assert seen <= listed
