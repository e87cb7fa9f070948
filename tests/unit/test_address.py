"""Where Redis is: the forms of URL that admins know from redis-py, read as it reads them."""

import pytest
from redis.asyncio.connection import parse_url

from queues.address import parse


@pytest.mark.parametrize(
    "url",
    [
        "unix:///data/run/redis.sock",
        "unix:///data/run/redis.sock?db=3",
        "unix://me:pass@/a%20b/redis.sock",
        "redis://localhost",
        "redis://10.0.0.1:6380/2",
        "redis://:s%40cret@redis:6379/0",
        "redis://me:secret@redis/1?db=4",
        "rediss://[::1]:7000",
    ],
)
def test_the_same_as_redis_py(url: str) -> None:
    theirs, ours = parse_url(url), parse(url)
    assert ours.path == theirs.get("path", "")
    assert ours.host == theirs.get("host", "localhost")
    assert ours.port == theirs.get("port", 6379)
    assert ours.username == (theirs.get("username") or "")
    assert ours.password == theirs.get("password", "")
    assert ours.db == theirs.get("db", 0)
    assert ours.tls == url.startswith("rediss")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "begins with"),
        ("localhost", "begins with"),
        ("http://localhost", "begins with"),
        ("redis://host:port/0", "Port"),
        ("redis://host/x", "invalid literal"),
    ],
)
def test_anything_else_is_refused(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(url)
