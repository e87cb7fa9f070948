"""What upgrades and edits leave behind is cleared, and nothing that somebody may still use."""

import os
import time
from pathlib import Path

from ivr.clearing import Clearing
from ivr.publish import Versions
from ivr.recordings import Recordings
from ivr.speech import Speech
from queues.operations import Operations
from tests.queues.desk import Desk, Post
from tests.queues.redis_process import RedisProcess
from tests.unit.flow.small_company import build

OLD, OTHER = "holdfast_0123456789ab", "holdfast_ba9876543210"
FOREIGN = "somebody_elses"


def plant(redis: RedisProcess, *libraries: str) -> None:
    for name in libraries:
        redis.client().function_load(
            f"#!lua name={name}\nredis.register_function('{name}_f', function() return 1 end)", replace=True
        )


def libraries(redis: RedisProcess) -> set[str]:
    client = redis.client()
    listed: list[list[str]] = client.function_list()
    return {dict(zip(entry[::2], entry[1::2], strict=True))["library_name"] for entry in listed}


def name_of(post: Post) -> str:
    operations: Operations = post.store.operations
    return operations.library.name


async def clear(post: Post, folder: Path) -> None:
    await Clearing(
        post.store, Versions(folder / "data"), Speech(folder / "speech"), Recordings(folder), 90
    ).clear()


async def test_a_library_goes_when_no_live_worker_uses_it(mortal_desk: Desk, tmp_path: Path) -> None:
    redis, post = mortal_desk.redis, mortal_desk.post()
    await post.checkpoint.enlist("hf-1")
    plant(redis, OLD, FOREIGN)
    await clear(post, tmp_path)
    assert libraries(redis) == {name_of(post), FOREIGN}
    assert await post.arrive("pbx-1.1"), "ours still works"


async def test_a_live_worker_of_the_old_release_keeps_its_library_until_its_lease_ends(
    mortal_desk: Desk, tmp_path: Path
) -> None:
    redis, post = mortal_desk.redis, mortal_desk.post()
    await post.checkpoint.enlist("hf-1")
    await post.checkpoint.enlist("hf-2")
    redis.client().hset("{mortal}:process:hf-2", "library", OLD)
    plant(redis, OLD, OTHER)
    await clear(post, tmp_path)
    assert libraries(redis) == {name_of(post), OLD}
    redis.client().delete("{mortal}:lease:hf-2")
    await clear(post, tmp_path)
    assert libraries(redis) == {name_of(post)}


async def test_a_worker_that_does_not_tell_its_library_keeps_all(mortal_desk: Desk, tmp_path: Path) -> None:
    redis, post = mortal_desk.redis, mortal_desk.post()
    await post.checkpoint.enlist("hf-1")
    await post.checkpoint.enlist("hf-2")
    redis.client().hdel("{mortal}:process:hf-2", "library")
    plant(redis, OLD)
    await clear(post, tmp_path)
    assert libraries(redis) == {name_of(post), OLD}


async def test_workers_of_other_sites_count(mortal_desk: Desk, tmp_path: Path) -> None:
    redis, post = mortal_desk.redis, mortal_desk.post()
    await post.checkpoint.enlist("hf-1")
    redis.client().hset("{berlin}:workers", "hf-1", 1)
    redis.client().hset("{berlin}:process:hf-1", "library", OLD)
    redis.client().set("{berlin}:lease:hf-1", 1)
    plant(redis, OLD, OTHER)
    await clear(post, tmp_path)
    assert libraries(redis) == {name_of(post), OLD}


async def test_versions_of_live_calls_stay(mortal_desk: Desk, tmp_path: Path) -> None:
    redis, post = mortal_desk.redis, mortal_desk.post()
    await post.checkpoint.enlist("hf-1")
    await post.arrive("pbx-1.1")
    redis.client().hset("{mortal}:call:pbx-1.1", "version", 2)
    company, versions = build(tmp_path / "callflows"), Versions(tmp_path / "data")
    for number in range(1, 24):
        (company / "queues.yaml").write_text(f"queues:\n  sales:\n    title: Sales {number}\n")
        versions.publish(company, by="ann")
    redis.client().delete("{mortal}:lease:hf-1")  # its worker is dead: the call waits to be taken over
    await Clearing(post.store, versions, Speech(tmp_path / "speech"), Recordings(tmp_path), 90).clear()
    kept = {int(path.name) for path in (tmp_path / "data" / "versions").iterdir() if path.name.isdigit()}
    assert kept == {2, *range(4, 24)}


async def test_recordings_go_after_their_days(mortal_desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name, days in (("old", 91), ("young", 89)):
        (folder / f"{name}.wav").touch()
        os.utime(folder / f"{name}.wav", (time.time() - days * 86_400,) * 2)
    await clear(mortal_desk.post(), tmp_path)
    assert [path.name for path in folder.iterdir()] == ["young.wav"]
