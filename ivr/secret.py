"""Passwords of this installation: one file each, readable by their owner only.

Ours are generated at the first start; those for telephone companies are given to us.
"""

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


def of_trunk(secrets: Path, name: str) -> Path:
    """The file for the password that a telephone company has given us for a trunk."""
    return secrets / f"trunk-{name}"


def give(path: Path, password: str) -> None:
    """Keep a password that somebody else has chosen, readable by its owner only. Raises SecretUnfit."""
    _carried(path, password)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password)
    fresh.rename(path)


def given(path: Path) -> str:
    """The password in `path` that somebody else has chosen, which may be short. Raises SecretUnfit."""
    password = private(path)
    _carried(path, password)
    return password


def _carried(path: Path, password: str) -> None:
    """Asterisk's configuration must be able to carry it; the password itself is in no error."""
    if not password:
        raise SecretUnfit(f"{path} is empty")
    if not password.isascii() or not password.isprintable() or " " in password or "\\" in password:
        raise SecretUnfit(
            f"{path} would hold characters that Asterisk's configuration cannot carry: blanks, backslashes, "
            "or what is not ASCII; have the telephone company give you another password"
        )


def private(path: Path) -> str:
    """What is in a file that only its owner reads. Raises SecretUnfit if others can."""
    if loose := path.stat().st_mode & 0o077:
        raise SecretUnfit(f"{path} can be used by others (mode has {loose:03o}): chmod 600 {path}")
    return path.read_text().strip()


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
    password = private(path)
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
