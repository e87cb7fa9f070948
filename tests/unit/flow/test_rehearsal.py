"""What a version needs beside its own files is found before it goes live: music, and voices."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli import main
from ivr.flow.check import BrokenCallflows, check_callflows
from ivr.publish import Published, Versions, Watch
from ivr.rehearsal import MAX_UNSPOKEN, Rehearsal
from ivr.speech import ENGINE
from tests.unit.flow.small_company import build, edit, record

MAIN = "flows/main.yaml"


@pytest.fixture
def company(tmp_path: Path) -> Path:
    return build(tmp_path / "callflows")


def rehearsal(company: Path, engine: str = ENGINE) -> Rehearsal:
    return Rehearsal(company / "music", company.parent / "speech", engine, {})


def found(company: Path, engine: str = ENGINE) -> list[str]:
    return [str(problem) for problem in check_callflows(company, rehearsal(company, engine)).problems]


def test_music_without_a_directory(company: Path) -> None:
    edit(company, "queues.yaml", "    title: Sales\n", "    title: Sales\n    music: jaz\n")
    record(company / "music" / "jazz" / "tune.wav")
    assert found(company) == [
        "queues.yaml:4:12: queue `sales`: there is no directory music/jaz/ with .wav files in it "
        "(did you mean `jazz`?)"
    ]
    edit(company, "queues.yaml", "music: jaz", "music: jazz")
    assert found(company) == []


def test_music_whose_directory_is_empty(company: Path) -> None:
    edit(company, "queues.yaml", "title: Sales", "music: jazz")
    (company / "music" / "jazz").mkdir(parents=True)
    (told,) = found(company)
    assert told.startswith("queues.yaml:3:12: queue `sales`: there is no directory music/jazz/ with .wav")


def test_every_text_that_cannot_be_spoken(company: Path) -> None:
    edit(company, MAIN, "play: hello", "say: Welcome!")
    edit(company, MAIN, "menu: question", "menu: {say: Which?, timeout: {say: Hurry!}}")
    edit(company, "numbers.yaml", '"100": {flow: main,', '"100": {flow: main, language: xq,')
    told = [problem.partition(": espeak-ng failed")[0] for problem in found(company)]
    assert told == [
        f"{MAIN}:4:10: step `welcome`: this text cannot be spoken in `xq`",
        f"{MAIN}:7:17: step `choose`: this text cannot be spoken in `xq`",
        f"{MAIN}:7:40: step `choose`: this text cannot be spoken in `xq`",
    ]


def test_texts_that_can_be_spoken_are_ready_for_the_first_caller(company: Path) -> None:
    edit(company, MAIN, "play: hello", "say: Welcome!")
    assert found(company) == []
    assert len(list((company.parent / "speech").glob("*.wav"))) == 1


def test_an_engine_that_fails_is_not_tried_for_ever(company: Path) -> None:
    many = "".join(f"  s{n}:\n    say: Text {n}\n    next: s{n + 1}\n" for n in range(9))
    edit(company, MAIN, "    next: choose\n", f"    next: s0\n{many}".replace("s9", "choose"))
    told = found(company, "false")
    assert len(told) == MAX_UNSPOKEN
    assert all("cannot be spoken in `en`: false failed with status 1" in problem for problem in told)


def test_an_engine_that_is_no_command(company: Path) -> None:
    assert found(company, "espeak-ng {vioce}") == [
        "HOLDFAST_SPEECH_ENGINE: 'espeak-ng {vioce}' is no command template: 'vioce'"
    ]


def test_check_tells_both(company: Path) -> None:
    edit(company, "queues.yaml", "title: Sales", "music: jazz")
    edit(company, MAIN, "play: hello", "say: Welcome!")
    edit(company, "numbers.yaml", "{flow: main}", "{flow: main, language: xq}")
    result = CliRunner().invoke(main, ["check", str(company)])
    assert result.exit_code == 1
    assert "queues.yaml:3:12: queue `sales`: there is no directory music/jazz/" in result.output
    assert "cannot be spoken in `xq`" in result.output


async def test_neither_goes_live_until_it_is_mended(company: Path) -> None:
    told: list[str] = []
    live: list[int] = []

    async def changed(published: Published) -> None:
        live.append(published.callflows.version)

    versions = Versions(company.parent / "data", rehearsal(company))
    versions.start(company)
    watch = Watch(versions, company, changed, lambda broken: told.append(str(broken)))
    edit(company, "queues.yaml", "title: Sales", "music: jazz")
    await watch.look()
    assert (len(told), live) == (1, [])
    record(company / "music" / "jazz" / "tune.wav")
    await watch.look()
    assert (len(told), live) == (1, [2])


async def test_a_worker_that_starts_is_not_kept_away_by_a_lost_voice(company: Path) -> None:
    data = company.parent / "data"
    edit(company, MAIN, "play: hello", "say: Welcome!")
    Versions(data, rehearsal(company)).publish(company, by="ann")
    edit(company, MAIN, "Welcome!", "Be welcome!")
    started = Versions(data, rehearsal(company, "false")).start(company)
    assert isinstance(started.broken, BrokenCallflows)
    assert started.callflows.version == 1
