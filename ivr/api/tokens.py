"""Tokens of those who may ask: kept as a hash each, in a file that only its owner reads.

A token is `hf_ID_SECRET`. The secret has 256 random bits, so that a fast hash (SHA-256) is enough: there is
nothing to be guessed. The file `token-ID` in the directory of secrets is one line,
`sha256:HASH:ROLE:full|redacted:CREATED_MS:NAME`, and is all there is: who removes it has revoked the token.
"""

import hashlib
import hmac
import os
import re
import secrets
import time
from pathlib import Path
from typing import NamedTuple, cast, get_args

from ivr.api.models import Role
from ivr.secret import SecretUnfit, private

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_TOKEN = re.compile(r"hf_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")
SETTLED_NS = 1_000_000_000
"""A directory that has changed just now may change again without a later time of change."""
_NONE = hashlib.sha256(b"").hexdigest()


class Token(NamedTuple):
    """What is known of a token. `redacted`: no personal data for it."""

    id: str
    name: str
    role: Role
    redacted: bool
    created_at: int
    digest: str

    @property
    def may_act(self) -> bool:
        """Whether it is good for more than looking."""
        return self.role == "supervisor"


LOCAL = Token("local", "local", "supervisor", False, 0, "")
"""Who comes by our Unix socket: its mode lets nobody but this server's own user in."""


def create(directory: Path, name: str, role: Role, redacted: bool) -> tuple[Token, str]:
    """A new token, and its text, which is nowhere else. Raises SecretUnfit for a name that is none."""
    if not NAME.fullmatch(name):
        raise SecretUnfit("the name of a token has letters, digits, - _ and ., at most 40 characters")
    if any(token.name == name for token in every(directory)):
        raise SecretUnfit(f"there is a token called {name}: revoke it first, or take another name")
    ident, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    token = Token(ident, name, role, redacted, int(time.time() * 1000), _digest(secret))
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = f"sha256:{token.digest}:{role}:{'redacted' if redacted else 'full'}:{token.created_at}:{name}"
    fresh = directory / f".token-{ident}.new"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(kept)
    fresh.rename(directory / f"token-{ident}")
    return token, f"hf_{ident}_{secret}"


def every(directory: Path) -> list[Token]:
    """All tokens, the oldest first. Raises SecretUnfit for a file that is loose or broken."""
    found = [_read(path) for path in directory.glob("token-*")]
    return sorted(found, key=lambda token: (token.created_at, token.id))


def revoke(directory: Path, which: str) -> list[Token]:
    """Take back the token of that id or name; which those were, none if there is none."""
    gone = [token for token in every(directory) if which in (token.id, token.name)]
    for token in gone:
        (directory / f"token-{token.id}").unlink(missing_ok=True)
    return gone


class Tokens:
    """The tokens as a server sees them; a new one, and one that is taken back, count at once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[str, Token] = {}
        self._seen = -1

    def of(self, text: str) -> Token | None:
        """Whose token that is; it takes as long for a wrong one. Raises SecretUnfit."""
        found = _TOKEN.fullmatch(text)
        ident, secret = found.groups() if found else ("", "")
        token = self._all().get(ident)
        right = hmac.compare_digest(_digest(secret), token.digest if token else _NONE)
        return token if token and right and found else None

    def holds(self, token: Token) -> bool:
        """Whether it still counts."""
        return token == LOCAL or self._all().get(token.id) == token

    def _all(self) -> dict[str, Token]:
        try:
            seen = self._directory.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        if seen != self._seen or time.time_ns() - seen < SETTLED_NS:
            self._known = {token.id: token for token in every(self._directory)}
            self._seen = seen
        return self._known


def id_of(text: str) -> str:
    """Which token somebody says he has; empty if that is none."""
    found = _TOKEN.fullmatch(text)
    return found[1] if found else ""


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _read(path: Path) -> Token:
    parts = private(path).split(":")
    if len(parts) != 6 or parts[0] != "sha256" or parts[2] not in get_args(Role) or not parts[4].isdecimal():
        raise SecretUnfit(f"{path} is no token: delete it, and make another by `holdfast token create`")
    _, digest, role, sight, created_at, name = parts
    ident = path.name.removeprefix("token-")
    return Token(ident, name, cast(Role, role), sight != "full", int(created_at), digest)
