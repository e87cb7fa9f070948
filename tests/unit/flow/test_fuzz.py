"""The loader takes anything that can be in a file: it says what is wrong, with its place, and never fails."""

import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as some

from ivr.cli.problems import as_dicts, as_sarif, as_text
from ivr.flow.check import check_callflows
from ivr.steps import verbs
from tests.unit.flow.small_company import FILES, build

TESTS = "tests/a.yaml"
TEXTS = {
    **FILES,
    TESTS: "tests:\n  x: {to: '1', presses: {choose: [1, 2]}, steps: [welcome, choose: 1], verdict: x}\n",
    "hours.yaml": "timezone: UTC\nhours: {office: {week: {monday-friday: 9:00-17:00}, holidays: DE}}\n",
    **{f"flows/{verb}.yaml": kind.example for verb, kind in verbs().items()},
}
PIECES = (
    *(
        "\t",
        "\r\n",
        "\x00",
        "\ufeff",
        "\x85",
        "\u2028",
        "\x1b[2J",
        "é",
        "😀",
        "{",
        "}",
        "[",
        "]",
        ":",
        ": ",
        "- ",
    ),
    *(
        "&a ",
        "*a",
        "!!python/object:os.system ",
        "<<: ",
        "%TAG",
        "---\n",
        "...\n",
        "|\n",
        ">",
        "'",
        '"',
        "#",
        "?",
    ),
    *(
        "null",
        "~",
        "yes",
        "-1",
        "1e999",
        "0x10",
        "nan",
        "next",
        "steps",
        "play",
        "menu: ",
        "9" * 400,
        " " * 50,
    ),
)
edits = some.lists(
    some.tuples(some.floats(0, 1), some.integers(0, 30), some.sampled_from(PIECES) | some.text(max_size=5)),
    max_size=5,
)


def edited(text: str, changes: list[tuple[float, int, str]]) -> str:
    """The text with some places cut out and something else put there."""
    for at, length, piece in changes:
        place = int(at * len(text))
        text = text[:place] + piece + text[place + length :]
    return text


def checked(file: str, content: bytes) -> None:
    """Check a company in which one file has this content."""
    with tempfile.TemporaryDirectory() as scratch:
        company = build(Path(scratch))
        (company / file).parent.mkdir(exist_ok=True)
        (company / file).write_bytes(content)
        problems = check_callflows(company).problems
        for problem in problems:
            assert problem.text
            assert str(problem).isprintable()
            name, line, column = problem.place
            if line:
                text = (company / name).read_bytes().decode("utf-8-sig", "replace")
                assert line <= text.count("\n") + text.count("\r") + text.count("\x85") + 3 + text.count(
                    "\u2028"
                )
                assert column >= 1
        assert as_text(company, problems).isprintable() or problems
        assert len(as_dicts(company, problems)) == len(problems)
        assert as_sarif(company, problems)["version"] == "2.1.0"


@settings(max_examples=300, deadline=2000)
@given(some.sampled_from(sorted(TEXTS)), edits)
def test_files_with_mistakes(file: str, changes: list[tuple[float, int, str]]) -> None:
    checked(file, edited(TEXTS[file], changes).encode("utf-8", "surrogatepass"))


@settings(max_examples=100, deadline=2000)
@given(some.sampled_from(sorted(TEXTS)), some.binary(max_size=200) | some.text(max_size=200).map(str.encode))
@example(TESTS, b"tests: {x: [")
@example("flows/main.yaml", b"steps: " + b"[" * 5000)
@example("flows/main.yaml", b"steps: " + b"{a: " * 5000)
@example("flows/main.yaml", b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n")
@example("numbers.yaml", b"default: {flow: " + b"9" * 5000 + b"}")
def test_files_of_anything(file: str, content: bytes) -> None:
    checked(file, content)
