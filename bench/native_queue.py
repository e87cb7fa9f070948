"""The other side: an Asterisk with native `Queue()`, configured by `bench/native`."""

import resource
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from bench.world import CALLERS, NATIVE, REPOSITORY, Stage, agent_contact, agent_name
from ivr.provision import fill
from ivr.runtime import Account

_TEMPLATES = REPOSITORY / "bench" / "native"
_FILES = ("etc", "run", "log", "log/cel-custom", "lib", "spool", "music")
_RTP = ("30000", "49999")
_THREADS = 2


class NativeQueue:
    """One running Asterisk whose callers enter `Queue()` with so many static agents."""

    name = "native"
    address = NATIVE

    def __init__(
        self,
        stage: Stage,
        agents: int,
        own: Mapping[str, str] | None = None,
        callers: str = f"{CALLERS[0]}/32",
    ) -> None:
        """`own`: files of the configuration that are not as the bench has them, by name."""
        self.stage = stage
        self.agents = agents
        self._own = own or {}
        self._callers = callers
        self.directory = stage.directory / "native"
        self._asterisk: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Writes the configuration and starts Asterisk; whether it serves is seen by calling it."""
        account = self.stage.runtime.account("asterisk")
        self._write(account)
        command = self.stage.command("asterisk", "-f", "-C", str(self._main_file), account=account)
        with (self.directory / "log" / "console").open("wb") as console:
            self._asterisk = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT
            )

    def stop(self) -> None:
        """Ends Asterisk, calls or not."""
        if self._asterisk:
            self._asterisk.terminate()
            self._asterisk.wait(20)

    @property
    def _main_file(self) -> Path:
        return self.directory / "etc" / "asterisk.conf"

    def _write(self, account: Account) -> None:
        for name in _FILES:
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        values = {
            "etc": str(self.directory / "etc"),
            "data": str(self.directory),
            "modules": self.stage.runtime.modules(),
            "threads": str(_THREADS),
            "open_files": str(resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
            "address": NATIVE[0],
            "bind": f"{NATIVE[0]}:{NATIVE[1]}",
            "callers": self._callers,
            "rtp_start": _RTP[0],
            "rtp_end": _RTP[1],
        }
        for template in sorted(_TEMPLATES.glob("*.conf")):
            (self.directory / "etc" / template.name).write_text(fill(template.read_text(), values))
        files = {"agents.conf": agents_conf(self.agents), "members.conf": members_conf(self.agents)}
        for name, text in {**files, **self._own}.items():
            (self.directory / "etc" / name).write_text(text)
        self._music()
        for path in [self.directory, *self.directory.rglob("*")]:
            shutil.chown(path, account.uid, account.gid)

    def _music(self) -> None:
        source = min(self.stage.runtime.inside("/usr/share/asterisk/moh").glob("*.wav"))
        target = self.directory / "music" / f"{source.stem}.ulaw"
        subprocess.run(["sox", str(source), "-t", "ul", "-r", "8000", "-c", "1", str(target)], check=True)


def agents_conf(agents: int) -> str:
    """PJSIP endpoint and address of record for each agent's phone."""
    return "\n".join(
        f"[{name}](phone)\naors = {name}\n\n[{name}]\ntype = aor\ncontact = {agent_contact(number)}\n"
        for number in range(1, agents + 1)
        if (name := agent_name(number))
    )


def members_conf(agents: int) -> str:
    """The queue's static members."""
    return "".join(f"member => PJSIP/{agent_name(number)}\n" for number in range(1, agents + 1))
