"""Files as people and attackers save them: read rightly, or refused with a clear word, and never a hang."""

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ivr.flow.document import Broken, Fields, parse_document, place_of, plain, read_document
from tests.unit.flow.calls import draft_of


def refused(text: str) -> str:
    with pytest.raises(Broken) as broken:
        parse_document(text, "f.yaml")
    return str(broken.value.problem)


def complaints(text: str) -> list[str]:
    return [str(problem) for problem in parse_document(text, "f.yaml").problems]


def read(raw: bytes, tmp_path: Path) -> Fields:
    path = tmp_path / "f.yaml"
    path.write_bytes(raw)
    return read_document(path, "f.yaml").root


def test_scalars_stay_text() -> None:
    root = parse_document("a: no\nb: 0100\nc: 1:30\nd: 'yes'\ne: ~\nf:\ng: null\nh: 'null'\n", "f.yaml").root
    assert plain(root) == {
        "a": "no",
        "b": "0100",
        "c": "1:30",
        "d": "yes",
        "e": None,
        "f": None,
        "g": None,
        "h": "null",
    }


def test_every_node_knows_its_place() -> None:
    root = parse_document("a:\n  - x\n  - b: 1\n    ü: {c: d}\n", "f.yaml").root
    assert place_of(root, ("a", 1, "ü", "c")) == ("f.yaml", 4, 12)
    assert place_of(root, ("a", 1, "ü", "c"), key=True) == ("f.yaml", 4, 9)
    assert place_of(root, ("a", 0)) == ("f.yaml", 2, 5)
    assert place_of(root, ("a", 7, "x")) == ("f.yaml", 2, 3)


def test_bom_and_crlf_are_read_rightly(tmp_path: Path) -> None:
    text = "title: Größe\r\nsteps:\r\n  a:\r\n    hangup:\r\n"
    root = read(b"\xef\xbb\xbf" + text.encode(), tmp_path)
    assert plain(root) == {"title": "Größe", "steps": {"a": {"hangup": None}}}
    assert place_of(root, ("steps", "a"), key=True) == ("f.yaml", 3, 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a:\n\tb: 1\n", "f.yaml:2:1: a tab is used to indent (indent with spaces)"),
        ("a:\n  b: 1\n \tc: 2\n", "f.yaml:3:2: a tab is used to indent (indent with spaces)"),
        ("a: b: c\n", "f.yaml:1:5: a colon where none can be (put a text that contains `: ` into quotes)"),
        ("a: *\n", 'f.yaml:1:5: a value cannot begin with * (write the star key as "*")'),
        ("*: a\n", 'f.yaml:1:2: a value cannot begin with * (write the star key as "*")'),
        (
            "a:\n  b: 1\n c: 2\n",
            "f.yaml:3:2: the indentation or a missing colon breaks the list of fields here",
        ),
        ("a: [1, 2\n", "f.yaml:2:1: is not valid YAML: did not find expected ',' or ']'"),
        ("a: 'x\n", "f.yaml:2:1: is not valid YAML: found unexpected end of stream"),
        ("ä: x\nb: \x01\n", "f.yaml:2:4: character 1 is not allowed (delete it)"),
        ("", "f.yaml:1:1: is empty"),
        ("# only a comment\n", "f.yaml:1:1: is empty"),
        ("- a\n- b\n", "f.yaml:1:1: must consist of fields (`name: value`)"),
        ("just text\n", "f.yaml:1:1: must consist of fields (`name: value`)"),
        ("a: 1\n---\nb: 1\n", "f.yaml:2:1: a second document begins here (remove the line `---`)"),
        ("? [a]\n: b\n", "f.yaml:1:3: a name must be plain text, not a list or mapping"),
    ],
)
def test_what_is_no_yaml_of_ours_is_refused_in_plain_words(text: str, said: str) -> None:
    assert refused(text) == said


def test_duplicate_keys_name_both_lines_and_reading_goes_on() -> None:
    assert complaints("a: 1\nb: 2\na: 3\nb: 4\n") == [
        "f.yaml:3:1: `a` is written twice: in line 1 and in line 3 (keep one of them)",
        "f.yaml:4:1: `b` is written twice: in line 2 and in line 4 (keep one of them)",
    ]


