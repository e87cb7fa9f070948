"""Values as words of a language: `1234` as a number, as digits, as money, as a date. Pure.

Words are from num2words, names of months and units from Babel (CLDR). What num2words does not have in a
language is left in figures, in that language's notation, for the voice to read.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.dates import DateTimeFormat, format_time, format_timedelta, get_date_format
from babel.lists import format_list
from babel.numbers import format_decimal, get_currency_name, get_currency_precision
from num2words import CONVERTER_CLASSES, num2words

from ivr.flow.line import MediaFailed

Value = str | int | float | bool | None

MOST = Decimal(10) ** 12
"""Larger numbers nobody says, and making their words takes time."""
ENDLESS = ("am",)
"""Languages in which num2words 0.5.14 looks for the words of 999,999,999 for ever: they stay figures."""
LACKING = (NotImplementedError, AttributeError, RecursionError, TypeError)
"""How num2words shows that it does not have something in a language."""
GROUP = 3
"""Digits that are spoken in one breath."""
Unit = Literal["day", "hour", "minute", "second"]
UNITS: tuple[tuple[Unit, int], ...] = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
ONE: Mapping[str, Mapping[Unit, str]] = {  # how "one" agrees with the unit; elsewhere the figure is read
    "en": {"day": "one", "hour": "one", "minute": "one", "second": "one"},
    "es": {"day": "un", "hour": "una", "minute": "un", "second": "un"},
    "de": {"day": "ein", "hour": "eine", "minute": "eine", "second": "eine"},
    "fr": {"day": "un", "hour": "une", "minute": "une", "second": "une"},
    "it": {"day": "un", "hour": "un'", "minute": "un", "second": "un"},
    "pt": {"day": "um", "hour": "uma", "minute": "um", "second": "um"},
}
AND_CENTS = {"en": " and ", "es": " con ", "de": " und ", "fr": " et ", "it": " e "}
ORDINAL_DAYS = ("en", "de")
"""Languages in which the day of a month is an ordinal; elsewhere only the first is one."""
FIRST_DAY = {"es": "primero", "fr": "premier", "it": "primo", "pt": "primeiro"}
DAYS_IN_WORDS = (*ORDINAL_DAYS, *FIRST_DAY)
"""Languages whose dates we know to say; those of others are left to the voice."""


class Unspeakable(MediaFailed):
    """A variable's value is not what its form needs. The text says which form, never the value."""

    reason: str = "unspeakable"


def spoken(value: Value, form: str, language: str) -> str:
    """The value in words. `form`: a key of `FORMS`, for money with a currency: `money EUR`.

    Raises `Unspeakable`, also for a form that there is not.
    """
    name, _, detail = form.partition(" ")
    if form_problem(form):
        raise Unspeakable(f"a value that cannot be spoken as `{form}`")
    try:
        return FORMS[name](value, language, detail)
    except (ValueError, ArithmeticError, LookupError, TypeError):
        raise Unspeakable(f"a value that cannot be spoken as `{form}`") from None


def form_problem(form: str) -> str | None:
    """What is wrong with a form that an admin has written; None: nothing."""
    name, _, detail = form.partition(" ")
    if name not in FORMS:
        return f"there is no form `{name}`"
    if name == "money":
        return None if detail in Locale("en").currencies else f"`{detail}` is no currency, such as EUR or USD"
    return f"`{name}` needs nothing after it" if detail else None


def digits_apart(digits: str, language: str) -> str:
    """Digits one by one, with a pause after every third."""
    words = [_figure(digit, language) for digit in digits]
    return ", ".join(" ".join(words[at : at + GROUP]) for at in range(0, len(words), GROUP))


def _figure(digit: str, language: str) -> str:
    code = _converter(language)
    return str(num2words(int(digit), lang=code)) if code and digit.isdecimal() else digit


