"""The path to live: the same content is the same version, and a bad edit changes nothing."""

import asyncio
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from ivr.flow.check import BrokenCallflows
from ivr.publish import Published, Record, UnknownVersion, Versions, Watch
from tests.unit.flow.small_company import build, edit, record


@pytest.fixture
def company(tmp_path: Path) -> Path:
    return build(tmp_path / "callflows")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_the_same_content_is_the_same_version(company: Path, data: Path) -> None:
    first = Versions(data).publish(company, by="ann")
    again = Versions(data).publish(company, by="bob")
    assert (first.callflows.version, first.fresh) == (1, True)
    assert (again.callflows.version, again.fresh) == (1, False)
    edit(company, "queues.yaml", "title: Sales", "title: Sellers")
    third = Versions(data).publish(company, by="bob")
    assert (third.callflows.version, third.fresh) == (2, True)
    assert third.callflows.flows["main"].version == 2


def test_a_version_says_who_and_when(company: Path, data: Path) -> None:
    published = Versions(data).publish(company, by="ann")
    written = (data / "versions/1/version.json").read_bytes()
    said = msgspec.json.decode(written, type=Record)
    assert (said.version, said.by, said.content) == (1, "ann", published.callflows.content)
    assert abs(said.at - (data / "versions/1/version.json").stat().st_mtime * 1000) < 60_000


def test_going_back_is_a_version_of_its_own(company: Path, data: Path) -> None:
    versions = Versions(data)
    versions.publish(company, by="ann")
    edit(company, "queues.yaml", "title: Sales", "title: Sellers")
    versions.publish(company, by="ann")
    edit(company, "queues.yaml", "title: Sellers", "title: Sales")
    assert versions.publish(company, by="ann").callflows.version == 3


