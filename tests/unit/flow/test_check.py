"""`check`: each rule finds its error, at its place, and says what would be right."""

from pathlib import Path

import pytest

from ivr.flow.check import BrokenCallflows, check_callflows, load_callflows
from ivr.flow.line import MediaFailed
from ivr.flow.wording import nearest
from ivr.steps import verbs
from tests.unit.flow.small_company import build, edit, record, write

MAIN = "flows/main.yaml"


@pytest.fixture
def company(tmp_path: Path) -> Path:
    return build(tmp_path / "callflows")


def found(company: Path) -> list[str]:
    return [str(problem) for problem in check_callflows(company).problems]


def test_the_example_that_ships_is_right() -> None:
    assert found(Path(__file__).parents[3] / "callflows") == []


def test_a_right_directory_has_no_problem_and_loads(company: Path) -> None:
    assert found(company) == []
    callflows = load_callflows(company, Path("/data/prompts"), version=3)
    assert callflows.flows["main"].version == 3
    assert callflows.route("100").campaign == "web"
    assert callflows.route("999") == callflows.default
    assert callflows.prompt("hello", "en").startswith("sound:/data/prompts/")
    assert str(callflows.trunks["local"].match[0]) == "127.0.0.0/8"
    assert callflows.agents["alice"].device == "alice-phone"
    assert callflows.devices["alice-phone"].contact is None


