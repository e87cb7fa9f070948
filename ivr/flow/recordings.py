"""The recorded prompts of a directory: which there are, in which language, and whether they can be played."""

import hashlib
import re
import wave
from pathlib import Path

from ivr.flow.document import Place, Problem
from ivr.flow.naming import LANGUAGE

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MAX_BYTES = 50_000_000
"""Largest sound file that is taken: 52 minutes."""


def read_prompts(directory: Path, problems: list[Problem]) -> dict[str, dict[str, str]]:
    """Language → prompt → SHA-256 of `prompts/<language>/<prompt>.wav`. Unplayable ones are in `problems`."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(directory.glob("prompts/*/*.wav")):
        name = f"prompts/{path.parent.name}/{path.name}"
        if not LANGUAGE.fullmatch(path.parent.name):
            text = f"`{path.parent.name}` is no language"
            problems.append(Problem(Place(name), text, "use its code, such as `en` or `pt-br`"))
        if not NAME.fullmatch(path.stem):
            text = "a prompt's file is named with a-z, 0-9, - and _, at most 40 characters"
            problems.append(Problem(Place(name), text))
        try:
            found.setdefault(path.parent.name, {})[path.stem] = _sha(path, name, problems)
        except OSError as error:
            problems.append(Problem(Place(name), f"cannot be read: {error.strerror}"))
    return found


def _sha(path: Path, name: str, problems: list[Problem]) -> str:
    if not path.is_file():
        raise FileNotFoundError(0, "is no file")
    if path.stat().st_size > MAX_BYTES:
        problems.append(Problem(Place(name), f"is larger than {MAX_BYTES // 1_000_000} MB"))
        return ""
    hint = "convert it: `sox OLD.wav -r 8000 -c 1 -b 16 NEW.wav`"
    try:
        with wave.open(str(path), "rb") as sound:
            form = (sound.getframerate(), sound.getnchannels(), 8 * sound.getsampwidth())
            silent = sound.getnframes() == 0
    except (wave.Error, EOFError) as error:
        problems.append(Problem(Place(name), f"is no WAV file of plain samples: {error}", hint))
        return ""
    if form != (8000, 1, 16):
        text = "is {} Hz, {} channel(s), {} bit; calls need 8000 Hz, 1 channel, 16 bit".format(*form)
        problems.append(Problem(Place(name), text, hint))
    elif silent:
        problems.append(Problem(Place(name), "has no sound in it"))
    return hashlib.sha256(path.read_bytes()).hexdigest()