@lru_cache(maxsize=64)
def _converter(language: str) -> str | None:
    """num2words' name for the language; None: it has none."""
    first, _, region = language.partition("-")
    codes = (f"{first}_{region.upper()}", first) if first not in ENDLESS else ()
    return next((code for code in codes if code in CONVERTER_CLASSES), None)


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    for name in (language, language.partition("-")[0]):
        try:
            return Locale.parse(name, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")


def _number_of(value: Value) -> Decimal:
    if isinstance(value, bool):
        raise ValueError("yes or no is no number")
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError("no number") from None
    if not abs(number) < MOST:  # also what is no number by name: NaN
        raise ValueError("no number that anybody says")
    return number


def _text(value: Value, _language: str, _: str) -> str:
    if value is None:
        raise ValueError("nothing to say")
    return str(value)


def _digits(value: Value, language: str, _: str) -> str:
    digits = "".join(char for char in str(value) if char.isdecimal() or char in "*#")
    if not digits:
        raise ValueError("no digits")
    return digits_apart(digits, language)


def _words(number: Decimal, language: str, to: str = "cardinal") -> str:
    code = _converter(language)
    whole = number == number.to_integral_value()
    if code is not None:
        with suppress(*LACKING):
            return str(num2words(int(number) if whole else float(number), lang=code, to=to))
    return str(format_decimal(number, locale=_locale(language)))


def _number(value: Value, language: str, _: str) -> str:
    return _words(_number_of(value), language)


def _ordinal(value: Value, language: str, _: str) -> str:
    number = _number_of(value)
    if number != int(number) or number < 1:
        raise ValueError("only whole numbers from 1 have an order")
    return _words(number, language, "ordinal")


def _money(value: Value, language: str, currency: str) -> str:
    precision = Decimal(1).scaleb(-get_currency_precision(currency))
    amount = _number_of(value).quantize(precision)
    code = _converter(language)
    try:
        if code is None:
            raise NotImplementedError
        # A number without decimals would be taken for cents.
        text = num2words(
            amount.quantize(Decimal("0.01")), lang=code, to="currency", currency=currency, separator=" |"
        )
    except LACKING:  # not every language takes every currency, the separator, or what is below nothing
        return f"{_words(amount, language)} {get_currency_name(currency, amount, locale=_locale(language))}"
    main, _, cents = text.partition("|")
    connected = AND_CENTS.get(language[:2], ", ")
    return connected.join([main.strip(), cents.strip()] if amount != int(amount) else [main.strip()])


def _date(value: Value, language: str, _: str) -> str:
    """A date, `2026-12-24` or with a time after it, with the day of the week."""
    day = datetime.fromisoformat(str(value)).date()
    pattern = str(get_date_format("full", locale=_locale(language)).format)
    if language[:2] in ORDINAL_DAYS:
        pattern = pattern.replace("%(d)s.", "%(d)s")  # the dot has become a part of the word
    return str(pattern % _DateWords(day, language))


class _DateWords(DateTimeFormat):
    """CLDR's fields of a date, with day and year in words."""

    def __init__(self, day: date, language: str) -> None:
        super().__init__(day, locale=_locale(language))
        self._day, self._language = day, language

    def __getitem__(self, name: str) -> str:
        if name not in ("d", "y") or self._language[:2] not in DAYS_IN_WORDS:
            return str(super().__getitem__(name))
        return self._day_word() if name == "d" else _words(Decimal(self._day.year), self._language, "year")

    def _day_word(self) -> str:
        first = self._language[:2]
        if self._day.day == 1 and first in FIRST_DAY:
            return FIRST_DAY[first]
        word = _words(
            Decimal(self._day.day), self._language, "ordinal" if first in ORDINAL_DAYS else "cardinal"
        )
        return word + ("r" if first == "de" else "")  # der 24. = vierundzwanzigster


def _time(value: Value, language: str, _: str) -> str:
    """A time of day, `14:05`, or the time of a date that has one."""
    text = str(value)
    moment = datetime.fromisoformat(text).time() if "-" in text else time.fromisoformat(text)
    if not language.startswith("en"):
        return str(format_time(moment, "short", locale=_locale(language)))
    hour, half = (moment.hour - 1) % 12 + 1, "A M" if moment.hour < 12 else "P M"
    minute = _words(Decimal(moment.minute), language)
    between = " oh " if 0 < moment.minute < 10 else " "
    return f"{_words(Decimal(hour), language)}{between + minute if moment.minute else ''} {half}"


def _duration(value: Value, language: str, _: str) -> str:
    """Seconds as the two largest units that are in them."""
    left = int(_number_of(value).to_integral_value())
    if left < 0:
        raise ValueError("no time is shorter than none")
    parts: list[str] = []
    for unit, seconds in UNITS:
        count, left = divmod(left, seconds)
        if count or (unit == "second" and not parts):
            parts.append(_amount(count, unit, seconds, language))
        elif parts:
            break
    return str(format_list(parts[:2], locale=_locale(language)))


def _amount(count: int, unit: Unit, seconds: int, language: str) -> str:
    """So many of a unit. Babel would go over to a larger one at the threshold: there is none."""
    whole = timedelta(seconds=count * seconds)
    text = format_timedelta(whole, unit, threshold=math.inf, locale=_locale(language)).replace("\xa0", " ")
    one = ONE.get(language[:2], {}).get(unit)
    return f"{one} {text.removeprefix('1 ')}" if one and text.startswith("1 ") else text


FORMS: Mapping[str, Callable[[Value, str, str], str]] = {
    "text": _text,
    "digits": _digits,
    "number": _number,
    "ordinal": _ordinal,
    "money": _money,
    "date": _date,
    "time": _time,
    "duration": _duration,
}
"""Form → words of a value in a language, with what is written after the form's name."""
