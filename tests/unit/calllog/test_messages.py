"""`holdfast messages`: what is shown, marked and deleted, as an admin calls it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from calllog.call_events import Recorded
from calllog.event import Event
from calllog.events import AnyEvent, decode, encode
from ivr.cli import AWAY, FINDINGS, OK, REFUSED, main
from tests.unit.calllog.conftest import Planted

Holdfast = Callable[..., Result]
AT = 1_795_305_600_000


def recorded(name: str, box: str = "office", number: str = "4930") -> AnyEvent:
    common = {"id": f"{name}:1", "site": "x", "call": name, "seq": 1, "source": "observed"}
    event = Recorded(
        **{**common, "at": AT, "logged_at": AT},  # type: ignore[arg-type]
        path="main/v",
        recording=name,
        length_ms=2500,
        box=box,
        from_=number,
    )
    assert isinstance(event, Event)
    return decode(encode(event))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recordings").mkdir()
    return tmp_path / "recordings"


@pytest.fixture
def holdfast(planted: Planted, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Holdfast:
    monkeypatch.setenv("HOLDFAST_SITE", planted.site)
    monkeypatch.setenv("HOLDFAST_REDIS_URL", planted.url)
    monkeypatch.setenv("HOLDFAST_DATA", str(folder.parent))
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *args: CliRunner().invoke(main, ["messages", *args])


@pytest.fixture
def filled(planted: Planted, folder: Path) -> None:
    """Two messages, a recording that is none, and one whose file is gone."""
    for name, box in (("a-1", "office"), ("b-1", "sales"), ("wish", ""), ("gone", "office")):
        planted.add(recorded(name, box))
    for name in ("a-1", "b-1", "wish"):
        (folder / f"{name}.wav").write_bytes(b"RIFF")


def ids(result: Result) -> list[str]:
    return [message["id"] for message in json.loads(result.stdout)["messages"]]


@pytest.mark.usefixtures("filled")
def test_messages_are_those_of_boxes_whose_files_are_there(holdfast: Holdfast, folder: Path) -> None:
    shown = holdfast("--json")
    assert shown.exit_code == OK
    (first, second) = json.loads(shown.stdout)["messages"]
    assert first == {
        "id": "a-1",
        "at": AT,
        "box": "office",
        "caller": "4930",
        "length_s": 2.5,
        "heard": False,
        "file": str(folder / "a-1.wav"),
        "call": "a-1",
    }
    assert second["id"] == "b-1"
    assert ids(holdfast("--json", "--box", "sales")) == ["b-1"]
    table = holdfast().stdout.splitlines()
    assert table[1].split()[2:] == ["office", "4930", "2.5", "s", "new", "a-1"]
    assert table[-1] == "2 messages, 2 new"


@pytest.mark.usefixtures("filled")
def test_redacted_it_holds_no_number(holdfast: Holdfast) -> None:
    for options in ((), ("--json",)):
        assert "4930" in holdfast(*options).stdout
        assert "4930" not in holdfast("--redact", *options).stdout


@pytest.mark.usefixtures("filled")
def test_what_was_heard_is_not_new(holdfast: Holdfast) -> None:
    assert holdfast("--heard", "a-1").exit_code == OK
    assert ids(holdfast("--json", "--new")) == ["b-1"]
    assert ids(holdfast("--json")) == ["a-1", "b-1"]
    assert holdfast().stdout.splitlines()[-1] == "2 messages, 1 new"


@pytest.mark.usefixtures("filled")
def test_what_is_deleted_is_gone(holdfast: Holdfast, folder: Path) -> None:
    assert holdfast("--heard", "a-1", "--delete", "a-1", "--delete", "b-1").exit_code == OK
    assert ids(holdfast("--json")) == []
    assert sorted(path.name for path in folder.iterdir()) == ["wish.wav"]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("name", ["nobody", "wish", "gone", "../recordings/a-1", ""])
def test_only_a_message_can_be_deleted(holdfast: Holdfast, folder: Path, name: str) -> None:
    for option in ("--delete", "--heard"):
        result = holdfast(option, name, option, "a-1")
        assert result.exit_code == FINDINGS
        assert "there is no message" in result.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["b-1.wav", "wish.wav"], "the other one is done"


def test_a_name_that_a_caller_chose_cannot_write_to_the_terminal(
    holdfast: Holdfast, planted: Planted, folder: Path
) -> None:
    planted.add(recorded("a-1", number="\x1b[2J4930"))
    (folder / "a-1.wav").touch()
    for options in ((), ("--json",)):
        assert "\x1b" not in holdfast(*options).stdout


def test_without_any_there_is_none(holdfast: Holdfast, folder: Path) -> None:
    assert holdfast().stdout == "0 messages, 0 new\n"
    folder.rmdir()
    assert holdfast().exit_code == OK


@pytest.mark.usefixtures("filled")
def test_without_redis_nothing_is_known(holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_REDIS_URL", "unix:///nowhere/redis.sock")
    assert holdfast().exit_code == AWAY


@pytest.mark.usefixtures("filled")
def test_who_may_not_look_is_told_so(holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    result = holdfast()
    assert result.exit_code == REFUSED
    assert "messages are for root and for Asterisk" in result.stderr
