"""Names: the form of a language's, and the nearest valid one for one that was misspelt."""

# ruff: noqa: N818  (an error is named by what is the matter: Misnamed)

import re
from collections.abc import Iterable
from difflib import get_close_matches

LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})?")
"""Code of a language, such as `en` or `pt-br`."""


class Misnamed(ValueError):
    """A field's text that makes no sense; `hint` is what would (may be empty)."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


def closest(name: str, valid: list[str]) -> str | None:
    """The valid name that `name` was probably meant to be."""
    return next(iter(get_close_matches(name, valid, n=1, cutoff=0.6)), None)


def nearest(name: str, valid: Iterable[str]) -> str:
    """A hint: the valid name nearest to `name`, or else the first dozen; empty when there is none."""
    names = sorted(valid)
    close = closest(name, names)
    if close is not None:
        return f"did you mean `{close}`?"
    if not names:
        return ""
    shown = ", ".join(f"`{each}`" for each in names[:12])
    return f"one of {shown}" + (" …" if len(names) > 12 else "")
