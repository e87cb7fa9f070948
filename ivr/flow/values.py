"""Values of variables, and how they compare, add and read as text: whatever is given, nothing here fails.

What makes no sense (`"abc" - 1`, a division by 0) is `None`, "not known"; nothing is less or more than that.
"""

import re
from collections.abc import Callable

Value = str | int | float | bool | None
"""What a variable can hold; also what a checkpoint can, as JSON."""

Number = int | float

MAX_NUMBER = 10**15
"""What grows beyond it is not known any more: a loop cannot make numbers that take long."""
MAX_TEXT = 4000
"""Longest text that can be put together, in characters; what is longer is cut there."""

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


def as_text(value: Value) -> str:
    """As it is written into a text: `yes` and `no`, 3.0 as `3`, what is not known as nothing."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return str(int(value)) if value.is_integer() else str(round(value, 6))
    return str(value)


def as_number(value: Value) -> Number | None:
    """The number it is, or that its text says (`"42"`); None: neither."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return None
        return float(value) if "." in value else int(value)
    return bounded(value)


def plain_value(text: str) -> Value:
    """What a text without braces means as a value: `yes` and `no`, a number (not `007`), or itself."""
    if text in ("yes", "no", "true", "false"):
        return text in ("yes", "true")
    number = as_number(text)
    return number if number is not None and str(number) == text else text


def holds(value: Value) -> bool:
    """Whether a value counts as yes: not an empty text, 0, what is not known, and the word `no`."""
    return bool(value) and value != "no"


def bounded(number: Number) -> Number | None:
    """The number, unless it is too large (or no number at all)."""
    return number if -MAX_NUMBER <= number <= MAX_NUMBER else None


def equal(left: Value, right: Value) -> bool:
    """`==`: a number equals a text that says it, yes and no equal the words."""
    if type(left) is type(right):
        return left == right
    if isinstance(left, bool) or isinstance(right, bool):
        return (
            isinstance(left, bool | str) and isinstance(right, bool | str) and as_text(left) == as_text(right)
        )
    if left is None or right is None:
        return False
    return as_number(left) == as_number(right)


def compared(left: Value, right: Value) -> int | None:
    """Below, equal, above: -1, 0, 1. Two texts by their letters, else as numbers. None: neither."""
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    first, second = as_number(left), as_number(right)
    return None if first is None or second is None else (first > second) - (first < second)


def added(left: Value, right: Value) -> Value:
    """`+`: the sum of two numbers, or two texts one behind the other."""
    if not (isinstance(left, str) and isinstance(right, str)):
        first, second = as_number(left), as_number(right)
        if first is not None and second is not None:
            return bounded(first + second)
    if left is None or right is None:
        return None
    return (as_text(left) + as_text(right))[:MAX_TEXT]


def calculated(how: Callable[[Number, Number], Number], left: Value, right: Value) -> Value:
    """Any other calculation with two numbers."""
    first, second = as_number(left), as_number(right)
    if first is None or second is None:
        return None
    try:
        return bounded(how(first, second))
    except (ArithmeticError, ValueError):
        return None