ONE_ERROR = [
    # (file, old, new, what check says)
    (MAIN, "play: hello", "pley: hello", "4:5: step `welcome`: unknown verb `pley` (did you mean `play`?)"),
    (
        MAIN,
        "play: hello",
        "play: {files: hello, interupt: no}",
        "4:26: step `welcome`: unknown field `interupt` (did you mean `interrupt`?)",
    ),
    (
        MAIN,
        "next: choose",
        "next: chose",
        "5:11: step `welcome`: there is no step `chose` (did you mean `choose`?)",
    ),
    (MAIN, "1: sales", "1: sails", "9:10: step `choose`: there is no step `sails` (did you mean `sales`?)"),
    (
        MAIN,
        "title: Main",
        "title: Main\nstart: welcom",
        "2:8: `start`: there is no step `welcom` (did you mean `welcome`?)",
    ),
    (MAIN, "title: Main", "titel: Main", "1:1: a flow has no field `titel` (did you mean `title`?)"),
    (MAIN, "title: Main", "title: [Main]", "1:8: `title` must be a text"),
    (
        MAIN,
        "invalid: bye",
        "invald: bye\n      invalid: bye",
        "10:7: step `choose` has no outcome `invald` (did you mean `invalid`?)",
    ),
    (
        MAIN,
        "      timeout: bye\n",
        "",
        "6:3: step `choose`: outcome `timeout` leads nowhere "
        "(name the step for `timeout` under `next:`; to end the call use a `hangup` step)",
    ),
    (
        MAIN,
        "    next: choose\n",
        "    next: choose\n  lost: {hangup: }\n",
        "6:3: step `lost` is never reached (name it under some `next:`, or delete it)",
    ),
    (
        MAIN,
        "queue: sales",
        "queue: sales\n    next: {timeout: bye}",
        "14:12: step `sales`: outcome `timeout` cannot happen: queue `sales` has no `max_wait_s`, "
        "nor has the step (one of `answered`)",
    ),
    (
        MAIN,
        "invalid: bye",
        "22: bye\n      invalid: bye",
        "10:7: step `choose` has no outcome `22` (one of `1`, `invalid`, `timeout`)",
    ),
    (
        MAIN,
        "      1: sales\n",
        "      2: welcome\n      1: sales\n      3: round\n",
        "11:10: step `choose`: there is no step `round` (one of `bye`, `choose`, `sales`, `welcome`)",
    ),
    (
        MAIN,
        "menu: question",
        "menu: {play: question, digits: many}",
        "7:36: step `choose`: `digits` must be a whole number, not `many`",
    ),
    (
        MAIN,
        "menu: question",
        "menu: {play: question, timeout_s: -1}",
        "7:39: step `choose`: `timeout_s`: must be greater than 0, not `-1`",
    ),
    (
        MAIN,
        "menu: question",
        "menu: {play: question, flush: maybe}",
        "7:35: step `choose`: `flush` must be `yes` or `no`, not `maybe`",
    ),
    (
        MAIN,
        "menu: question",
        "menu: {play: question, timeout_s: nan}",
        "7:39: step `choose`: `timeout_s`: must be less than or equal to 60, not `nan`",
    ),
    (
        MAIN,
        "menu: question",
        "menu: {play: question, say: Hello}",
        "7:11: step `choose`: write either `play:` with recorded prompts or `say:` with a text",
    ),
    (
        MAIN,
        "menu: question",
        "menu:",
        "7:5: step `choose`: write either `play:` with recorded prompts or `say:` with a text",
    ),
    (
        MAIN,
        "menu: question",
        "menu: {play: question, invalid: wrnog, timeout: {say: Hello}}",
        "7:37: step `choose`: there is no file prompts/en/wrnog.wav (one of `hello`, `question`)",
    ),
    (
        MAIN,
        "menu: question",
        "menu: {play: question, timeout: [question, late]}",
        "7:48: step `choose`: there is no file prompts/en/late.wav (one of `hello`, `question`)",
    ),
    (MAIN, "play: hello", "say: [a, b]", "4:10: step `welcome`: `text` must be a text, not a list"),
    (MAIN, "play: hello", "play:", "4:5: step `welcome`: field `files` is missing"),
    (
        MAIN,
        "play: hello",
        "play: {files: hello, next: bye}",
        "4:26: step `welcome`: `next` stands beside `play`, not below it (indent it less)",
    ),
    (MAIN, "hangup:", "hangup: bsy", "15:13: step `bye`: `cause` cannot be `bsy` (did you mean `busy`?)"),
    (MAIN, "hangup:", "hangup:\n    next: welcome", "16:5: step `bye`: nothing can follow `hangup`"),
    (
        MAIN,
        "play: hello",
        "play: hello\n    say: Hello",
        "5:5: step `welcome` has 2 verbs, `play` and `say` (make it two steps)",
    ),
    (
        MAIN,
        "play: hello\n    next: choose",
        "next: choose",
        f"3:3: step `welcome` has no verb ({nearest('', verbs())})",
    ),
    (
        MAIN,
        "next: choose",
        "next: [choose]",
        "5:11: step `welcome`: `next` must be the name of a step, or an outcome and a step per line",
    ),
    (MAIN, "1: sales", "1:", "9:7: step `choose`: `next` for `1` must be the name of a step"),
    (
        MAIN,
        "play: hello",
        "play: helo",
        "4:11: step `welcome`: there is no file prompts/en/helo.wav (did you mean `hello`?)",
    ),
    (
        MAIN,
        "queue: sales",
        "queue: sale",
        "13:12: step `sales`: there is no queue `sale` in queues.yaml (did you mean `sales`?)",
    ),
    (
        MAIN,
        "  bye:\n",
        "  bye:\n    hangup: busy\n  bye:\n",
        "16:3: `bye` is written twice: in line 14 and in line 16 (keep one of them)",
    ),
    ("queues.yaml", "title:", "titel:", "3:5: queue `sales`: unknown field `titel` (did you mean `title`?)"),
    (
        "queues.yaml",
        "title: Sales",
        "ring_s: long",
        "3:13: queue `sales`: `ring_s` must be a whole number, not `long`",
    ),
    (
        "queues.yaml",
        "title: Sales",
        "ring_s: 0",
        "3:13: queue `sales`: `ring_s`: must be greater than or equal to 1, not `0`",
    ),
    (
        "agents.yaml",
        "[sales]",
        "[sale]",
        "4:14: agent `alice`: there is no queue `sale` in queues.yaml (did you mean `sales`?)",
    ),
    (
        "agents.yaml",
        "device: alice-phone",
        "wrapup: {sale: 3}",
        "3:20: agent `alice`: there is no queue `sale` in queues.yaml (did you mean `sales`?)",
    ),
    (
        "queues.yaml",
        "title: Sales",
        "dispositions: {x: sold}",
        "3:20: queue `sales`: `dispositions` cannot have `x` (write one to four digits)",
    ),
    (
        "agents.yaml",
        "device: alice-phone",
        "device: alice-fone",
        "3:13: agent `alice`: there is no device `alice-fone` under `devices:` (did you mean `alice-phone`?)",
    ),
    (
        "agents.yaml",
        "devices:",
        "decives:",
        "5:1: agents.yaml has no field `decives` (did you mean `devices`?)",
    ),
    (
        "numbers.yaml",
        "{flow: main, campaign: web}",
        "{flow: mane}",
        "3:17: number `100`: there is no file flows/mane.yaml (did you mean `main`?)",
    ),
    (
        "numbers.yaml",
        "default: {flow: main}\n",
        "",
        "1:1: `default` is missing (it says where a call to any other number goes: `default: {flow: main}`)",
    ),
    (
        "numbers.yaml",
        "numbers:\n",
        'numbers:\n  "100": {flow: main}\n',
        "4:3: `100` is written twice: in line 3 and in line 4 (keep one of them)",
    ),
    (
        "trunks.yaml",
        "127.0.0.0/8",
        "127.0.0.1/8",
        "3:13: trunk `local`: 127.0.0.1/8 has host bits set",
    ),
    (
        "trunks.yaml",
        "local:",
        "alice-phone:",
        "2:3: trunk `alice-phone` is named like a device in agents.yaml (rename one of them)",
    ),
    (
        "trunks.yaml",
        "local:",
        "Local Trunk:",
        "2:3: trunk `Local Trunk`: a name has a-z, 0-9, - and _, at most 40 characters",
    ),
]


