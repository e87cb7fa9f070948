"""The parts of `docker-compose.yml` that are not one plain program: `python -m ivr.container PART`.

    provision ── passwords, music, configuration ──> volume      once, before everything else
    workers   ── s6-svscan ─┬─ worker hf-1 …                     in the container of the controller
                            ├─ holder: keeps sockets of workers that die open
                            ├─ api                               live figures, docs/api.md
                            ├─ archiver: brings the call log into the archive
                            └─ phones: follows the live call flows, has Asterisk read its phones again

Asterisk and Redis are plain programs and need none of this. Logs go to the container's output.
"""

import logging
import os
import sys
import time
from pathlib import Path
from subprocess import run

from calllog.errors import HoldfastError
from ivr import preflight
from ivr.disk import make_ballast
from ivr.flow.check import BrokenCallflows, load_callflows
from ivr.provision import Telephony, provision
from ivr.publish import Versions
from ivr.rehearsal import Rehearsal
from ivr.runtime import Runtime
from ivr.serve import RELOAD, Refused
from ivr.settings import Settings

log = logging.getLogger(__name__)

IMAGE = Runtime(Path("/"))
"""Inside an image, Asterisk and Redis are the machine's own."""
SERVICES = Path("/run/service")
LOOK_EVERY_S = 1.0


def prepare(settings: Settings) -> None:
    """Check everything that can be checked before the others run, and write their configuration.

    Raises Refused with all that is wrong.
    """
    refusals = [
        *preflight.callflows(settings.callflows, Rehearsal.of(settings)),
        *preflight.secrets(settings.secrets),
        *preflight.reach(settings, []),
        *IMAGE.refusals(),
    ]
    if refusals:
        raise Refused(refusals)
    try:
        callflows = load_callflows(settings.callflows, settings.data / "prompts")
    except BrokenCallflows as broken:
        raise Refused([str(problem) for problem in broken.problems]) from broken
    telephony = Telephony.of(callflows, settings.secrets)
    if locked_out := telephony.locked_out():
        raise Refused(locked_out)
    provision(settings, IMAGE, telephony)
    make_ballast(settings.data)


def supervise(settings: Settings) -> None:
    """Become the supervisor of this container's workers. Raises Refused; returns never."""
    if refusals := preflight.reach(settings, preflight.local_addresses()):
        raise Refused(refusals)
    _service("holder", f"python -m ivr.holder {settings.held}")
    for number in range(1, settings.workers + 1):
        _service(f"worker-{number}", f"python -m ivr.worker {number}")
    _service("api", "python -m ivr.api")
    _service("archiver", "python -m ivr.archiver")
    _service("phones", "python -m ivr.container phones")
    os.execlp("s6-svscan", "s6-svscan", "-t", "0", str(SERVICES))  # noqa: S606 - it has to be process 1 itself


def _service(name: str, command: str) -> None:
    directory = SERVICES / name
    directory.mkdir(parents=True, exist_ok=True)
    script = directory / "run"
    script.write_text(f'#!/bin/sh\nexec 2>&1\nulimit -n "$(ulimit -Hn)"\nexec {command}\n')
    script.chmod(0o755)


def follow(settings: Settings) -> None:
    """Bring phones, trunks and music of each version that goes live to Asterisk."""
    versions, known = Versions(settings.data), None
    while True:
        live = versions.latest()
        if live is not None and (telephony := Telephony.of(live, settings.secrets)) != known:
            known = telephony
            try:
                provision(settings, IMAGE, telephony)
            except (HoldfastError, OSError) as error:
                log.error("phones and trunks stay as they are: %s", error)
            else:
                _reload(settings)
                log.info("phones, trunks and music of version %d are live", live.version)
        time.sleep(LOOK_EVERY_S)


def _reload(settings: Settings) -> None:
    """Asterisk's console is a socket in the volume. Asterisk away: it reads the new files when it starts."""
    for order in RELOAD:
        config = f"{settings.data}/etc/asterisk/asterisk.conf"
        run(["asterisk", "-C", config, "-rx", order], capture_output=True, check=False)


COMMANDS = {"provision": prepare, "workers": supervise, "phones": follow}


def main() -> int:
    """Exit codes are those of `holdfast`: 0 done, 2 no such command, 4 refused."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    command = COMMANDS.get(sys.argv[1] if len(sys.argv) == 2 else "")
    if command is None:
        print(f"usage: python -m ivr.container {'|'.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        command(Settings())
    except HoldfastError as error:
        for reason in getattr(error, "reasons", [str(error)]):
            print(f"refused: {reason}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
