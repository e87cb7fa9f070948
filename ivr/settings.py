"""Where this installation keeps its things, read from `HOLDFAST_*` environment variables once per process."""

from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from ivr.speech import ENGINE


class Settings(BaseSettings):
    """One process' view of the installation. Each field can be set as `HOLDFAST_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="HOLDFAST_", frozen=True)

    site: str = "main"
    """Name of the site; every Redis key carries it as `{site}`."""
    data: Path = Path("/var/lib/holdfast")
    """What must survive a restart, and the sockets: Redis' append-only file, secrets, journals, logs."""
    callflows: Path = Path("callflows")
    """What admins edit."""
    watch: bool = True
    """Whether what is saved there goes live by itself; no: only `holdfast publish` takes it live."""
    runtime: Path = Path("/var/cache/holdfast/runtime")
    """Root directory that holds Asterisk, Redis and SIPp when the machine does not bring its own."""
    redis_url: str = ""
    """Redis to use; empty: the one on `<data>/run/redis.sock`."""
    archive_url: str = ""
    """URL of the archive of the call log, `postgresql://…`; empty: `<data>/archive/archive.db` (SQLite)."""
    log_minutes: Annotated[int, Field(ge=1)] = 60
    """Minutes for which the call log stays in Redis after it is archived; a live call's stays anyway."""
    workers: int = 2
    """Controller workers on this host, named hf-1, hf-2, …"""
    worker_module: str = "ivr.worker"
    """Program of a worker, as `python -m` names it; tests start their own, made of the same parts."""
    worker_port: int = 7800
    """Worker hf-N listens on this port + N for Asterisk's persistent socket."""
    worker_bind: str = "127.0.0.1"
    trusted: list[IPv4Network | IPv6Network] = [IPv4Network("127.0.0.0/8")]
    """Networks from which the workers' port (full call control) may be reachable."""
    agi_bind: str = "127.0.0.1"
    agi_port: int = 4573
    """All workers take FastAGI connections on this port, from `trusted` networks; 0: none does."""
    agi_calls: int = 200
    """Calls on AGI of one worker at a time; further ones go on to the front door."""
    api_bind: Annotated[str, Field(pattern=r"^(\S+:\d{1,5})?$")] = "127.0.0.1:7790"
    """Address and port of the API; empty: only its Unix socket, `<data>/run/api.sock`."""
    api_hosts: list[str] = []
    """Names by which the API is reached, as JSON, besides its addresses and `localhost`."""
    dialplan: Path | None = None
    """A file with dialplan of your own; callers come into its context `callers`. See docs/agi.md."""
    sip_bind: str = "0.0.0.0:5060"
    """Address and port on which Asterisk takes SIP over UDP."""
    media_address: str = ""
    """Address put into SDP; empty: the address of the default route, or 127.0.0.1 without one."""
    external_address: str = ""
    """Address by which telephones outside reach this machine when it is not its own (container, NAT)."""
    rtp_ports: str = "10000-29999"
    unheard_s: Annotated[int, Field(ge=0)] = 60
    """A telephone that sends no sound for so long is taken for gone, and its call ends; 0: never."""
    unheard_on_hold_s: Annotated[int, Field(ge=0)] = 600
    """The same while it has put us on hold."""
    http_networks: list[IPv4Network | IPv6Network] = []
    """Networks, as JSON, that `http` and `webhook` steps may reach although they are not public."""
    speech_engine: str = ENGINE
    """Command template of the program that speaks texts: text on standard input, WAV on standard output."""
    speech_voices: dict[str, str] = {}
    """Language → the engine's name of its voice, as JSON; a language that is not in it is its own voice."""
    recordings_days: Annotated[int, Field(ge=0)] = 90
    """Days for which recordings and messages are kept; 0: for ever."""
    max_calls: int = 2000
    """Live calls above which a worker stops claiming new ones."""

    @cached_property
    def redis(self) -> str:
        return self.redis_url or f"unix://{self.data}/run/redis.sock"

    @cached_property
    def archive(self) -> str:
        """What `calllog.archive.database.connect` is given."""
        return self.archive_url or str(self.data / "archive" / "archive.db")

    @cached_property
    def api_socket(self) -> Path:
        """Who may open it is let in as a supervisor: mode 0600."""
        return self.data / "run" / "api.sock"

    @cached_property
    def held(self) -> Path:
        """The socket of `ivr.holder`."""
        return self.data / "run" / "holder.sock"

    @cached_property
    def columns(self) -> Path:
        """Directory of the archive's copy by columns, from which reports are answered."""
        return self.data / "archive" / "columns"

    @cached_property
    def secrets(self) -> Path:
        """Directory of generated secrets, mode 0700; each file 0600, one secret a file."""
        return self.data / "secrets"