def test_processes_that_publish_at_once_agree_and_one_is_first(company: Path, data: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        published = list(pool.map(lambda _: Versions(data).publish(company, by="watch"), range(8)))
    assert {each.callflows.version for each in published} == {1}
    assert sum(each.fresh for each in published) == 1


def test_a_bad_edit_changes_nothing_and_says_why(company: Path, data: Path) -> None:
    versions = Versions(data)
    versions.publish(company, by="ann")
    edit(company, "flows/main.yaml", "play: hello", "pley: hello")
    with pytest.raises(BrokenCallflows, match=r"flows/main.yaml:4:5: .*did you mean `play`"):
        versions.publish(company, by="ann")
    latest = versions.latest()
    assert latest
    assert latest.version == 1
    assert sorted(path.name for path in (data / "versions").iterdir()) == [".lock", "1"]


def test_older_versions_stay_for_the_calls_that_are_on_them(company: Path, data: Path) -> None:
    Versions(data).publish(company, by="ann")
    edit(company, "queues.yaml", "title: Sales", "title: Sellers")
    record(company / "prompts/en/hello.wav", samples=80)
    now = Versions(data).publish(company, by="ann").callflows
    then = Versions(data).load(1)
    assert then.queues["sales"].title == "Sales"
    assert then.prompt("hello", "en") != now.prompt("hello", "en")
    for each in (then, now):
        sound = Path(each.prompt("hello", "en").removeprefix("sound:") + ".wav")
        assert sound.parent == data / "prompts"
        assert stat.S_IMODE(sound.stat().st_mode) == 0o644
    with pytest.raises(UnknownVersion):
        Versions(data).load(3)


def test_sounds_that_somebody_deleted_come_back(company: Path, data: Path) -> None:
    media = Versions(data).publish(company, by="ann").callflows.prompt("hello", "en")
    sound = Path(media.removeprefix("sound:") + ".wav")
    sound.unlink()
    Versions(data).start(company)
    assert sound.read_bytes() == (company / "prompts/en/hello.wav").read_bytes()


def test_a_worker_that_starts_during_a_bad_edit_works_by_the_last_version(company: Path, data: Path) -> None:
    Versions(data).publish(company, by="ann")
    edit(company, "flows/main.yaml", "play: hello", "pley: hello")
    started = Versions(data).start(company)
    assert started.callflows.version == 1
    assert started.broken
    assert not started.fresh


def test_a_first_start_with_errors_is_refused(company: Path, data: Path) -> None:
    edit(company, "flows/main.yaml", "play: hello", "pley: hello")
    with pytest.raises(BrokenCallflows):
        Versions(data).start(company)


def test_a_version_that_a_crash_left_half_written_is_passed_over(company: Path, data: Path) -> None:
    Versions(data).publish(company, by="ann")
    (data / "versions/2").mkdir()
    (data / "versions/2/version.json").write_bytes(b"{")
    (data / "versions/.draft/flows").mkdir(parents=True)
    latest = Versions(data).latest()
    assert latest
    assert latest.version == 1
    edit(company, "queues.yaml", "title: Sales", "title: Sellers")
    assert Versions(data).publish(company, by="ann").callflows.version == 3


class Watcher:
    """A watch, and what it told."""

    def __init__(self, company: Path, data: Path) -> None:
        self.versions = Versions(data)
        self.live = self.versions.publish(company, by="start").callflows.version
        self.broken: list[str] = []
        self.watch = Watch(self.versions, company, self._changed, self._broke)

    async def _changed(self, published: Published) -> None:
        self.live = published.callflows.version

    def _broke(self, broken: BrokenCallflows) -> None:
        self.broken.append(str(broken))

    def look(self) -> tuple[int, int]:
        """Look once: the live version, and how many complaints there were so far."""
        asyncio.run(self.watch.look())
        return self.live, len(self.broken)


def test_a_change_goes_live_and_a_broken_one_does_not(company: Path, data: Path) -> None:
    watcher = Watcher(company, data)
    assert watcher.look() == (1, 0)
    edit(company, "queues.yaml", "title: Sales", "title: Sellers")
    assert watcher.look() == (2, 0)
    edit(company, "flows/main.yaml", "play: hello", "pley: hello")
    assert watcher.look() == (2, 1)
    assert watcher.look() == (2, 1), "it complained twice about the same edit"
    edit(company, "flows/main.yaml", "pley: hello", "play: question")
    assert watcher.look() == (3, 1)


@pytest.mark.parametrize("change", ["new-prompt", "new-flow", "deleted-flow"])
def test_what_counts_as_a_change(company: Path, data: Path, change: str) -> None:
    (company / "flows/old.yaml").write_text("steps: {a: {hangup: }}\n")
    watcher = Watcher(company, data)
    match change:
        case "new-prompt":
            record(company / "prompts/en/hello.wav", samples=99)
        case "new-flow":
            (company / "flows/new.yaml").write_text("steps: {a: {hangup: }}\n")
        case "deleted-flow":
            (company / "flows/old.yaml").unlink()
    assert watcher.look() == (2, 0)


def test_a_full_disk_is_tried_again(company: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Watcher(company, data)
    edit(company, "queues.yaml", "title: Sales", "title: Sellers")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ivr.publish.shutil.copyfile", full)
        assert watcher.look() == (1, 0)
        assert watcher.versions.start(company).callflows.version == 1
    assert watcher.look() == (2, 0)


def test_looking_at_an_unchanged_directory_reads_no_file(
    company: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = Watcher(company, data)
    monkeypatch.setattr(watcher.versions, "publish", None)
    assert watcher.look() == (1, 0)


def test_only_versions_that_nobody_needs_are_cleared(
    company: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.publish.KEPT", 2)
    versions = Versions(data)
    for number in range(1, 7):
        record(company / "prompts/en/hello.wav", samples=8 * number + 8)
        versions.publish(company, by="ann")
    assert versions.clear(in_use={2}) == [1, 3, 4]
    assert versions.clear(in_use={2}) == []
    left = Versions(data)
    for number in (2, 5, 6):
        media = left.load(number).prompt("hello", "en")
        assert Path(media.removeprefix("sound:") + ".wav").exists(), number
    assert len(list((data / "prompts").iterdir())) == 4, "three versions of one prompt, one of the other"
    with pytest.raises(UnknownVersion):
        left.load(1)
    assert versions.publish(company, by="ann").callflows.version == 6


def test_the_last_twenty_stay(company: Path, data: Path) -> None:
    versions = Versions(data)
    for number in range(1, 23):
        (company / "queues.yaml").write_text(f"queues:\n  sales:\n    title: Sales {number}\n")
        versions.publish(company, by="ann")
    assert versions.clear(in_use=set()) == [1, 2]
