"""`holdfast check` on what nobody should write: a clear error or the right reading, within seconds."""

import os
from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest
from click.testing import CliRunner

from ivr.cli import main
from tests.unit.flow.small_company import FILES, build

MAIN = FILES["flows/main.yaml"]
IN_TIME_S = 3.0
"""Of computing, however busy the machine is; a third of it here."""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)


def flow(text: str | bytes) -> Callable[[Path], None]:
    """The main flow is this."""
    raw = text if isinstance(text, bytes) else text.encode()

    def write(company: Path) -> None:
        (company / "flows/main.yaml").write_bytes(raw)

    return write


def file(name: str, text: str) -> Callable[[Path], None]:
    """A further file is this."""

    def write(company: Path) -> None:
        (company / name).parent.mkdir(exist_ok=True)
        (company / name).write_text(text)

    return write


def a_directory(name: str) -> Callable[[Path], None]:
    def make(company: Path) -> None:
        (company / name).unlink(missing_ok=True)
        (company / name).mkdir(parents=True)

    return make


def a_link(name: str, to: str) -> Callable[[Path], None]:
    def make(company: Path) -> None:
        (company / name).parent.mkdir(exist_ok=True)
        (company / name).unlink(missing_ok=True)
        (company / name).symlink_to(to)

    return make


def a_pipe(name: str) -> Callable[[Path], None]:
    def make(company: Path) -> None:
        (company / name).parent.mkdir(exist_ok=True)
        (company / name).unlink(missing_ok=True)
        os.mkfifo(company / name)

    return make


RIGHT = {
    "a BOM": flow(b"\xef\xbb\xbf" + MAIN.encode()),
    "CRLF": flow(MAIN.replace("\n", "\r\n")),
    "CR alone": flow(MAIN.replace("\n", "\r")),
    "a directory that leads to itself": a_link("flows/loop", ".."),
    "a file that is a link": a_link("queues.yaml", "more.txt"),
    "no end of line": flow(MAIN.rstrip()),
    "comments of 500 kB": flow(f"{MAIN}{'# x' * 160_000}\n"),
}
WRONG = {
    "a bomb of aliases": (flow(BOMB), "flows/main.yaml:1:4: anchors (`&a`) are not used here"),
    "an alias": (flow("steps: {a: *b}\n"), "flows/main.yaml:1:12: aliases (`*name`) are not used here"),
    "10 MB": (
        flow("# " + "x" * 10_000_000),
        "flows/main.yaml: is larger than 1000 kB (split it into several",
    ),
    "10 MB of tests": (file("tests/a.yaml", "#" * 10_000_000), "tests/a.yaml: is larger than 1000 kB"),
    "10 MB of numbers": (file("numbers.yaml", "#" * 10_000_000), "numbers.yaml: is larger than 1000 kB"),
    "a tab": (flow("steps:\n\ta: x\n"), "flows/main.yaml:2:1: a tab is used to indent (indent with spaces)"),
    "a key twice": (
        flow(MAIN + "title: again\n"),
        "flows/main.yaml:16:1: `title` is written twice: in line 1 and in line 16 (keep one of them)",
    ),
    "5,000 lists deep": (flow("steps: " + "[" * 5000), "is nested deeper than 20 levels"),
    "5,000 mappings deep": (flow("steps: " + "{a: " * 5000), "is nested deeper than 20 levels"),
    "500 indented levels": (
        flow("".join(f"{' ' * level}a:\n" for level in range(500))),
        "is nested deeper than 20 levels",
    ),
    "a null byte": (flow("steps:\n  a: \0\n"), "flows/main.yaml:2:6: character"),
    "UTF-16": (flow(MAIN.encode("utf-16")), "flows/main.yaml:1:1: is not UTF-8 text (save the file with"),
    "Latin-1": (flow(MAIN.replace("Main", "Männer").encode("latin-1")), "flows/main.yaml:1:9: is not UTF-8"),
    "nothing": (flow(""), "flows/main.yaml:1:1: is empty"),
    "a text": (flow("hello"), "flows/main.yaml:1:1: must consist of fields"),
    "noise": (flow(bytes(range(256)) * 3000), "flows/main.yaml:"),
    "a tag": (flow("steps: !!python/object:os.system {a: b}\n"), "tags (`tag:yaml.org,2002:python/object:os"),
    "two documents": (flow(f"{MAIN}---\n{MAIN}"), "a second document begins here (remove the line `---`)"),
    "a flow that is a directory": (a_directory("flows/a.yaml"), "flows/a.yaml: cannot be read: is no file"),
    "tests that are a directory": (a_directory("tests/a.yaml"), "tests/a.yaml: cannot be read: is no file"),
    "queues that are a directory": (a_directory("queues.yaml"), "queues.yaml: cannot be read: is no file"),
    "a link to itself": (a_link("flows/a.yaml", "a.yaml"), "flows/a.yaml: cannot be read: Too many levels"),
    "a link to nothing": (a_link("flows/a.yaml", "gone"), "flows/a.yaml: cannot be read: No such file"),
    "a link to what never ends": (a_link("flows/a.yaml", "/dev/zero"), "flows/a.yaml: cannot be read: is no"),
    "a pipe": (a_pipe("flows/a.yaml"), "flows/a.yaml: cannot be read: is no file"),
    "tests in a pipe": (a_pipe("tests/a.yaml"), "tests/a.yaml: cannot be read: is no file"),
    "a prompt that is a directory": (a_directory("prompts/en/a.wav"), "prompts/en/a.wav: "),
    "a prompt that is a link to itself": (a_link("prompts/en/a.wav", "a.wav"), "prompts/en/a.wav: "),
    "a prompt that is a pipe": (a_pipe("prompts/en/a.wav"), "prompts/en/a.wav: "),
    "a prompt that never ends": (a_link("prompts/en/a.wav", "/dev/zero"), "prompts/en/a.wav: "),
    "10,000 errors": (
        flow("steps:\n" + "".join(f"  s{n}: {{pley: x}}\n" for n in range(10_000))),
        "10000 errors in 1 file",
    ),
    "10,000 steps that do not exist": (
        flow("steps:\n" + "".join(f"  s{n}: {{tag: a, next: x{n}}}\n" for n in range(10_000))),
        "19999 errors in 1 file",
    ),
    "10,000 flows that do not exist": (
        file(
            "numbers.yaml",
            "default: {flow: main}\nnumbers:\n" + "".join(f"  {n}: {{flow: x}}\n" for n in range(10_000)),
        ),
        "10000 errors in 1 file",
    ),
    "a line of 900 kB with an error": (
        flow(f"steps: {{a: {{say: '{'x' * 900_000}'}}}}"),
        "flows/main.yaml:1:",
    ),
    "a name of 100 kB": (
        flow(f"steps:\n  ? {'x' * 100_000}\n  : {{play: hello}}\n"),
        "flows/main.yaml:2:5: a step's name",
    ),
    "10,000 steps in a ring": (
        flow("steps:\n" + "".join(f"  s{n}: {{tag: a, next: s{(n + 1) % 10_000}}}\n" for n in range(10_000))),
        "turn for ever",
    ),
}


