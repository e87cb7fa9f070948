"""Where Asterisk and Redis come from: the machine itself, or the runtime root of `asterisk/make-root`."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from calllog.errors import HoldfastError

OLDEST = (22, 10, 1)
"""The security release of July 2026; it also has StasisBroadcast."""
BELOW = (23, 0, 0)
WITH_ROOT = Path(__file__).parent.parent / "asterisk" / "with-root"
REDIS_OLDEST = (7, 2, 0)

# ruff: noqa: N818  (an error is named by what is the matter: RuntimeUnfit)


class RuntimeUnfit(HoldfastError):
    """Nothing on this machine can run the server; the text says what is missing and what mends it."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user inside the root, by number: the outside need not know the name."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Runtime:
    """A root directory with Asterisk and Redis in it; `/` is the machine itself."""

    root: Path

    def inside(self, path: str) -> Path:
        """The file that is called `path` inside the root, as seen from outside."""
        return self.root / path.lstrip("/")

    def enter(self, account: Account | None = None) -> list[str]:
        """The command prefix that runs a program inside the root, as that user."""
        user = [f"--userspec={account.uid}:{account.gid}", "--groups="] if account else []
        return ["chroot", *user, str(self.root)]

    def mounted(self, data: Path) -> list[str]:
        """The command prefix that runs a program with `data` under the same path inside the root as outside.

        The mounts are in a namespace of their own and end with the last process in it.
        """
        return [str(WITH_ROOT), str(self.root), str(data)]

    def account(self, name: str) -> Account:
        """The user `name` of the root. Raises RuntimeUnfit when there is none."""
        for line in self.inside("/etc/passwd").read_text().splitlines():
            fields = line.split(":")
            if fields[0] == name and len(fields) > 3:
                return Account(int(fields[2]), int(fields[3]))
        raise RuntimeUnfit(f"{self.root} has no user {name}: make setup")

    def modules(self) -> str:
        """Asterisk's module directory, as named inside the root."""
        for found in self.inside("/usr/lib").glob("**/asterisk/modules/chan_pjsip.so"):
            return "/" + str(found.parent.relative_to(self.root))
        raise RuntimeUnfit(f"{self.root} has Asterisk without its SIP channel (chan_pjsip): make setup")

    def asterisk_version(self) -> tuple[int, ...]:
        """Version of its Asterisk. Raises RuntimeUnfit when it has none."""
        return self._version(["asterisk", "-V"], "Asterisk")

    def redis_version(self) -> tuple[int, ...]:
        """Version of its Redis. Raises RuntimeUnfit when it has none."""
        return self._version(["redis-server", "--version"], "Redis")

    def _version(self, command: list[str], program: str) -> tuple[int, ...]:
        try:
            said = subprocess.run(
                [*self.enter(), *command], capture_output=True, text=True, timeout=20, check=True
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise RuntimeUnfit(f"{program} cannot be run in {self.root} ({error}): make setup") from error
        found = re.search(r"(\d+)\.(\d+)\.(\d+)", said.stdout)
        if not found:
            raise RuntimeUnfit(
                f"{program} in {self.root} does not tell its version ({said.stdout.strip()!r})"
            )
        return tuple(int(part) for part in found.groups())

    def refusals(self) -> list[str]:
        """Why this root cannot be used, with what mends it; empty when it can."""
        found = []
        try:
            version = self.asterisk_version()
            if not OLDEST <= version < BELOW:
                found.append(
                    f"Asterisk {dotted(version)} in {self.root} is not in the accepted range "
                    f"({dotted(OLDEST)} ≤ version < {dotted(BELOW)}): make setup installs one that is"
                )
            redis = self.redis_version()
            if redis < REDIS_OLDEST:
                found.append(
                    f"Redis {dotted(redis)} in {self.root} is older than {dotted(REDIS_OLDEST)}: make setup"
                )
            self.account("asterisk"), self.account("redis"), self.modules()
        except RuntimeUnfit as error:
            found.append(str(error))
        return found


def dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def find(root: Path) -> Runtime:
    """The machine's own Asterisk when it and its Redis are fit, else the runtime root.

    Raises RuntimeUnfit with every reason when neither will do.
    """
    if which("asterisk") and which("redis-server"):
        machine = Runtime(Path("/"))
        if not machine.refusals():
            return machine
    made = Runtime(root)
    if not made.inside("/usr/sbin/asterisk").exists():
        raise RuntimeUnfit(f"no Asterisk in {root}: make setup")
    if reasons := made.refusals():
        raise RuntimeUnfit("; ".join(reasons))
    return made
