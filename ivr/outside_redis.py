"""Whether a Redis of somebody else's may keep our calls: it must lose nothing that it has acknowledged."""

import os
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from ivr.runtime import REDIS_OLDEST, Runtime, dotted

QUESTIONS = "INFO server\nINFO replication\nINFO persistence\nINFO memory\nCONFIG GET appendfsync\n"
ANSWER_S = 3.0
"""A Redis that takes longer to tell this would not keep up with calls either."""
KEEP = "and CONFIG REWRITE, so that it stays so"


def refusals(url: str, runtime: Runtime) -> list[str]:
    """Why the Redis at `url` must not be used, each with what mends it. No password is shown."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    shown = f"Redis at {urlsplit(url)._replace(netloc=host).geturl()}"
    try:
        said = _ask(url, runtime)
    except subprocess.TimeoutExpired:
        said = f"nothing within {ANSWER_S:.0f} s"
    return [f"{shown} {why}" for why in unfit(said)]


def unfit(said: str) -> list[str]:
    """The same from what redis-cli printed for `QUESTIONS`."""
    lines = said.splitlines()
    facts = {name: value for name, colon, value in (line.partition(":") for line in lines) if colon}
    if "redis_version" not in facts:
        why = next(filter(None, map(str.strip, lines)), "it says nothing")
        if "WRONGPASS" in said or "NOAUTH" in said:
            return [f"refuses user or password ({why}): mend HOLDFAST_REDIS_URL"]
        return [f"does not answer ({why}): start it, or unset HOLDFAST_REDIS_URL to have one started here"]
    return [*_unfit(facts, _appendfsync(lines), said)]


def _unfit(facts: dict[str, str], appendfsync: str, said: str) -> Iterator[str]:
    version = tuple(int(part) for part in facts["redis_version"].split(".")[:3])
    if version < REDIS_OLDEST:
        yield f"is version {dotted(version)}: {dotted(REDIS_OLDEST)} or newer is needed, upgrade it"
    if facts.get("role") != "master":
        primary = ":".join(facts.get(name, "?") for name in ("master_host", "master_port"))
        yield f"is a replica and takes no writes: name its primary ({primary}) in HOLDFAST_REDIS_URL"
    if facts.get("aof_enabled") != "1":
        yield f"has no append-only file and would forget calls: CONFIG SET appendonly yes, {KEEP}"
    elif facts.get("aof_last_write_status") != "ok":
        yield "cannot write its append-only file: see its log; is its disk full?"
    if not appendfsync:
        denied = next((line for line in said.splitlines() if "NOPERM" in line or "ERR" in line), "no answer")
        yield f"does not tell its appendfsync ({denied}): allow this user `+config|get`"
    elif appendfsync != "always":
        yield f"may forget its last second (appendfsync {appendfsync}): CONFIG SET appendfsync always, {KEEP}"
    policy = facts.get("maxmemory_policy", "unknown")
    if policy != "noeviction":
        yield (
            f"may throw calls away when memory is short (maxmemory-policy {policy}): "
            f"CONFIG SET maxmemory-policy noeviction, {KEEP}"
        )


def _appendfsync(lines: list[str]) -> str:
    """The value follows its name on the next line."""
    return next((value for name, value in pairwise(lines) if name == "appendfsync"), "")


def _ask(url: str, runtime: Runtime) -> str:
    """What redis-cli prints. The password goes by environment: others see a process' arguments."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        command = [*runtime.mounted(Path(parts.path).parent), *runtime.enter(), "redis-cli", "-s", parts.path]
    else:
        host = parts.netloc.rpartition("@")[2]
        named = f"{parts.username}@{host}" if parts.username else host
        command = [*runtime.enter(), "redis-cli", "-u", parts._replace(netloc=named).geturl()]
    password = {"REDISCLI_AUTH": parts.password} if parts.password else {}
    done = subprocess.run(
        command,
        input=QUESTIONS,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=ANSWER_S,
        env=os.environ | password,
    )
    return done.stdout
