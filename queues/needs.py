"""What a caller needs of the agent who serves him: `spanish >= 3 and not trainee`. Pure.

    need   := all { "or" all }          all   := one { "and" one }
    one    := "not" one | "(" need ")" | SKILL [ SIGN NUMBER ]
    SIGN   := >= > <= < == !=           NUMBER := 0 … 100

A skill that an agent does not have is at 0; a bare name means at least 1. A need is kept as alternatives,
each of conditions that must all hold, in one order: needs that mean the same by these rules are written
the same, and Lua need not know brackets (see `meets` in lua/lanes.lua).
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import product
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

MAX_LEVEL = 100
MAX_ALTERNATIVES = 16
"""More than any need that somebody can still read."""
MAX_LENGTH = 400
MAX_DEPTH = 10

SKILL = r"[a-z][a-z0-9_]{0,39}"
ANYONE = "anybody"
"""Written for no need at all."""
RESERVED = frozenset({"and", "or", "not", ANYONE})

_TOKEN = re.compile(
    rf"\s*(?:(?P<word>{SKILL})|(?P<level>[0-9]+)|(?P<sign>>=|<=|==|!=|>|<)|(?P<bracket>[()]))"
)
_OPPOSITE = {">=": "<", "<": ">=", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}
_HOLDS: Mapping[str, Callable[[int, int], bool]] = {
    ">=": lambda level, asked: level >= asked,
    ">": lambda level, asked: level > asked,
    "<=": lambda level, asked: level <= asked,
    "<": lambda level, asked: level < asked,
    "==": lambda level, asked: level == asked,
    "!=": lambda level, asked: level != asked,
}


class Misread(ValueError):  # noqa: N818  (an error is named by what is the matter)
    """A need that cannot be read. `at`: where in the text, from 0."""

    def __init__(self, text: str, at: int, hint: str = "") -> None:
        super().__init__(text)
        self.at = at
        self.hint = hint


class Condition(NamedTuple):
    """One skill compared with a level."""

    skill: str
    sign: str
    level: int

    def __str__(self) -> str:
        if (self.sign, self.level) == (">=", 1):
            return self.skill
        if (self.sign, self.level) == ("<", 1):
            return f"not {self.skill}"
        return f"{self.skill} {self.sign} {self.level}"

    def opposite(self) -> "Condition":
        return self._replace(sign=_OPPOSITE[self.sign])

    def met_by(self, skills: Mapping[str, int]) -> bool:
        return _HOLDS[self.sign](skills.get(self.skill, 0), self.level)


All = frozenset[Condition]
Need = frozenset[All]
"""Alternatives. One without conditions: everybody meets it."""

ANYBODY: Need = frozenset({frozenset()})


@lru_cache(maxsize=1000)
def parse(text: str) -> Need:
    """A need as it is written; `anybody` or an empty text needs nothing. Raises `Misread`."""
    if text.strip() in ("", ANYONE):
        return ANYBODY
    return _Reader(text).read()


def canonical(text: str) -> str:
    """The need in the one form in which Redis and the log keep it. Raises `Misread`."""
    alternatives = parse(text)
    written = {" and ".join(sorted(map(str, conditions))) for conditions in alternatives}
    return "" if "" in written else " or ".join(sorted(written))


def meets(need: str, skills: Mapping[str, int]) -> bool:
    """Whether an agent with these skills may serve. Raises `Misread`."""
    return any(all(one.met_by(skills) for one in conditions) for conditions in parse(need))


def skills_in(text: str) -> dict[str, int]:
    """Skill → where in the text it is named first. Raises `Misread`."""
    parse(text)
    found: dict[str, int] = {}
    for match in _TOKEN.finditer(text):
        if match["word"] and match["word"] not in RESERVED:
            found.setdefault(match["word"], match.start("word"))
    return found


class _Reader:
    """Reads one need."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise Misread(f"is longer than {MAX_LENGTH} characters", MAX_LENGTH)
        self._text = text
        self._at = 0
        self._depth = 0

    def read(self) -> Need:
        need = self._any()
        match = self._next()
        if match is not None:
            raise Misread(
                f"`{match[0].strip()}` cannot stand here",
                self._place(match),
                "`and` or `or` goes between conditions",
            )
        return need

    def _next(self) -> re.Match[str] | None:
        if not self._text[self._at :].strip():
            return None
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            at = len(self._text) - len(self._text[self._at :].lstrip())
            raise Misread(
                f"`{self._text[at]}` cannot stand here", at, "write skills as `spanish >= 3 and not trainee`"
            )
        return match

    def _place(self, match: re.Match[str]) -> int:
        return match.start(match.lastgroup or 0)

    def _word(self, word: str) -> bool:
        match = self._next()
        if match is None or match["word"] != word:
            return False
        self._at = match.end()
        return True

    def _any(self) -> Need:
        need = self._all()
        while self._word("or"):
            need = self._small(need | self._all())
        return need

    def _all(self) -> Need:
        need = self._one()
        while self._word("and"):
            need = self._both(need, self._one())
        return need

    def _both(self, one: Need, other: Need) -> Need:
        return self._small(frozenset(a | b for a, b in product(one, other)))

    def _small(self, need: Need) -> Need:
        if len(need) > MAX_ALTERNATIVES:
            raise Misread(f"has more than {MAX_ALTERNATIVES} alternatives", 0, "say it with fewer `or`")
        return need

    def _one(self) -> Need:
        if self._word("not"):
            return self._opposite(self._one())
        match = self._next()
        if match is None:
            raise Misread(
                "a skill is missing at the end", len(self._text), "write a skill, such as `spanish >= 3`"
            )
        if match["bracket"] == "(":
            return self._bracketed(match)
        if not match["word"] or match["word"] in RESERVED:
            raise Misread(
                f"`{match[0].strip()}` stands where a skill must be",
                self._place(match),
                "write a skill, such as `spanish >= 3`",
            )
        self._at = match.end()
        return frozenset({frozenset({self._compared(match["word"])})})

    def _bracketed(self, opened: re.Match[str]) -> Need:
        self._at = opened.end()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Misread(f"has more than {MAX_DEPTH} brackets in each other", self._place(opened))
        need = self._any()
        self._depth -= 1
        match = self._next()
        if match is None or match["bracket"] != ")":
            raise Misread("this bracket is not closed", self._place(opened), "write `)` behind it")
        self._at = match.end()
        return need

    def _compared(self, skill: str) -> Condition:
        match = self._next()
        if match is None or not match["sign"]:
            return Condition(skill, ">=", 1)
        self._at = match.end()
        level = self._next()
        if level is None or not level["level"] or int(level["level"]) > MAX_LEVEL:
            at = self._place(level) if level else len(self._text)
            raise Misread(f"a level from 0 to {MAX_LEVEL} must follow `{match['sign']}`", at)
        self._at = level.end()
        return Condition(skill, match["sign"], int(level["level"]))

    def _opposite(self, need: Need) -> Need:
        """Not (a and b, or c) is (not a or not b) and not c."""
        opposite = ANYBODY
        for conditions in need:
            opposite = self._both(opposite, frozenset(frozenset({one.opposite()}) for one in conditions))
        return opposite


def _readable(text: str) -> str:
    try:
        canonical(text)
    except Misread as error:
        raise Misread(f"`needs`: {error}", error.at, error.hint) from None
    return text


Needs = Annotated[str, Field(max_length=MAX_LENGTH), AfterValidator(_readable)]
"""A field for a need, kept as it is written."""
