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
from ivr.flow.check import BrokenCallflows, Further, content_of, files_of, load_callflows
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


class UnknownVersion(HoldfastError):
    """No version of that number was ever published here, or it was cleared away."""

    reason: str = "unknown-version"


class Record(msgspec.Struct, frozen=True):
    """What is known of a version: `version.json` in its directory."""

    version: int
    content: str
    """SHA-256 of the directory's content."""
    by: str
    """Who published it: a user's name, or `watch`."""
    at: int
    """When, in milliseconds since the epoch."""


class Published(NamedTuple):
    """The live version."""

    callflows: Callflows
    fresh: bool
    """It was made by this very call, so this caller tells the call log."""
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

    def publish(self, directory: Path, by: str) -> Published:
        """Make the directory's content live. Errors in it: raises `BrokenCallflows` and changes nothing."""
        with self._alone():
            latest = self._latest()
            if latest is not None and latest.content == content_of(directory):
                return Published(self.load(latest.version), fresh=False)
            version = 1 + max(self._numbers(), default=0)
            draft = self._at / ".draft"  # one at a time; what a crash left of the last one goes first
            shutil.rmtree(draft, ignore_errors=True)
            try:
                self._make(directory, draft, version, by)
                draft.rename(self._at / str(version))
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        return Published(self._loaded[version], fresh=True)

    def start(self, directory: Path) -> Published:
        """As `publish`, for a worker that starts: a broken edit, or a full disk, does not keep it away.

        It then works by the version that was live last. Raises `BrokenCallflows` only if there never was one.
        """
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
            directory = self._at / str(version)
            if not directory.is_dir():
                raise UnknownVersion(f"version {version} of the call flows is not here")
            loaded = load_callflows(directory, self._prompts, version)
            self._keep_sounds(directory, loaded)
            self._remember(loaded)
        return self._loaded[version]

    def latest(self) -> Callflows | None:
        """The version that was published last; None: none yet."""
        record = self._latest()
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

    def _latest(self) -> Record | None:
        for number in sorted(self._numbers(), reverse=True):
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

    def _make(self, directory: Path, draft: Path, version: int, by: str) -> None:
        """Copy first and check the copy: what is being saved at this moment cannot slip through."""
        for path in files_of(directory):
            target = draft / path.relative_to(directory)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o644)  # Asterisk reads the sounds, as another user
        made = load_callflows(draft, self._prompts, version, self._further)
        self._keep_sounds(draft, made)
        record = Record(version, made.content, by, time.time_ns() // 1_000_000)
        (draft / "version.json").write_bytes(msgspec.json.encode(record))
        self._remember(made)

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


class Watch:
    """Takes each change of the directory live, or says why not; looks every second."""

    def __init__(
        self,
        versions: Versions,
        directory: Path,
        on_change: Callable[[Published], Awaitable[None]],
        on_broken: Callable[[BrokenCallflows], None],
    ) -> None:
        self._versions = versions
        self._directory = directory
        self._on_change = on_change
        self._on_broken = on_broken
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
            published = await asyncio.to_thread(self._versions.publish, self._directory, "watch")
        except BrokenCallflows as broken:
            self._on_broken(broken)
        except OSError as error:
            log.error("call flows could not be published, the last version stays: %s", error)
            return  # `_seen` stays as it was: the next look tries again
        else:
            await self._on_change(published)
        self._seen = seen

    def _look(self) -> Seen:
        """What tells a changed directory from an unchanged one, without reading the files."""
        found = []
        for path in (*files_of(self._directory), *sorted(self._directory.glob("music/*/*.wav"))):
            with suppress(FileNotFoundError):  # deleted between the listing and now: that is a change, too
                stat = path.stat()
                found.append((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
        return tuple(found)