def test_tags_and_anchors_are_refused() -> None:
    assert complaints("a: !!python/object/apply:os.system [x]\nb: &n 1\nc: *n\n") == [
        "f.yaml:1:4: tags (`tag:yaml.org,2002:python/object/apply:os.system`) are not used here (remove it)",
        "f.yaml:2:4: anchors (`&n`) are not used here (write the value out)",
        "f.yaml:3:4: aliases (`*name`) are not used here (write the value out)",
    ]


def test_a_bomb_of_aliases_does_not_go_off() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(
        f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n" for number in range(1, 30)
    )
    began = time.process_time()
    assert len(complaints(bomb)) == 30 + 290
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: " + "[" * 100_000, "is nested deeper than 20 levels"),
        ("{a: " * 100_000, "is nested deeper than 20 levels"),
        ("a:\n" + "- " * 100_000, "is nested deeper than 20 levels"),
        ("? " * 100_000, "a name must be plain text, not a list or mapping"),
    ],
)
def test_deep_nesting_is_refused_at_once(text: str, said: str) -> None:
    began = time.process_time()
    assert refused(text).endswith(said)
    assert time.process_time() - began < 1


def test_a_file_of_10_mb_is_refused_without_reading_it(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="is larger than 1000 kB"):
        read(b"a: " + b"x" * 10_000_000, tmp_path)


@pytest.mark.parametrize(
    "line", ["a: [" + "x, " * 300_000 + "]", "a: '" + "x" * 900_000 + "'", "a: |\n" + "  x\n" * 200_000]
)
def test_a_file_just_below_the_limit_is_read_in_time(line: str) -> None:
    began = time.process_time()
    assert parse_document(line, "f.yaml").root
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"a: 1\nb: caf\xe9\n", "f.yaml:2:7: is not UTF-8 text (save the file with encoding UTF-8)"),
        ("a: 1\n".encode("utf-16"), "f.yaml:1:1: is not UTF-8 text (save the file with encoding UTF-8)"),
    ],
)
def test_other_encodings_are_refused(tmp_path: Path, raw: bytes, said: str) -> None:
    with pytest.raises(Broken) as broken:
        read(raw, tmp_path)
    assert str(broken.value.problem) == said


def test_a_directory_or_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="cannot be read"):
        read_document(tmp_path, "f.yaml")
    with pytest.raises(Broken, match="cannot be read: No such file"):
        read_document(tmp_path / "none.yaml", "f.yaml")


def test_names_from_files_cannot_forge_lines_or_move_the_cursor() -> None:
    _, problems = draft_of(
        'steps:\n  "a\\nflows/x.yaml:1:1: all is well\\e[2J": {play: x}\n  b: {pl\u202eay: x}\n'
    )
    assert problems
    for problem in problems:
        assert str(problem).isprintable()


@given(some.text(alphabet=some.sampled_from("ab12 :-[]{}&*!|>'\"#%@`,?~\n\t\\xé\x00\u2028"), max_size=200))
def test_no_text_crashes_the_reader(text: str) -> None:
    with suppress(Broken):
        assert isinstance(parse_document(text, "f.yaml").root, Fields)


names = some.sampled_from(
    ["a", "b", "play", "next", "menu", "1", "invalid", "timeout", "hangup", "files", "digits"]
)
values: some.SearchStrategy[object] = some.recursive(
    some.one_of(names, some.none(), some.just("[x]"), some.text("ab1-. ", max_size=3)),
    lambda inner: some.one_of(some.lists(inner, max_size=3), some.dictionaries(names, inner, max_size=4)),
    max_leaves=20,
)


@given(some.dictionaries(names, values, max_size=4))
def test_no_structure_crashes_the_flow_reader(steps: dict[str, object]) -> None:
    draft, problems = draft_of(json.dumps({"steps": steps}))
    assert problems or draft
    for problem in problems:
        assert problem.place.line >= 1
        assert problem.text