@pytest.fixture
def company(tmp_path: Path) -> Path:
    build(tmp_path)
    (tmp_path / "more.txt").write_text(FILES["queues.yaml"])
    return tmp_path


def checked(company: Path, *form: str) -> tuple[int, str]:
    """Exit code and output, in time."""
    began = process_time()
    result = CliRunner().invoke(main, ["check", *form, str(company)])
    took_s = process_time() - began
    assert not isinstance(result.exception, Exception), result.exception
    assert took_s < IN_TIME_S
    return result.exit_code, result.output


@pytest.mark.timeout(20)
@pytest.mark.parametrize("what", RIGHT)
def test_what_is_unusual_is_read_rightly(company: Path, what: str) -> None:
    RIGHT[what](company)
    code, output = checked(company)
    assert (code, "no errors" in output) == (0, True), output


@pytest.mark.timeout(20)
@pytest.mark.parametrize("what", WRONG)
def test_what_is_hostile_is_a_clear_error(company: Path, what: str) -> None:
    make, said = WRONG[what]
    make(company)
    code, output = checked(company)
    assert code == 1
    assert said in output, output[:2000]
    assert max(map(len, output.splitlines())) < 1000, "nobody reads longer lines"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("form", ["--json", "--sarif"])
@pytest.mark.parametrize("what", ["10,000 errors", "noise", "a line of 900 kB with an error", "a pipe"])
def test_the_other_forms_are_as_quick(company: Path, what: str, form: str) -> None:
    WRONG[what][0](company)
    assert checked(company, form)[0] == 1
