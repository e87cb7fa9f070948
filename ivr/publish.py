"""The one path to live: check → numbered version → live. A bad edit stays outside, and says why."""

import asyncio
import fcntl
import logging
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from calllog.errors import HoldfastError
from ivr.callflows import Callflows
from ivr.flow.check import BrokenCallflows, Further, content_of, files_of, load_callflows, strays_of
from ivr.flow.recordings import read_prompts

# ruff: noqa: N818  (an error is named by what is the matter: UnknownVersion)

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0

KEPT = 20
"""Versions that stay whether or not a call is on them."""

KEPT_LOADED = 8
"""Versions kept in memory: calls that were taken over may be on an older one."""

Seen = tuple[tuple[str, int, int, int], ...]
"""Path, time of change, size and inode of every file."""


BY_ITSELF = ("start", "watch")
"""Who published a version that nobody asked to be published."""


class Unsaved(HoldfastError):
    """The directory has content that is in no version, and it would be lost."""

    reason: str = "unsaved-callflows"


class UnknownVersion(HoldfastError):
    """No version of that number was ever published here, or it was cleared away."""

    reason: str = "unknown-version"


class Record(msgspec.Struct, frozen=True):
    """What is known of a version: `version.json` in its directory."""

    version: int
    content: str
    """SHA-256 of the directory's content."""
    by: str
    """Who published it: a user's name, or `start` or `watch` if it went live by itself."""
    at: int
    """When, in milliseconds since the epoch."""
    message: str = ""
    """Why, in the words of who published it."""


class Published(NamedTuple):
    """The live version."""

    callflows: Callflows
    fresh: bool
    """It was made by this very call."""
    broken: BrokenCallflows | None = None
    """Why the directory's present content is not what is live."""


