"""Patterns of digits, as Asterisk's dialplan writes them: `0[1-9]XX`, `49X.`. Matching time is linear."""

import re
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

_CHOICE = re.compile(r"\[(?:\d-\d|\d)+\]")
_ATOMS = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", "*": r"\*"} | {key: key for key in "0123456789#"}
WAYS = "write digits, X (any digit), Z (1-9), N (2-9), a choice like [13-5], at the end . (whatever follows)"


def fits(digits: str, patterns: tuple[str, ...]) -> bool:
    """Whether the digits are what one of the patterns describes."""
    return any(re.fullmatch(expression(pattern), digits) for pattern in patterns)


@lru_cache(maxsize=1024)
def expression(pattern: str) -> str:
    """The pattern as a regular expression, without nested repetition. Raises ValueError in plain words."""
    made, at = "", 0
    while at < len(pattern):
        choice = _CHOICE.match(pattern, at)
        if choice:
            made += choice[0]
        elif pattern[at] == "." and made and at == len(pattern) - 1:
            made += "[0-9*#]+"
        elif pattern[at].upper() in _ATOMS:
            made += _ATOMS[pattern[at].upper()]
        else:
            raise ValueError(f"`{pattern}` is no pattern of digits: {WAYS}")
        at = choice.end() if choice else at + 1
    try:
        re.compile(made)
    except re.error:
        raise ValueError(f"`{pattern}`: in a choice the smaller digit stands first, as in [3-5]") from None
    return made


def _checked(pattern: str) -> str:
    expression(pattern)
    return pattern


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Pattern = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_checked)]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_listed), Field(min_length=1, max_length=50)]
"""Patterns of which one must fit; one may be written without a list."""
