"""numbers.yaml: numbers as people write them and telephone companies send them; the narrowest counts."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli import main
from ivr.flow.check import check_callflows, load_callflows
from ivr.flow.simulation import Company
from tests.unit.flow.small_company import build, write

OWN = {
    "+49 30 901820": "one",
    "030/90 18-21": "national",
    "+49 30 901830 to 901849": "newspaper",
    "+49 30 901830 to 39": "ten",
    "+49 30 9018XX": "block",
    "+49 30 90.": "city",
    "+1 (212) 555-0100": "new-york",
    "1[2-4]X": "inside",
    "100": "desk",
    "*45": "code",
}


@pytest.fixture
def company(tmp_path: Path) -> Path:
    return build(tmp_path)


def campaigns(company: Path, own: dict[str, str], country: str = "") -> None:
    """Write numbers.yaml; the campaign of each number tells which entry a call has found."""
    lines = "".join(
        f'  "{number}": {{flow: main, campaign: {campaign}}}\n' for number, campaign in own.items()
    )
    country = f"country: {country}\n" if country else ""
    write(company, "numbers.yaml", f"default: {{flow: main, campaign: other}}\n{country}numbers:\n{lines}")


def found(company: Path, called: str, country: str = "") -> str:
    campaigns(company, OWN, country)
    return load_callflows(company, company).route(called).campaign


@pytest.mark.parametrize(
    ("called", "campaign"),
    [
        ("4930901820", "one"),
        ("+4930901820", "one"),
        ("004930901820", "one"),
        ("+49 30 901820", "one"),
        ("0309018-21", "national"),
        ("4930901840", "newspaper"),
        ("4930901849", "newspaper"),
        ("4930901850", "block"),
        ("4930901830", "ten"),
        ("4930901839", "ten"),
        ("4930901829", "block"),
        ("4930901899", "block"),
        ("4930901900", "city"),
        ("493090", "other"),
        ("49309018200", "city"),
        ("12125550100", "new-york"),
        ("120", "inside"),
        ("139", "inside"),
        ("149", "inside"),
        ("150", "other"),
        ("100", "desk"),
        ("0100", "other"),
        ("*45", "code"),
        ("", "other"),
        ("anonymous", "other"),
        ("9" * 64, "other"),
        ("\x00'; --", "other"),
    ],
)
def test_the_narrowest_entry_counts(company: Path, called: str, campaign: str) -> None:
    assert found(company, called) == campaign


@pytest.mark.parametrize(
    ("called", "country", "campaign"),
    [
        ("030901820", "", "other"),
        ("030901820", "DE", "one"),
        ("004930901820", "DE", "one"),
        ("4930901820", "DE", "one"),
        ("030901821", "DE", "national"),
        ("4930901821", "", "block"),
        ("4930901821", "DE", "national"),
        ("0114930901820", "US", "one"),
        ("2125550100", "US", "new-york"),
        ("100", "DE", "desk"),
        ("030901845", "DE", "newspaper"),
    ],
)
def test_numbers_without_their_country_are_read_as_in_ours(
    company: Path, called: str, country: str, campaign: str
) -> None:
    assert found(company, called, country) == campaign


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (["+49 30 901820", "0049"], None),
        (["+49 30 901820", "+4930901820"], "`+4930901820` and `+49 30 901820` in line 3 are the same number"),
        (["1XX", "100 to 199"], "both stand for a number, and neither is narrower"),
        (["100 to 149", "120 to 169"], "both stand for a number, and neither is narrower"),
        (["1XX", "X00"], None),
        (["1XX", "X0X"], "both stand for a number, and neither is narrower"),
        (["1XX", "2XX"], None),
        (["100 to 149", "150 to 199"], None),
        (["100 to 149", "1000 to 1049"], None),
        (["+49 30 90.", "+49 30 91."], None),
        (["12.", "1[2-3]."], None),
        (["main line"], "`main line` is no number"),
        (["10-X-"], None),
        (["1..2"], "`1..2` is no number"),
        (["[9-1]"], "`[9-1]` is no number"),
        (["200 to 100"], "`200 to 100` ends before it begins"),
        (["100 to x"], "`100 to x` is no range of numbers"),
        (["10 to 100"], "`10 to 100` is no range of numbers"),
        (["1000000 to 9999999"], "has more than 100000 numbers"),
        (["9" * 30], "has more than 20 digits"),
    ],
)
def test_what_means_nothing_or_is_there_twice_is_reported(
    company: Path, own: list[str], said: str | None
) -> None:
    campaigns(company, {number: f"c{place}" for place, number in enumerate(own)})
    problems = check_callflows(company).problems
    assert len(problems) == (said is not None)
    if said is not None:
        assert said in problems[0].text
        assert problems[0].place[:2] == ("numbers.yaml", len(own) + 2)
        assert problems[0].hint


def test_a_country_there_is_not_is_reported(company: Path) -> None:
    campaigns(company, OWN, "Germany")
    (problem,) = check_callflows(company).problems
    assert str(problem).startswith("numbers.yaml:2:10: there is no country `Germany`")


def test_a_simulated_call_has_language_and_campaign_of_its_number(company: Path) -> None:
    write(
        company,
        "numbers.yaml",
        'default: {flow: main}\nnumbers: {"+49 30 9018XX": {flow: main, language: es, campaign: tv}}\n',
    )
    flow = 'steps:\n  a: {branch: campaign == "tv" and language == "es", next: {yes: b, no: c}}\n'
    write(company, "flows/main.yaml", f"{flow}  b: {{hangup: busy}}\n  c: {{hangup: }}\n")
    national = "  national: {to: 030 / 901877, steps: [a: 'no', c]}\n"
    plus = "  plus: {to: '+4930901877', steps: [a: 'yes', b]}\n"
    write(company, "tests/main.yaml", f"tests:\n{national}{plus}")
    result = CliRunner().invoke(main, ["test", str(company)])
    assert "2 of 2 tests passed" in result.output
    told = CliRunner().invoke(main, ["simulate", "004930901877", "--hang-up", "9", "-d", str(company)]).output
    assert "to 004930901877, in `es`" in told
    assert "→ yes" in told


def test_the_command_says_where_a_number_leads(company: Path) -> None:
    write(company, "numbers.yaml", 'default: {flow: main}\nnumbers: {"1XX": {flow: main, title: Inside}}\n')
    whole = CliRunner().invoke(main, ["numbers", "-d", str(company)]).output
    assert [line.split() for line in whole.splitlines()] == [
        ["number", "flow", "language", "campaign", "title"],
        ["1XX", "main", "en", "Inside"],
        ["(any", "other)", "main", "en"],
    ]
    one = CliRunner().invoke(main, ["numbers", "150", "-d", str(company), "--json"]).output
    assert '{"number":"1XX","flow":"main","language":"en","campaign":"","shown":null,"title":"Inside"}' in one
    assert '"(any other)"' in CliRunner().invoke(main, ["numbers", "2", "-d", str(company), "--json"]).output


def test_ten_thousand_numbers_are_read_at_once(company: Path) -> None:
    campaigns(company, {f"+49 30 90{number:06}": "c" for number in range(10_000)})
    assert Company.load(company).callflows.route("493090009999").campaign == "c"