class Versions:
    """All versions published here: `<data>/versions/<n>/`, immutable; sounds in `<data>/prompts/<sha>.wav`.

    Several processes may publish at the same time: the same content gets the same number.
    """

    def __init__(self, data: Path, further: Further | None = None) -> None:
        """`further`: what is checked besides before anything is published."""
        self._further = further
        self._at = data / "versions"
        self._prompts = data / "prompts"
        self._loaded: dict[int, Callflows] = {}

    def publish(self, directory: Path, by: str, message: str = "") -> Published:
        """Make the directory's content live. Errors in it: raises `BrokenCallflows` and changes nothing.

        What has gone live by itself gets the `message`, and who wrote it, now.
        """
        with self._alone():
            return self._publish(directory, by, message)

    def _publish(self, directory: Path, by: str, message: str) -> Published:
        latest = self.newest()
        if latest is not None and latest.content == content_of(directory):
            if message and latest.by in BY_ITSELF:
                meant = msgspec.structs.replace(latest, by=by, message=message)
                self._write(self._at / str(latest.version), meant)
            return Published(self.load(latest.version), fresh=False)
        version = 1 + max(self._numbers(), default=0)
        draft = self._at / ".draft"  # one at a time; what a crash left of the last one goes first
        shutil.rmtree(draft, ignore_errors=True)
        try:
            self._make(directory, draft, version, by, message)
            draft.rename(self._at / str(version))
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return Published(self._loaded[version], fresh=True)

    def try_out(self, directory: Path) -> Callflows:
        """What `publish` would make live. Raises `BrokenCallflows`; changes nothing."""
        if strays := strays_of(directory):
            raise BrokenCallflows(strays)
        return load_callflows(directory, self._prompts, 0, self._further)

    def roll_back(
        self, version: int, directory: Path, by: str, message: str = "", discard: bool = False
    ) -> Published:
        """Make the directory what it was in `version`, and that live, as a version of its own.

        Raises `UnknownVersion`, `Unsaved` if the directory has a change that is in no version (unless
        `discard`: it is lost), `BrokenCallflows` if the old version does not pass today's check. Each of them
        changes nothing.
        """
        with self._alone():
            before = self.directory_of(version)
            if not discard and content_of(directory) not in {record.content for record in self.records()}:
                hint = "`holdfast diff` shows them; publish them first, or throw them away with --discard"
                raise Unsaved(f"{directory} has changes that were never published: {hint}")
            load_callflows(before, self._prompts, version, self._further)
            _replace(directory, before)
            return self._publish(directory, by, message or f"back to version {version}")

    def records(self) -> list[Record]:
        """What is known of each version that is here, the newest first."""
        found = (self._record(number) for number in sorted(self._numbers(), reverse=True))
        return [record for record in found if record is not None]

    def directory_of(self, version: int) -> Path:
        """Where the files of a version are. Raises `UnknownVersion`."""
        directory = self._at / str(version)
        if not directory.is_dir():
            raise UnknownVersion(f"version {version} of the call flows is not here")
        return directory

    def first_to_tell(self, version: int) -> bool:
        """Whether nobody has told the call log of this version yet; from now on somebody has."""
        try:
            (self._at / str(version) / ".told").touch(exist_ok=False)
        except OSError:  # there already; or the disk is full, and then it stays untold rather than told twice
            return False
        return True

    def by(self, version: int) -> str:
        """Who published a version; empty if that cannot be read."""
        record = self._record(version)
        return record.by if record else ""

    def start(self, directory: Path, publishes: bool = True) -> Published:
        """As `publish`, for a worker that starts: a broken edit, or a full disk, does not keep it away.

        It then works by the version that was live last. Raises `BrokenCallflows` only if there never was one.
        `publishes`: no: the version that was live last is what it works by, if there is one.
        """
        last = None if publishes else self.latest()
        if last is not None:
            return Published(last, fresh=False)
        try:
            return self.publish(directory, by="start")
        except BrokenCallflows as broken:
            last = self.latest()
            if last is None:
                raise
            return Published(last, fresh=False, broken=broken)
        except OSError as error:
            last = self.latest()
            if last is None:
                raise
            log.error("call flows could not be published, version %d stays: %s", last.version, error)
            return Published(last, fresh=False)

    def load(self, version: int) -> Callflows:
        """A version published earlier. Raises `UnknownVersion`; `BrokenCallflows` if it fits no longer."""
        if version not in self._loaded:
            directory = self.directory_of(version)
            loaded = load_callflows(directory, self._prompts, version)
            self._keep_sounds(directory, loaded)
            self._remember(loaded)
        return self._loaded[version]

    def latest(self) -> Callflows | None:
        """The version that was published last; None: none yet."""
        record = self.newest()
        return self.load(record.version) if record else None

    def clear(self, in_use: AbstractSet[int]) -> list[int]:
        """Delete all but the last `KEPT` versions and those `in_use`, and sounds that none of them has.

        Returns the numbers of those deleted.
        """
        with self._alone():
            numbers = sorted(self._numbers())
            cleared = [number for number in numbers[:-KEPT] if number not in in_use]
            for number in cleared:
                self._loaded.pop(number, None)
                shutil.rmtree(self._at / str(number), ignore_errors=True)
            if cleared:
                self._clear_sounds()
        return cleared

    def _clear_sounds(self) -> None:
        kept: set[str] = set()
        for number in self._numbers():
            for prompts in read_prompts(self._at / str(number), []).values():
                kept.update(prompts.values())
        for sound in self._prompts.glob("*.wav"):
            if sound.stem not in kept:
                sound.unlink(missing_ok=True)

    def newest(self) -> Record | None:
        """What is known of the version that was published last; None: none yet."""
        found = (self._record(number) for number in sorted(self._numbers(), reverse=True))
        return next((record for record in found if record is not None), None)

    def _record(self, number: int) -> Record | None:
        try:
            written = (self._at / str(number) / "version.json").read_bytes()
            return msgspec.json.decode(written, type=Record)
        except (OSError, msgspec.DecodeError) as error:
            log.error("version %d of the call flows is damaged: %s", number, error)
        return None

    def _numbers(self) -> list[int]:
        if not self._at.is_dir():
            return []
        return [int(path.name) for path in self._at.iterdir() if path.name.isdigit()]

    def _make(self, directory: Path, draft: Path, version: int, by: str, message: str) -> None:
        """Copy first and check the copy: what is being saved at this moment cannot slip through."""
        if strays := strays_of(directory):
            raise BrokenCallflows(strays)
        _copy(directory, draft)
        made = load_callflows(draft, self._prompts, version, self._further)
        self._keep_sounds(draft, made)
        self._write(draft, Record(version, made.content, by, time.time_ns() // 1_000_000, message))
        self._remember(made)

    def _write(self, directory: Path, record: Record) -> None:
        fresh = directory / "version.json.new"
        fresh.write_bytes(msgspec.json.encode(record))
        fresh.rename(directory / "version.json")

    def _keep_sounds(self, directory: Path, callflows: Callflows) -> None:
        """See to it that each sound of this version is where Asterisk looks for it."""
        self._prompts.mkdir(parents=True, exist_ok=True)
        for language, names in callflows.prompts.items():
            for name, sha in names.items():
                kept = self._prompts / f"{sha}.wav"
                if not kept.exists():
                    with suppress(FileExistsError):  # another process was as quick
                        os.link(directory / "prompts" / language / f"{name}.wav", kept)

    def _remember(self, callflows: Callflows) -> None:
        self._loaded[callflows.version] = callflows
        while len(self._loaded) > KEPT_LOADED:
            del self._loaded[min(self._loaded)]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._at.mkdir(parents=True, exist_ok=True)
        with (self._at / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _copy(directory: Path, to: Path) -> None:
    """Every file that takes part."""
    for path in files_of(directory):
        target = to / path.relative_to(directory)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o644)  # Asterisk reads the sounds, as another user


def _replace(directory: Path, before: Path) -> None:
    """Make the files of `directory` that take part those of `before`."""
    _copy(before, directory)
    old = {path.relative_to(before) for path in files_of(before)}
    for path in list(files_of(directory)):
        if path.relative_to(directory) not in old:
            path.unlink()


class Watch:
    """Takes each change of the directory live, or says why not; looks every second."""

    def __init__(
        self,
        versions: Versions,
        directory: Path,
        on_change: Callable[[Published], Awaitable[None]],
        on_broken: Callable[[BrokenCallflows], None],
        publishes: bool = True,
    ) -> None:
        """`publishes`: what is saved in the directory goes live; no: only what somebody publishes does."""
        self._versions = versions
        self._directory = directory
        self._on_change = on_change
        self._on_broken = on_broken
        self._publishes = publishes
        self._seen = self._look()

    async def run(self) -> None:
        """Watch until cancelled. `on_change` and `on_broken` are called once for each change."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Look once. Reading and checking happens in a thread: the calls of this worker go on meanwhile."""
        seen = await asyncio.to_thread(self._look)
        if seen == self._seen:
            return
        try:
            published = await asyncio.to_thread(self._take)
        except BrokenCallflows as broken:
            self._on_broken(broken)
        except OSError as error:
            log.error("call flows could not be published, the last version stays: %s", error)
            return  # `_seen` stays as it was: the next look tries again
        else:
            await self._on_change(published)
        self._seen = seen

    def _take(self) -> Published:
        if self._publishes:
            return self._versions.publish(self._directory, "watch")
        latest = self._versions.latest()
        assert latest is not None, "there was one when the worker started, and the last ones are kept"
        return Published(latest, fresh=False)

    def _look(self) -> Seen:
        """What tells a changed directory from an unchanged one, without reading the files."""
        if not self._publishes:
            newest = self._versions.newest()
            return ((newest.content, newest.version, 0, 0),) if newest else ()
        found = []
        for path in (*files_of(self._directory), *sorted(self._directory.glob("music/*/*.wav"))):
            with suppress(FileNotFoundError):  # deleted between the listing and now: that is a change, too
                stat = path.stat()
                found.append((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
        return tuple(found)
