"""PINs by which agents log in at any telephone: kept as a hash each, in a file that only its owner reads.

Not in `agents.yaml`: that is in versions, differences and editors. Not as they are: who reads a backup of the
secrets must not be able to sit down as somebody else. (A hash of six digits can be searched through in hours;
the file's mode is the first lock, this is the second.)
"""

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from ivr.secret import SecretUnfit, private

SHORTEST, LONGEST = 4, 12
_COST, _BLOCKS, _LANES = 2**14, 8, 1
"""Of scrypt (RFC 7914): 16 MiB and some 50 ms for each try."""
_RUNS = "01234567890123456789"


def give(directory: Path, agent: str, pin: str) -> Path:
    """Keep an agent's PIN; where. Raises SecretUnfit for what is none, or what anybody would try first."""
    if not re.fullmatch(rf"[0-9]{{{SHORTEST},{LONGEST}}}", pin):
        raise SecretUnfit(f"a PIN has {SHORTEST} to {LONGEST} digits")
    if len(set(pin)) == 1 or pin in _RUNS or pin[::-1] in _RUNS:
        raise SecretUnfit("that is the first one everybody would try")
    salt = secrets.token_bytes(16)
    path = _of(directory, agent)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{salt.hex()}:{_hash(pin, salt)}")
    fresh.rename(path)
    return path


def is_right(directory: Path, agent: str, pin: str) -> bool:
    """Whether that is the agent's PIN; takes as long if he has none. Raises SecretUnfit for a loose file."""
    salt, kept = "00", ""
    path = _of(directory, agent)
    if agent and path.exists():
        salt, _, kept = private(path).partition(":")
    return hmac.compare_digest(_hash(pin[: LONGEST + 1], bytes.fromhex(salt)), kept)


def _of(directory: Path, agent: str) -> Path:
    return directory / f"pin-{agent}"


def _hash(pin: str, salt: bytes) -> str:
    return hashlib.scrypt(pin.encode(), salt=salt, n=_COST, r=_BLOCKS, p=_LANES).hex()
