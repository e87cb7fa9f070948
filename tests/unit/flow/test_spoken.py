"""Values in words, as a caller should hear them."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from num2words import CONVERTER_CLASSES

from ivr.flow.spoken import FORMS, Unspeakable, Value, digits_apart, form_problem, spoken


@pytest.mark.parametrize(
    ("value", "form", "language", "words"),
    [
        ("Ada", "text", "en", "Ada"),
        ("4711", "digits", "en", "four seven one, one"),
        ("49 30-1*#", "digits", "es", "cuatro nueve tres, cero uno *, #"),
        ("1234", "number", "en", "one thousand, two hundred and thirty-four"),
        (21, "number", "es", "veintiuno"),
        (2.5, "number", "de", "zwei Komma fünf"),
        ("2.50", "number", "en", "two point five"),
        (3, "ordinal", "en", "third"),
        ("12.50", "money EUR", "es", "doce euros con cincuenta céntimos"),
        ("12.50", "money USD", "en", "twelve dollars and fifty cents"),
        (12, "money USD", "en", "twelve dollars"),
        ("1.01", "money EUR", "de", "ein Euro und ein Cent"),
        ("-3", "money EUR", "en", "minus three euro"),
        ("7.05", "money CHF", "en", "seven point zero five Swiss francs"),
        ("100", "money JPY", "fr", "cent yens japonais"),
        ("2026-12-24", "date", "en", "Thursday, December twenty-fourth, twenty twenty-six"),
        ("2026-12-24T09:00", "date", "es", "jueves, veinticuatro de diciembre de dos mil veintiséis"),
        ("2026-05-01", "date", "es", "viernes, primero de mayo de dos mil veintiséis"),
        ("2026-05-01", "date", "de", "Freitag, erster Mai zweitausendsechsundzwanzig"),
        ("2026-05-01", "date", "ja", "2026年5月1日金曜日"),
        ("14:05", "time", "en", "two oh five P M"),
        ("00:30:00", "time", "en", "twelve thirty A M"),
        ("2026-12-24T09:00", "time", "en", "nine A M"),
        ("14:05", "time", "de", "14:05"),
        (3660, "duration", "en", "one hour and one minute"),
        ("90", "duration", "es", "un minuto y 30 segundos"),
        (90061, "duration", "en", "one day and one hour"),
        (86430, "duration", "en", "one day"),
        (0, "duration", "fr", "0 seconde"),
        ("5", "number", "pt-br", "cinco"),
        ("-1", "money EUR", "it", "meno uno euro"),
        (12, "money EUR", "vi", "mười hai euro"),
        (3, "ordinal", "cs", "3"),
        (999_999_999, "number", "am", "999,999,999"),
        ("1234.5", "number", "xx", "1,234.5"),
    ],
)
def test_words(value: Value, form: str, language: str, words: str) -> None:
    assert spoken(value, form, language) == words


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("abc", "number"),
        (None, "number"),
        (None, "text"),
        (True, "number"),
        ("nan", "number"),
        ("1e400", "money EUR"),
        ("1" * 40, "number"),
        (10**12, "number"),
        ("2.5", "ordinal"),
        (0, "ordinal"),
        ("", "digits"),
        ("tomorrow", "date"),
        ("25:00", "time"),
        (-5, "duration"),
        ("1", "money XXY"),
        ("1", "whisper"),
    ],
)
def test_what_makes_no_sense_is_told_without_the_value(value: Value, form: str) -> None:
    with pytest.raises(Unspeakable) as error:
        spoken(value, form, "en")
    assert str(error.value) == f"a value that cannot be spoken as `{form}`"


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ("money EUR", None),
        ("digits", None),
        ("money", "`` is no currency, such as EUR or USD"),
        ("money EURO", "`EURO` is no currency, such as EUR or USD"),
        ("digits 3", "`digits` needs nothing after it"),
        ("shout", "there is no form `shout`"),
    ],
)
def test_what_is_wrong_with_a_form(form: str, problem: str | None) -> None:
    assert form_problem(form) == problem


LANGUAGES = ["xx", "pt-br", "en-gb", *(code.lower().replace("_", "-") for code in CONVERTER_CLASSES)]


@given(
    some.one_of(some.none(), some.booleans(), some.integers(), some.floats(), some.text(max_size=20)),
    some.sampled_from([*FORMS, "money EUR", "money JPY"]),
    some.sampled_from(
        ["xx", "pt-br", "en-gb", *(code.lower().replace("_", "-") for code in CONVERTER_CLASSES)]
    ),
)
def test_whatever_the_value_there_are_words_or_the_one_error(value: Value, form: str, language: str) -> None:
    try:
        assert spoken(value, form, language) or value == ""
    except Unspeakable:
        return


def test_digits_have_a_pause_after_every_third() -> None:
    assert digits_apart("1234567", "en") == "one two three, four five six, seven"
