"""`holdfast publish`, `versions`, `diff`, `rollback`: the commands, and what the server makes of it."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr.cli import main
from ivr.publish import Published, Versions, Watch
from tests.unit.flow.small_company import build, edit, record, write

TESTS = "tests:\n  it: {to: '100', presses: {choose: 1}, verdict: completed}\n"


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOLDFAST_CALLFLOWS", str(tmp_path / "callflows"))
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SUDO_USER", "ann")
    return build(tmp_path / "callflows")


def holdfast(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments])


def listed() -> list[tuple[int, str, str]]:
    """Version, who and why of each, the newest first."""
    found = json.loads(holdfast("versions", "--json").output)["versions"]
    return [(each["version"], each["by"], each["message"]) for each in found]


def sellers(company: Path) -> None:
    edit(company, "queues.yaml", "title: Sales", "title: Sellers")


def test_who_when_and_why(company: Path) -> None:
    assert holdfast("publish", "-m", "First").output == "version 1 is live\n"
    sellers(company)
    assert holdfast("publish", "--by", "bob", "-m", "They sell").output == "version 2 is live\n"
    assert holdfast("publish").output == "version 2 is live: it has the same content\n"
    assert listed() == [(2, "bob", "They sell"), (1, "ann", "First")]
    table = holdfast("versions").output.splitlines()
    assert table[0].split() == ["version", "when", "(UTC)", "who", "why"]
    assert table[1].split()[0] == "2"
    assert table[1].endswith("bob  They sell ") or table[1].endswith("bob  They sell")


@pytest.mark.usefixtures("company")
def test_no_version_yet() -> None:
    assert holdfast("versions").output == "nothing was published here yet\n"
    assert holdfast("diff").exit_code == 4
    assert holdfast("rollback", "1").exit_code == 4


def test_errors_stay_outside(company: Path) -> None:
    holdfast("publish")
    edit(company, "queues.yaml", "title:", "titel:")
    result = holdfast("publish", "-m", "x")
    assert result.exit_code == 1
    assert "queues.yaml:3:5: queue `sales`: unknown field `titel` (did you mean `title`?)" in result.output
    failed = json.loads(holdfast("publish", "--json").output)
    assert (failed["live"], failed["problems"][0]["line"]) == (False, 3)
    assert [number for number, _, _ in listed()] == [1]


def test_what_fails_its_tests_does_not_go_live(company: Path) -> None:
    write(company, "tests/main.yaml", TESTS)
    assert holdfast("publish").exit_code == 0
    write(company, "tests/main.yaml", TESTS.replace("completed", "abandoned"))
    result = holdfast("publish")
    assert result.exit_code == 1
    assert "test `it`: the call was `completed`, not `abandoned`" in result.output
    assert holdfast("check", str(company)).exit_code == 1
    assert [number for number, _, _ in listed()] == [1]


def test_what_went_live_by_itself_gets_its_reason_afterwards(company: Path, tmp_path: Path) -> None:
    Versions(tmp_path / "data").publish(company, by="watch")
    assert "(saved in callflows/)" in holdfast("versions").output
    assert holdfast("publish", "-m", "As agreed").exit_code == 0
    assert listed() == [(1, "ann", "As agreed")]
    holdfast("publish", "--by", "bob", "-m", "Mine")
    assert listed() == [(1, "ann", "As agreed")], "what somebody has published stays his"


def test_the_difference(company: Path) -> None:
    write(company, "flows/old.yaml", "steps:\n  a: {hangup: }\n")
    holdfast("publish")
    assert (holdfast("diff").output, holdfast("diff").exit_code) == ("no difference\n", 0)
    sellers(company)
    record(company / "prompts/en/hello.wav", samples=99)
    record(company / "prompts/en/new.wav")
    (company / "flows/old.yaml").unlink()
    result = holdfast("diff")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "--- a/flows/old.yaml",
        "+++ b/flows/old.yaml",
        "@@ -1,2 +0,0 @@",
        "-steps:",
        "-  a: {hangup: }",
        "prompts/en/hello.wav: recorded anew",
        "prompts/en/new.wav: added",
        "--- a/queues.yaml",
        "+++ b/queues.yaml",
        "@@ -1,3 +1,3 @@",
        " queues:",
        "   sales:",
        "-    title: Sales",
        "+    title: Sellers",
    ]
    holdfast("publish")
    assert holdfast("diff").exit_code == 0
    assert holdfast("diff", "1", "2").output == result.output
    assert holdfast("diff", "1").output == result.output
    assert [*json.loads(holdfast("diff", "2", "1", "--json").output)["files"]] == [
        "flows/old.yaml",
        "prompts/en/hello.wav",
        "prompts/en/new.wav",
        "queues.yaml",
    ]
    assert holdfast("diff", "7").exit_code == 4


def test_back_to_an_older_version(company: Path) -> None:
    write(company, "tests/main.yaml", TESTS)
    holdfast("publish")
    before = (company / "queues.yaml").read_text()
    sellers(company)
    write(company, "flows/new.yaml", "steps: {a: {hangup: }}\n")
    record(company / "prompts/en/hello.wav", samples=99)
    (company / "tests/main.yaml").unlink()
    holdfast("publish", "-m", "Bad idea")
    assert holdfast("rollback", "1").output == "version 3 is live\n"
    assert (company / "queues.yaml").read_text() == before
    assert (company / "tests/main.yaml").read_text() == TESTS
    assert not (company / "flows/new.yaml").exists()
    assert holdfast("diff", "1", "3").exit_code == 0
    assert listed() == [(3, "ann", "back to version 1"), (2, "ann", "Bad idea"), (1, "ann", "")]


def test_no_work_is_lost_by_going_back(company: Path) -> None:
    holdfast("publish")
    sellers(company)
    result = holdfast("rollback", "1")
    assert result.exit_code == 4
    assert "has changes that were never published: `holdfast diff` shows them; publish them" in result.output
    assert "Sellers" in (company / "queues.yaml").read_text()


def test_what_is_broken_is_thrown_away_if_that_is_said(company: Path) -> None:
    """The moment in which somebody wants to go back: what is there cannot be published."""
    holdfast("publish")
    before = (company / "queues.yaml").read_text()
    write(company, "queues.yaml", "queues: [")
    write(company, "flows/new.yaml", "steps: [")
    assert holdfast("publish").exit_code == 1
    assert holdfast("rollback", "1").exit_code == 4
    assert holdfast("rollback", "1", "--discard").output == "version 1 is live: it has the same content\n"
    assert (company / "queues.yaml").read_text() == before
    assert not (company / "flows/new.yaml").exists()
    assert (holdfast("diff").exit_code, holdfast("diff").output) == (0, "no difference\n")


@pytest.mark.timeout(30)
def test_what_is_no_file_is_left_to_the_check(company: Path) -> None:
    holdfast("publish")
    (company / "flows/x.yaml").mkdir()
    os.mkfifo(company / "flows/y.yaml")
    assert holdfast("diff").output == "no difference\n"
    told = holdfast("publish")
    assert (told.exit_code, told.output.count("cannot be read: is no file")) == (1, 2)


def test_a_version_that_fits_no_longer_is_not_gone_back_to(company: Path, tmp_path: Path) -> None:
    holdfast("publish")
    old = tmp_path / "data/versions/1/flows/main.yaml"
    old.write_text(old.read_text().replace("play: hello", "pley: hello"))
    sellers(company)
    holdfast("publish")
    assert holdfast("rollback", "1").exit_code == 1
    assert "Sellers" in (company / "queues.yaml").read_text()
    assert [number for number, _, _ in listed()] == [2, 1]


def test_the_call_log_is_told_once(company: Path, tmp_path: Path) -> None:
    Versions(tmp_path / "data").publish(company, by="ann")
    workers = [Versions(tmp_path / "data") for _ in range(3)]
    assert [each.first_to_tell(1) for each in workers] == [True, False, False]
    assert [each.by(1) for each in workers] == ["ann"] * 3


class Follower:
    """A worker of a server with HOLDFAST_WATCH=no."""

    def __init__(self, company: Path, data: Path) -> None:
        self.versions = Versions(data)
        self.live = self.versions.start(company, publishes=False).callflows.version
        self.watch = Watch(self.versions, company, self._changed, print, publishes=False)

    async def _changed(self, published: Published) -> None:
        self.live = published.callflows.version

    def look(self) -> int:
        asyncio.run(self.watch.look())
        return self.live


def test_without_watching_only_publish_takes_it_live(company: Path, tmp_path: Path) -> None:
    first = Follower(company, tmp_path / "data")
    assert first.live == 1, "there must be something to begin with"
    sellers(company)
    assert first.look() == 1
    assert Follower(company, tmp_path / "data").live == 1
    holdfast("publish")
    assert (first.look(), Follower(company, tmp_path / "data").live) == (2, 2)
    holdfast("rollback", "1")
    assert first.look() == 3
