"""What `asterisk/make-root` decides, by what real programs print; scripts print it here."""

import subprocess
from pathlib import Path
from shutil import which

import pytest

MAKE_ROOT = Path(__file__).parents[3] / "asterisk" / "make-root"
FIT = "Asterisk 22.10.1+dfsg+~cs6.17.60671434-1"
TOO_OLD = "Asterisk 20.6.0~dfsg+~cs6.13.40431414-2build5"
MISSING = "E: Unable to locate package asterisk"
EXPIRED = "E: Release file for http://deb.example/debian/dists/forky/InRelease is expired (invalid since 3d)"

TOOLS = (
    *("bash", "env", "grep", "head", "sed", "sort", "tee", "mkdir"),
    *("flock", "mktemp", "rm", "mv", "cat", "chmod", "dirname"),
)

MMDEBSTRAP = r"""#!/bin/bash
# Makes a root in which nothing is but `suite`; or fails as the real one does.
while [ $# -gt 0 ] && [ "$1" != forky ] && [ "$1" != unstable ]; do
  [[ $1 == *Check-Valid-Until* ]] && unchecked=yes
  shift
done
echo "$1${unchecked:+ unchecked}" >> "$HERE/asked"
if [ -e "$HERE/$1.missing" ]; then cat "$HERE/$1.missing" >&2; exit 100; fi
if [ -e "$HERE/$1.expired" ] && [ -z "${unchecked:-}" ]; then cat "$HERE/$1.expired" >&2; exit 100; fi
mkdir -p "$2" && echo "$1" > "$2/suite"
"""


class Machine:
    """A machine with its commands in one directory."""

    def __init__(self, here: Path) -> None:
        self.here = here
        self.root = here / "cache" / "runtime"
        self.bin = here / "bin"
        self.bin.mkdir()
        self.program("mmdebstrap", MMDEBSTRAP)
        self.program("id", "#!/bin/sh\necho 0\n")
        self.program("apt-get", "#!/bin/sh\nexit 0\n")
        self.program("chroot", '#!/bin/bash\ncat "$HERE/$(cat "$1/suite").version"\n')
        for tool in TOOLS:
            (self.bin / tool).symlink_to(which(tool) or tool)
        for suite in ("forky", "unstable"):
            self.says(suite, FIT)

    def program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def says(self, suite: str, version: str) -> None:
        (self.here / f"{suite}.version").write_text(version + "\n")

    def own(self, version: str, *others: str) -> None:
        """Asterisk of the machine itself, and other programs."""
        for name in ("asterisk", *others):
            self.program(name, f"#!/bin/sh\necho '{version}'\n")

    def fails(self, suite: str, how: str, text: str) -> None:
        (self.here / f"{suite}.{how}").write_text(text + "\n")

    def make(self) -> tuple[int, str]:
        environment = {"PATH": str(self.bin), "HERE": str(self.here), "TMPDIR": str(self.here)}
        done = subprocess.run(
            [str(MAKE_ROOT), str(self.root)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=30,
            check=False,
        )
        return done.returncode, done.stdout

    @property
    def asked(self) -> list[str]:
        path = self.here / "asked"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_pinned_suite_is_taken_when_it_can_be(machine: Machine) -> None:
    code, said = machine.make()
    assert code == 0, said
    assert machine.asked == ["forky"]
    assert "suite: forky\nasterisk: 22.10.1" in (machine.root / ".holdfast").read_text()
    assert machine.make() == (0, "")
    assert machine.asked == ["forky"], "what is there is made once"


@pytest.mark.parametrize("way", ["lacks the packages", "has another Asterisk"])
def test_the_next_suite_is_taken_when_the_pinned_one_will_not_do(machine: Machine, way: str) -> None:
    if way == "lacks the packages":
        machine.fails("forky", "missing", MISSING)
    else:
        machine.says("forky", "Asterisk 23.0.0~dfsg-1")
    code, said = machine.make()
    assert code == 0, said
    assert machine.asked == ["forky", "unstable"]
    assert "Debian forky could not be installed" in said or "Debian forky has Asterisk 23.0.0" in said
    assert "Asterisk 22.10.1 from Debian unstable is ready" in said
    assert (machine.root / "suite").read_text() == "unstable\n"


def test_no_suite_will_do(machine: Machine) -> None:
    machine.fails("forky", "missing", MISSING)
    machine.says("unstable", TOO_OLD)
    code, said = machine.make()
    assert code == 1
    assert "no Asterisk ≥ 22.10.1, < 23 could be installed" in said
    assert not machine.root.exists()
    assert not list(machine.root.parent.glob("runtime.new.*"))


def test_a_frozen_mirror_is_asked_once_more(machine: Machine) -> None:
    machine.fails("forky", "expired", EXPIRED)
    code, said = machine.make()
    assert code == 0, said
    assert machine.asked == ["forky", "forky unchecked"]


def test_a_fit_asterisk_of_the_machine_is_used_instead(machine: Machine) -> None:
    machine.own(FIT, "redis-server", "sipp")
    assert machine.make() == (0, "runtime: this machine's own Asterisk 22.10.1 is used\n")
    assert machine.asked == []


@pytest.mark.parametrize("others", [("redis-server",), ("sipp",), ()])
def test_its_own_asterisk_alone_is_not_enough(machine: Machine, others: tuple[str, ...]) -> None:
    machine.own(FIT, *others)
    assert machine.make()[0] == 0
    assert machine.asked == ["forky"]


@pytest.mark.parametrize("version", [TOO_OLD, "Asterisk 22.10.0", "Asterisk 23.1.0~dfsg-1", "no version"])
def test_an_unfit_asterisk_of_the_machine_is_told_and_left_alone(machine: Machine, version: str) -> None:
    machine.own(version, "redis-server", "sipp")
    code, said = machine.make()
    assert code == 0, said
    assert "is not in the accepted range (≥ 22.10.1, < 23)" in said
    assert machine.asked == ["forky"]
