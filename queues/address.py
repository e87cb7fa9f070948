"""Where Redis is, by its URL, in the forms of redis-py.

Parsed here because importing that client takes 0.2 s of CPU, and a killed worker must be back at once.
"""

from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

PORT = 6379


class Address(NamedTuple):
    """A Redis. `path`: its Unix socket; empty: `host` and `port` count. `password` empty: none."""

    path: str
    host: str
    port: int
    username: str
    password: str
    db: int
    tls: bool


def parse(url: str) -> Address:
    """`unix://[user[:password]@]/path[?db=N]`, `redis://[[user]:password@]host[:port][/N]`, `rediss://…`.

    `db`, `username` and `password` may be given behind `?` as well. Raises ValueError for another form.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("unix", "redis", "rediss"):
        raise ValueError("a Redis URL begins with unix://, redis:// or rediss://")
    path = unquote(parts.path)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    unix = parts.scheme == "unix"
    number = query.get("db") or ("" if unix else path.strip("/")) or "0"
    return Address(
        path=path if unix else "",
        host=parts.hostname or "localhost",
        port=parts.port or PORT,
        username=query.get("username") or unquote(parts.username or ""),
        password=query.get("password") or unquote(parts.password or ""),
        db=int(number),
        tls=parts.scheme == "rediss",
    )
