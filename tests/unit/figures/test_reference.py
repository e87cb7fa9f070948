"""docs/figures.md is what the definitions say, and every definition says something."""

from pathlib import Path

from calllog.figures.catalogue import FIGURES
from calllog.figures.reference import FAMILIES, text

PAGE = Path(__file__).parents[3] / "docs/figures.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == text(), "it is not what the definitions say: run `make docs`"


def test_every_figure_is_defined_once_and_is_on_the_page() -> None:
    page = text()
    assert [name for name in FIGURES if page.count(f"| `{name}` |") != 1] == []
    assert {figure.family for figure in FIGURES.values()} == set(FAMILIES)
    assert [name for name, figure in FIGURES.items() if not figure.title or not figure.formula] == []


def test_no_name_of_two_families() -> None:
    """A name that two figures had would hide one of them."""
    assert len({figure.title for figure in FIGURES.values()}) > 70
    assert all(name == figure.name for name, figure in FIGURES.items())
