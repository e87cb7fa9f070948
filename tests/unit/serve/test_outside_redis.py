"""What is asked of a Redis that is not ours, by what redis-cli 8.0.6 prints of one."""

import time

import pytest

from ivr import outside_redis
from ivr.outside_redis import unfit
from ivr.runtime import Runtime
from tests.unit.serve.conftest import say

FIT = """\
# Server
redis_version:8.0.6
redis_mode:standalone
executable:/usr/bin/redis-server

# Replication
role:master
connected_slaves:0

# Persistence
loading:0
aof_enabled:1
aof_last_write_status:ok

# Memory
maxmemory:0
maxmemory_policy:noeviction

appendfsync
always
"""
DENIED = "NOPERM User ivr has no permissions to run the 'config|get' command"
OWN_URL = "redis://ivr:geheim@192.0.2.1:6379/0"


def test_one_that_keeps_everything_is_taken() -> None:
    assert unfit(FIT) == []


@pytest.mark.parametrize(
    ("old", "new", "told", "mend"),
    [
        ("redis_version:8.0.6", "redis_version:7.0.15", "is version 7.0.15", "upgrade it"),
        (
            "role:master",
            "role:slave\nmaster_host:192.0.2.9\nmaster_port:6379",
            "is a replica",
            "name its primary (192.0.2.9:6379)",
        ),
        ("aof_enabled:1", "aof_enabled:0", "no append-only file", "CONFIG SET appendonly yes"),
        ("write_status:ok", "write_status:err", "cannot write its append-only file", "disk full?"),
        ("always", "everysec", "appendfsync everysec", "CONFIG SET appendfsync always"),
        ("always", "no", "appendfsync no", "CONFIG SET appendfsync always"),
        ("appendfsync\nalways", DENIED, "does not tell its appendfsync", "`+config|get`"),
        (":noeviction", ":allkeys-lru", "maxmemory-policy allkeys-lru", "maxmemory-policy noeviction"),
        (":noeviction", ":volatile-ttl", "maxmemory-policy volatile-ttl", "maxmemory-policy noeviction"),
    ],
)
def test_whatever_could_lose_a_call_is_refused(old: str, new: str, told: str, mend: str) -> None:
    assert FIT.count(old) == 1
    (why,) = unfit(FIT.replace(old, new))
    assert told in why
    assert mend in why


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(unfit(FIT.replace("aof_enabled:1", "aof_enabled:0").replace("always", "no"))) == 2


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("NOAUTH Authentication required.", "refuses user or password (NOAUTH"),
        ("AUTH failed: WRONGPASS invalid username", "refuses user or password (AUTH failed: WRONGPASS"),
        ("Could not connect to Redis at 192.0.2.1:6379", "does not answer (Could not connect"),
        ("", "does not answer (it says nothing)"),
    ],
)
def test_one_that_does_not_let_us_in(runtime: Runtime, answer: str, complaint: str) -> None:
    say(runtime.root, "redis-cli", answer)
    (told,) = outside_redis.refusals(OWN_URL, runtime)
    assert complaint in told
    assert told.startswith("Redis at redis://192.0.2.1:6379/0 ")
    assert "geheim" not in told
    assert "HOLDFAST_REDIS_URL" in told


def test_one_that_takes_the_connection_and_says_nothing(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside_redis, "ANSWER_S", 0.2)
    hanging = runtime.root / "bin" / "redis-cli"
    hanging.write_text("#!/bin/sh\nexec sleep 30\n")
    hanging.chmod(0o755)
    begun = time.monotonic()
    (told,) = outside_redis.refusals(OWN_URL, runtime)
    assert "does not answer (nothing within 0 s)" in told
    assert time.monotonic() - begun < 5
