"""Passwords of this installation: generated at first start, one file each, readable by their owner only."""

import os
import secrets
from pathlib import Path

from calllog.errors import HoldfastError

# ruff: noqa: N818  (an error is named by what is the matter: SecretUnfit)


class SecretUnfit(HoldfastError):
    """A secret file that must not be used as it is; the text says why and what mends it."""


WELL_KNOWN = frozenset({"asterisk", "admin", "changeme", "default", "holdfast", "password", "secret", "1234"})
SHORTEST = 12
"""Characters below which a password can be guessed over the network."""


def keep(path: Path) -> str:
    """The password in `path`; made first (24 random bytes, mode 0600) when there is none.

    Raises SecretUnfit for a file that others can read or that holds an empty, short or well-known password.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read(path)
    with os.fdopen(fd, "w") as file:
        file.write(secrets.token_urlsafe(24))
    return read(path)


def read(path: Path) -> str:
    """The password in `path`. Raises SecretUnfit as `keep` does, FileNotFoundError when there is none."""
    if loose := path.stat().st_mode & 0o077:
        raise SecretUnfit(f"{path} can be used by others (mode has {loose:03o}): chmod 600 {path}")
    password = path.read_text().strip()
    if not password:
        raise SecretUnfit(f"{path} is empty: delete it and start again, a new password will be made")
    if password.lower() in WELL_KNOWN or len(password) < SHORTEST:
        raise SecretUnfit(
            f"{path} holds a well-known or short password (under {SHORTEST} characters): "
            "delete it and start again, a new one will be made"
        )
    if not password.isascii() or not password.isprintable() or any(mark in password for mark in ' ;\\"[]'):
        raise SecretUnfit(
            f"{path} holds characters that Asterisk's configuration cannot carry: use letters and digits"
        )
    return password
