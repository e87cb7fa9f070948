"""Trunks: what `check` says of them, and the number that people outside see."""

from pathlib import Path

import pytest

from ivr.flow.check import check_callflows, load_callflows
from ivr.flow.line import About, who
from tests.unit.flow.small_company import build, edit


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("address: a\n    user: me\n    registers: yes", ""),
        (
            "address: a\n    user: m e",
            "5:11: trunk `local`: `user` cannot be `m e` "
            "(use letters, digits and . _ + ~ * = @ -, at most 64 characters)",
        ),
        ("user: me", "3:5: trunk `local`: `user` is for calls out: they need an `address`"),
        ("address: a\n    registers: yes", "3:5: trunk `local`: who `registers` needs a `user`"),
        (
            "address: a\n    password: swordfish",
            "3:5: trunk `local`: a password is not written into this file: "
            "give it to `holdfast trunk-password`",
        ),
        (
            "address: a\n    shown: me",
            "5:12: trunk `local`: `me` cannot be shown: write a number of yours in quotes, or `caller`",
        ),
    ],
)
def test_what_check_says_of_a_trunk(tmp_path: Path, fields: str, said: str) -> None:
    company = build(tmp_path)
    edit(company, "trunks.yaml", "    address: 127.0.0.1:5070\n", f"    {fields}\n")
    problems = [str(problem) for problem in check_callflows(company).problems]
    assert (f"trunks.yaml:{said}" in problems) if said else not problems
    assert "swordfish" not in "".join(problems)


@pytest.mark.parametrize(
    ("trunk", "number", "caller", "shown"),
    [
        ("", "", "4930111", None),
        ("shown: 030 5550", "", "4930111", "0305550"),
        ("shown: 030 5550", "", "", "0305550"),
        ("shown: 030 5550", ', shown: "+49 30 (777)"', "4930111", "+4930777"),
        ("shown: 030 5550", ", shown: caller", "4930111", None),
        ("", "", "", ""),
    ],
)
def test_the_number_that_people_outside_see(
    tmp_path: Path, trunk: str, number: str, caller: str, shown: str | None
) -> None:
    company = build(tmp_path)
    edit(company, "trunks.yaml", "address: 127.0.0.1:5070\n", f"address: 127.0.0.1:5070\n    {trunk}\n")
    edit(company, "numbers.yaml", "campaign: web", f"campaign: web{number}")
    there = load_callflows(company, tmp_path).destination("030 901820", About(caller, called="100"))
    assert there.shown == shown


def test_who_hides_his_number_is_nobody() -> None:
    assert who("4930111", "Ada") == ("4930111", "Ada")
    assert who("Anonymous", "Anonymous") == who("restricted", "x") == ("", "")