@pytest.mark.parametrize(
    ("file", "old", "new", "said"), ONE_ERROR, ids=[f"{e[0]}:{e[3][:40]}" for e in ONE_ERROR]
)
def test_each_error_is_named_with_its_place(company: Path, file: str, old: str, new: str, said: str) -> None:
    edit(company, file, old, new)
    assert f"{file}:{said}" in found(company)
    with pytest.raises(BrokenCallflows):
        load_callflows(company, Path("/data/prompts"))


def test_one_error_brings_no_others_along(company: Path) -> None:
    edit(company, MAIN, "play: hello", "play: {fils: hello}")
    assert len(found(company)) == 2  # the unknown field, and the one that is missing therefore
    edit(company, "queues.yaml", "sales:", "sales: [")
    assert len([text for text in found(company) if not text.startswith(MAIN)]) == 1


def test_all_errors_come_at_once_sorted_by_place(company: Path) -> None:
    edit(company, MAIN, "play: hello", "pley: hello")
    edit(company, MAIN, "1: sales", "1: sails")
    edit(company, "numbers.yaml", "campaign: web", "campain: web")
    edit(company, "agents.yaml", "[sales]", "[sale]")
    (company / "prompts/en/question.wav").unlink()
    problems = check_callflows(company).problems
    assert [(problem.place.file, problem.place.line) for problem in problems] == [
        ("agents.yaml", 4),
        (MAIN, 4),
        (MAIN, 7),
        (MAIN, 9),
        ("numbers.yaml", 3),
    ]


def test_a_prompt_is_needed_in_each_language_a_number_leads_to(company: Path) -> None:
    edit(company, "numbers.yaml", "campaign: web", "language: es")
    record(company / "prompts/es/hello.wav")
    assert found(company) == [
        f"{MAIN}:7:11: step `choose`: there is no file prompts/es/question.wav (one of `hello`)"
    ]


