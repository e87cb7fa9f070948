"""Names: the form of a language's, and the nearest valid one for one that was misspelt."""

# ruff: noqa: N818  (an error is named by what is the matter: Misnamed)

import re
from collections.abc import Collection, Iterable
from contextvars import ContextVar
from difflib import get_close_matches

LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})?")
"""Code of a language, such as `en` or `pt-br`."""
MOST_COMPARED = 50_000
"""So many names are compared in one check, a third of a second: nobody needs hints for more mistakes."""
LONGEST = 100
"""Longer names are not compared."""

_left: ContextVar[int] = ContextVar("_left", default=MOST_COMPARED)


class Misnamed(ValueError):
    """A field's text that makes no sense; `hint` is what would (may be empty)."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


def begin_comparing() -> None:
    """A check begins: hints are found again."""
    _left.set(MOST_COMPARED)


def closest(name: str, valid: Collection[str]) -> str | None:
    """The valid name that `name` was probably meant to be; None, too, if enough was compared."""
    if len(name) > LONGEST or not _may_compare(len(valid)):
        return None
    return next(iter(get_close_matches(name, valid, n=1, cutoff=0.6)), None)


def _may_compare(count: int) -> bool:
    left = _left.get()
    if count <= left:
        _left.set(left - count)
    return count <= left


def nearest(name: str, valid: Iterable[str]) -> str:
    """A hint: the valid name nearest to `name`, or else the first dozen; empty when there is none."""
    known = valid if isinstance(valid, Collection) else list(valid)
    if not known or len(known) > _left.get():
        return ""
    names = sorted(known)
    close = closest(name, names)
    if close is not None:
        return f"did you mean `{close}`?"
    shown = ", ".join(f"`{each}`" for each in names[:12])
    return f"one of {shown}" + (" …" if len(names) > 12 else "")
