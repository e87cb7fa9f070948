"""Untrusted text and durations for people's eyes. Pure: no I/O.

A caller chooses his number and name, so they may hold newlines, terminal escapes or 4 kB of anything. What is
shown to people goes through here: one value stays one value on one line.
"""

import re

_PLAIN = re.compile(r"[\w+*#.,:;@/()&=%-]+(?: [\w+*#.,:;@/()&=%-]+)*")
_UNSEEN = re.compile(r"[^\x20-\x7e]")
LIMIT = 48
"""Characters of one value that are shown; nobody's number or name is longer."""


def printable(text: str, limit: int = LIMIT) -> str:
    """The text on one line: the unseen is escaped, what is odd is quoted, what is too long is cut."""
    shown = text[:limit]
    if shown and not (_PLAIN.fullmatch(shown) and shown.isprintable()):
        shown = '"' + escaped(shown.replace("\\", "\\\\").replace('"', '\\"')) + '"'
    return shown if len(text) <= limit else f"{shown}… ({len(text)} characters)"


def escaped(text: str) -> str:
    """A sentence of ours that may quote untrusted text: only what cannot be seen is escaped."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def spaced(word: str) -> str:
    """A word of the log, as people write it."""
    return word.replace("_", " ")


def printable_json(text: str) -> str:
    """JSON in which every character that a terminal might obey is escaped; it means the same."""
    return _UNSEEN.sub(lambda found: _json_escape(found[0]), text)


def duration(ms: float) -> str:
    """A duration in words: `840 ms`, `3.2 s`, `2 min 05 s`, `1 h 02 min`."""
    if ms < 1000:
        return f"{ms:.0f} ms" if ms else "0 s"
    if ms < 59_950:
        return f"{ms / 1000:.1f} s"
    seconds = round(ms / 1000)
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _json_escape(char: str) -> str:
    if char.isprintable():
        return char
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
