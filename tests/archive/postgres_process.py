"""A private PostgreSQL for tests: real, on a unix socket, run by a user who is not root."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

START_S = 30.0
ACCOUNT = "nobody"
"""Who runs it when root runs the tests: PostgreSQL refuses to."""


class PostgresMissingError(Exception):
    """No PostgreSQL on this machine, or it does not start."""


def programs() -> Path:
    """Where Debian keeps the newest PostgreSQL's programs, which are not on PATH."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb")
    if on_path is None:
        raise PostgresMissingError("no PostgreSQL: `make test` installs it")
    return Path(on_path).parent


class PostgresProcess:
    """One server with its data in a new folder below the folder for temporary files."""

    def __init__(self) -> None:
        self.programs = programs()
        self.folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        self.account = pwd.getpwnam(ACCOUNT) if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        if os.getuid() == 0:
            os.chown(self.folder, self.account.pw_uid, self.account.pw_gid)
        self.process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        data = ("--pgdata", str(self.folder / "data"), "--auth", "trust", "--username", "holdfast")
        self._run("initdb", *data, "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")

    def _command(self, name: str, *options: str) -> list[str]:
        return [str(self.programs / name), *options]

    def _who(self) -> dict[str, int | list[int]]:
        if os.getuid() != 0:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def _run(self, name: str, *options: str) -> None:
        done = subprocess.run(
            self._command(name, *options),
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            **self._who(),  # type: ignore[call-overload]
        )
        if done.returncode:
            raise PostgresMissingError(f"{name}: {done.stderr[-2000:]}")

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://holdfast@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """The URL of an empty one."""
        self._databases += 1
        name = f"archive{self._databases}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={self.folder}")
        fast = ("-c", "fsync=off", "-c", "max_connections=40", "-c", "shared_buffers=32MB")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command("postgres", "-D", str(self.folder / "data"), *options, *fast),
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **self._who(),  # type: ignore[call-overload]
            )
        deadline = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    said = (self.folder / "log").read_text()[-2000:]
                    raise PostgresMissingError(f"PostgreSQL does not start: {said}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        """At once: whoever is connected loses it, as when its machine goes down."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
            self.process = None

    def remove(self) -> None:
        """Stop it, and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.folder)
