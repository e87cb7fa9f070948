"""Needs: read, written in one form, compared with skills."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queues.needs import Misread, canonical, meets, skills_in

SKILLS = ("a", "b", "c")


def texts() -> st.SearchStrategy[str]:
    one = st.one_of(
        st.sampled_from(SKILLS),
        st.builds(
            "{} {} {}".format,
            st.sampled_from(SKILLS),
            st.sampled_from([">=", ">", "<=", "<", "==", "!="]),
            st.integers(0, 3),
        ),
    )
    return st.recursive(
        one,
        lambda inner: st.one_of(
            st.builds("not ({})".format, inner),
            st.builds("({}) and ({})".format, inner, inner),
            st.builds("({}) or ({})".format, inner, inner),
        ),
        max_leaves=5,
    )


@given(texts())
def test_one_form_means_what_was_written(text: str) -> None:
    """Python reads the same text: it is the judge."""
    try:
        written = canonical(text)
    except Misread as error:
        assert "alternatives" in str(error) or "brackets" in str(error)  # noqa: PT017
        return
    for levels in itertools.product(range(4), repeat=3):
        skills = dict(zip(SKILLS, levels, strict=True))
        meant = bool(eval(text, {"__builtins__": {}}, dict(skills)))  # noqa: S307
        assert meets(text, skills) == meets(written, skills) == meant, (text, written, skills)
    assert canonical(written) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", ""),
        ("anybody", ""),
        ("spanish >= 3 and not trainee", "not trainee and spanish >= 3"),
        ("b and a or a and b", "a and b"),
        ("not (a or b >= 2)", "b < 2 and not a"),
        ("a >= 1", "a"),
        ("a < 1", "not a"),
        ("not not a", "a"),
    ],
)
def test_what_means_the_same_is_written_the_same(text: str, written: str) -> None:
    assert canonical(text) == written


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("a and", 5),
        ("and a", 0),
        ("a b", 2),
        ("a >= x", 5),
        ("a >= 101", 5),
        ("a >=", 4),
        ("(a", 0),
        ("a)", 1),
        ("A", 0),
        ("a or or b", 5),
        ("a >= 3 5", 7),
        ("(" * 11 + "a" + ")" * 11, 10),
        ("a" * 401, 400),
        ("not", 3),
        ("a and anybody", 6),
        ("(a or b) and (c or d) and (e or f) and (g or h) and (i or j)", 0),
    ],
)
def test_what_cannot_be_read_is_named(text: str, at: int) -> None:
    with pytest.raises(Misread) as error:
        canonical(text)
    assert error.value.at == at


def test_skills_and_where_they_stand() -> None:
    assert skills_in("spanish >= 3 and not trainee or spanish") == {"spanish": 0, "trainee": 21}
    assert skills_in("anybody") == {}
