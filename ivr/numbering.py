"""Numbers that callers dial, as people write them. Of several entries that fit, the narrowest counts.

`+49 30 901820`: that number, however the telephone company writes it. `+49 30 901800 to 901849`: fifty,
of the last only its end is needed. `+49 30 9018XX`: a hundred, as a pattern of digits.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Generic, TypeVar

import phonenumbers

from ivr.flow.naming import Misnamed
from ivr.flow.pattern import expression

Found = TypeVar("Found")

MAX_RANGE = 100_000
"""More numbers than any block that one company has."""
LONGEST = 20
"""Digits that a number with `.` behind it may have at most, for counting."""
WAYS = "write a number such as `+49 30 901820`, a range `100 to 149`, or a pattern `+49 30 9018XX`"

_MARKS = re.compile(r"(\[[^]]*\])|[ \u00a0()/-]")
_PLAIN = re.compile(r"\+?[0-9]{1,20}|[0-9*#]{1,20}")
_CHOICES = {"X": 10, "Z": 9, "N": 8}


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody has written. `size`: how many numbers it stands for; 1: one."""

    written: str
    size: int
    first: str
    """The number, or the first of a range; of a pattern its text."""
    last: str = ""
    """The last of a range."""
    shape: re.Pattern[str] | None = None

    def fits(self, number: str) -> bool:
        """Whether it stands for this number, in our form."""
        if self.shape is not None:
            return self.shape.fullmatch(number) is not None
        return len(number) == len(self.first) and self.first <= number <= (self.last or self.first)

    def clashes(self, other: "Entry") -> bool:
        """Whether a number can be meant by both, and neither is narrower."""
        if self.size != other.size:
            return False
        if self.size == 1:
            return self.first == other.first
        if self.shape is not None and other.shape is not None:
            return _overlap(_places(self.first), _places(other.first))
        if self.shape is not None:
            return other.clashes(self)
        if other.shape is None:
            return len(self.first) == len(other.first) and max(self.first, other.first) <= min(
                self.last, other.last
            )
        width = len(self.first)
        numbers = range(int(self.first), int(self.last) + 1)
        return any(other.fits(f"{number:0{width}}") for number in numbers)


def _plain(written: str) -> str:
    """Without what people put between digits; a choice in brackets stays as it is."""
    return _MARKS.sub(lambda mark: mark[1] or "", written)


def our_form(written: str, country: str | None = None) -> str:
    """A number as digits without `+`: in full if it has one, or if it is valid in the country."""
    plain = _plain(written.replace("(0)", "") if written.strip().startswith("+") else written)
    if plain.startswith("+") or (country is not None and plain.isdigit()):
        try:
            parsed = phonenumbers.parse(plain, country)
        except phonenumbers.NumberParseException:
            return plain.removeprefix("+")
        if plain.startswith("+") or phonenumbers.is_valid_number(parsed):
            return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
    return plain.removeprefix("+")


def read_entry(written: str, country: str | None = None) -> Entry:
    """What an admin has written. Raises `Misnamed`."""
    first, to, last = (part.strip() for part in written.partition(" to "))
    plain = _plain(first)
    if to:
        return _range(written, our_form(first, country), _plain(last))
    if _PLAIN.fullmatch(plain):
        return Entry(written, 1, our_form(first, country))
    try:
        shape = re.compile(expression(plain.removeprefix("+")))
    except ValueError:
        raise Misnamed(f"`{written[:40]}` is no number", WAYS) from None
    places = _places(plain.removeprefix("+"))
    if len(places) > LONGEST:
        raise Misnamed(f"`{written[:40]}` has more than {LONGEST} digits", WAYS)
    size = prod(map(len, places))
    return Entry(written, size, plain.removeprefix("+"), shape=shape)


def _range(written: str, first: str, last: str) -> Entry:
    last = last.removeprefix("+")
    if not (first.isdigit() and last.isdigit() and len(last) <= len(first)):
        raise Misnamed(f"`{written[:40]}` is no range of numbers", WAYS)
    last = first[: len(first) - len(last)] + last
    size = int(last) - int(first) + 1
    if size < 1:
        raise Misnamed(f"`{written[:40]}` ends before it begins", WAYS)
    if size > MAX_RANGE:
        raise Misnamed(f"`{written[:40]}` has more than {MAX_RANGE} numbers", WAYS)
    return Entry(written, size, first, last)


def _places(pattern: str) -> list[str]:
    """Place by place the keys that may stand there; `.` is as many places as there can be."""
    places: list[str] = []
    for atom in re.findall(r"\[[^]]*\]|.", pattern):
        match atom.upper():
            case "X" | "Z" | "N":
                places.append("0123456789"[10 - _CHOICES[atom.upper()] :])
            case ".":
                places += ["0123456789*#"] * max(1, LONGEST - len(places))
            case _ if atom[0] == "[":
                places.append("".join(key for key in "0123456789" if re.fullmatch(atom, key)))
            case _:
                places.append(atom)
    return places


def _overlap(one: list[str], other: list[str]) -> bool:
    return len(one) == len(other) and all(set(a) & set(b) for a, b in zip(one, other, strict=True))


class Numbers(Mapping[str, Found], Generic[Found]):
    """What `numbers.yaml` says, by what is written there; each entry has passed `read_entry`."""

    def __init__(self, written: Mapping[str, Found], country: str | None = None) -> None:
        self._written = dict(written)
        self._country = country

    def __getitem__(self, written: str) -> Found:
        return self._written[written]

    def __iter__(self) -> Iterator[str]:
        return iter(self._written)

    def __len__(self) -> int:
        return len(self._written)

    @cached_property
    def _entries(self) -> tuple[dict[str, Entry], list[Entry]]:
        """Single numbers by our form; the rest, the narrowest first."""
        entries = [read_entry(written, self._country) for written in self._written]
        wide = sorted((entry for entry in entries if entry.size > 1), key=lambda entry: entry.size)
        return {entry.first: entry for entry in entries if entry.size == 1}, wide

    def entry(self, called: str) -> str | None:
        """What is written that stands for the number called; None: nothing does."""
        single, wide = self._entries
        forms = list(_forms(called, self._country))
        exact = (single[form].written for form in forms if form in single)
        return next(exact, None) or next(
            (entry.written for entry in wide if any(entry.fits(form) for form in forms)), None
        )

    def find(self, called: str) -> Found | None:
        """What is said of a number called, as a telephone company has sent it."""
        written = self.entry(called)
        return None if written is None else self._written[written]


def _forms(called: str, country: str | None) -> Iterator[str]:
    """A number called as it may be meant: as it was sent, in full, without the prefix of calls abroad."""
    plain = _plain(called).removeprefix("+")
    yield from dict.fromkeys((plain, our_form(called, country)))
    if plain.startswith("00"):
        yield plain[2:]