def test_a_region_takes_what_it_has_not_from_its_language(company: Path) -> None:
    edit(company, "numbers.yaml", "campaign: web", "language: pt-br")
    record(company / "prompts/pt/hello.wav", samples=8000)
    record(company / "prompts/pt/question.wav")
    record(company / "prompts/pt-br/question.wav", samples=16000)
    assert found(company) == []
    callflows = load_callflows(company, Path("/data/prompts"))
    assert callflows.prompt("hello", "pt-br") == callflows.prompt("hello", "pt")
    assert callflows.prompt("question", "pt-br") != callflows.prompt("question", "pt")
    with pytest.raises(MediaFailed):
        callflows.prompt("hello", "es")
    (company / "prompts/pt/hello.wav").unlink()
    assert [text.split(" (")[0] for text in found(company)] == [
        f"{MAIN}:4:11: step `welcome`: there is no file prompts/pt-br/hello.wav"
    ]


def test_a_flow_no_number_leads_to_needs_its_prompts_too(company: Path) -> None:
    write(company, "flows/other.yaml", "steps:\n  a: {play: nix, next: b}\n  b: {hangup: }\n")
    assert [text.split(" (")[0] for text in found(company)] == [
        "flows/other.yaml:2:13: step `a`: there is no file prompts/en/nix.wav"
    ]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (
            {"rate": 44100, "channels": 2},
            "is 44100 Hz, 2 channel(s), 16 bit; calls need 8000 Hz, 1 channel, 16 bit",
        ),
        ({"width": 1}, "is 8000 Hz, 1 channel(s), 8 bit; calls need 8000 Hz, 1 channel, 16 bit"),
        ({"samples": 0}, "has no sound in it"),
    ],
)
def test_a_recording_that_cannot_be_played(company: Path, form: dict[str, int], said: str) -> None:
    record(company / "prompts/en/hello.wav", **form)
    assert [text.split(" (")[0] for text in found(company)] == [f"prompts/en/hello.wav: {said}"]


def test_a_recording_that_is_none(company: Path) -> None:
    (company / "prompts/en/hello.wav").write_bytes(b"ID3 no wave")
    assert found(company)[0].startswith("prompts/en/hello.wav: is no WAV file of plain samples")


def test_files_that_are_not_read_are_named(company: Path) -> None:
    write(company, "flows/more.yml", "steps: {a: {hangup: }}\n")
    write(company, "flows/Main Menu.yaml", "steps: {a: {hangup: }}\n")
    record(company / "prompts/en/My Prompt.wav")
    record(company / "prompts/English/hello.wav")
    assert found(company) == [
        "flows/Main Menu.yaml: a flow's file is named with a-z, 0-9, - and _, at most 40 characters",
        "flows/more.yml: is not read (rename it to end in `.yaml`)",
        "prompts/English/hello.wav: `English` is no language (use its code, such as `en` or `pt-br`)",
        "prompts/en/My Prompt.wav: a prompt's file is named with a-z, 0-9, - and _, at most 40 characters",
    ]


def test_a_misnamed_file_is_named(company: Path) -> None:
    (company / "policy.yaml").unlink()
    (company / "trunks.yaml").rename(company / "trunk.yml")
    assert found(company) == ["trunk.yml: is not read (did you mean `trunks.yaml`?)"]


def test_a_directory_without_flows(tmp_path: Path) -> None:
    assert found(tmp_path) == ["flows: there are no flows (a flow is a file `flows/NAME.yaml`)"]


def test_missing_files(company: Path) -> None:
    (company / "policy.yaml").unlink()
    (company / "trunks.yaml").unlink()
    assert found(company) == []
    (company / "numbers.yaml").unlink()
    assert found(company) == [
        "numbers.yaml: is missing (it says which flow a number leads to: `default: {flow: main}`)"
    ]
