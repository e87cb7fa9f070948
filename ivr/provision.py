"""Writes an instance's configuration: templates of `asterisk/etc`, filled from settings and callflows."""

import hashlib
import os
import re
import resource
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from calllog.errors import HoldfastError
from ivr import secret
from ivr.callflows import Callflows, Trunk
from ivr.runtime import Account, Runtime
from ivr.settings import Settings

TEMPLATES = Path(__file__).parent.parent / "asterisk" / "etc"
# ruff: noqa: N818  (an error is named by what is the matter: ProvisionFailed)

AUDIO = {".ulaw": "ul", ".alaw": "al"}
"""Codecs that callers may use, and sox' name for each: music is kept in all of them."""


class ProvisionFailed(HoldfastError):
    """The configuration could not be written; the text says why."""


class Fallback(BaseSettings):
    """What Asterisk does alone while no worker is there. Fields are set as `HOLDFAST_FALLBACK_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="HOLDFAST_FALLBACK_", frozen=True)

    dial: Annotated[str, Field(pattern=r"^(sip:[A-Za-z0-9._+-]+@[A-Za-z0-9.:-]+)?$")] = ""
    """SIP URI rung natively; empty: nobody is rung."""
    at_once: Annotated[int, Field(ge=1)] = 4
    """Calls that may ring or talk there at the same time."""
    ring_s: Annotated[int, Field(ge=1, le=300)] = 30
    message: bool = True
    """Take a message when nobody was rung or nobody answered; off: the call ends unanswered, with 503."""
    message_s: Annotated[int, Field(ge=5, le=3600)] = 120
    """Longest message."""


@dataclass(frozen=True, slots=True)
class Telephony:
    """What callflows say about phones, trunks and music."""

    devices: dict[str, str | None]
    """Device name → fixed contact URI, or None for a phone that registers."""
    trunks: dict[str, Trunk]
    music: set[str]
    """Classes that queues name."""
    passwords: Mapping[str, int] = field(default_factory=dict)
    """Trunk → when its password was given, ns; only those that have one."""
    transfers: bool = False
    """Whether agents' phones may send REFER."""

    @classmethod
    def of(cls, callflows: Callflows, secrets: Path) -> "Telephony":
        files = {name: secret.of_trunk(secrets, name) for name in callflows.trunks}
        return cls(
            devices=callflows.phones(),
            trunks=dict(callflows.trunks),
            music={"default", *callflows.music()},
            transfers=callflows.transfers is not None,
            passwords={name: file.stat().st_mtime_ns for name, file in files.items() if file.exists()},
        )

    def locked_out(self) -> list[str]:
        """Trunks that want a password and have none, each with the mend."""
        return [
            f"trunk `{name}` has a `user` and no password: holdfast trunk-password {name}"
            for name, trunk in sorted(self.trunks.items())
            if trunk.user is not None and name not in self.passwords
        ]


@dataclass(frozen=True, slots=True)
class Place:
    """One instance's configuration while it is being written."""

    settings: Settings
    runtime: Runtime
    telephony: Telephony
    fallback: Fallback
    asterisk: Account
    redis: Account

    @property
    def etc(self) -> Path:
        return self.settings.data / "etc" / "asterisk"


def provision(settings: Settings, runtime: Runtime, telephony: Telephony) -> None:
    """Make directories, secrets, music and configuration files below the data directory. Safe to repeat.

    Raises SecretUnfit, ProvisionFailed, OSError.
    """
    if locked_out := telephony.locked_out():
        raise ProvisionFailed("; ".join(locked_out))
    place = Place(
        settings, runtime, telephony, Fallback(), runtime.account("asterisk"), runtime.account("redis")
    )
    _directories(place)
    _music(place)
    _hosts(place)
    write(settings.data / "etc" / "redis.conf", redis_conf(settings), place.redis)
    values = {name: make(place) for name, make in VALUES.items()}
    for template in sorted(TEMPLATES.glob("*.conf")):
        write(place.etc / template.name, fill(template.read_text(), values), place.asterisk)


def fill(template: str, values: dict[str, str]) -> str:
    """Replace each `{{name}}`. Raises KeyError for a name without value."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], template)


def write(path: Path, text: str, owner: Account) -> None:
    """Replace a file at once; only its owner can read it, since most of these carry passwords."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    os.chown(fresh, owner.uid, owner.gid)
    fresh.rename(path)


def _directories(place: Place) -> None:
    data, root, asterisk, redis = place.settings.data, Account(0, 0), place.asterisk, place.redis
    shared = Account(0, redis.gid)
    for path, owner, mode in (
        ("", root, 0o755),
        ("secrets", root, 0o700),
        ("etc", root, 0o755),
        ("etc/asterisk", asterisk, 0o700),
        ("run", shared, 0o1775),  # Redis makes its socket here; sticky, so that it can replace nothing else
        ("run/asterisk", asterisk, 0o700),
        ("redis", redis, 0o700),
        ("asterisk", asterisk, 0o700),
        ("spool", asterisk, 0o700),
        ("spool/fallback", asterisk, 0o700),
        ("spool/recording", asterisk, 0o700),
        ("spool/message", asterisk, 0o700),
        ("log", root, 0o755),
        ("log/asterisk", asterisk, 0o700),
        ("recordings", asterisk, 0o700),
        ("music", root, 0o755),
        ("prompts", root, 0o755),
        ("speech", root, 0o755),
        ("speech/passing", Account(0, asterisk.gid), 0o2750),  # what callers have told us, spoken
    ):
        directory = data / path
        directory.mkdir(parents=True, exist_ok=True)
        os.chown(directory, owner.uid, owner.gid)
        directory.chmod(mode)


def _hosts(place: Place) -> None:
    """Names Asterisk looks up by itself: without them each call waits for a DNS server that may be away."""
    hosts = place.settings.data / "etc" / "hosts"
    hosts.write_text(
        f"127.0.0.1 localhost {socket.gethostname()}\n::1 localhost\n198.41.0.4 a.root-servers.net\n"
    )
    hosts.chmod(0o644)


def _music(place: Place) -> None:
    stock = sorted(place.runtime.inside("/usr/share/asterisk/moh").glob("*.wav"))
    for name in sorted(place.telephony.music):
        own = sorted((place.settings.callflows / "music" / name).glob("*.wav"))
        made = place.settings.data / "music" / name
        made.mkdir(exist_ok=True)
        sources = own or stock
        wanted = {f"{source.stem}{codec}" for source in sources for codec in AUDIO}
        for old in made.iterdir():
            if old.name not in wanted:
                old.unlink()
        for source in sources:
            for codec, sox in AUDIO.items():
                _convert(source, made / f"{source.stem}{codec}", sox)


def _convert(source: Path, target: Path, codec: str) -> None:
    """Keep `target` as the music of `source` in that codec; older than its source means made again."""
    if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
        return
    fresh = target.with_name(f".{target.name}")
    command = ["sox", str(source), "-t", codec, "-r", "8000", "-c", "1", str(fresh)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProvisionFailed(f"{source} cannot be read as music: {done.stderr.strip()}")
    fresh.chmod(0o644)
    fresh.rename(target)


def redis_conf(settings: Settings) -> str:
    """Nothing that was acknowledged may be lost, nothing evicted, and no port is open."""
    return "\n".join(
        (
            "port 0",
            f"unixsocket {settings.data}/run/redis.sock",
            "unixsocketperm 700",
            f"dir {settings.data}/redis",
            "appendonly yes",
            "appendfsync always",
            "no-appendfsync-on-rewrite no",
            "maxmemory-policy noeviction",
            'save ""',
            "databases 1",
            "busy-reply-threshold 1000",
            "daemonize no",
            'logfile ""',
            "loglevel notice",
            "set-proc-title no",
            "",
        )
    )


def media_address(settings: Settings) -> str:
    """The address for sound: as set, else that of the default route, else loopback."""
    if settings.media_address:
        return settings.media_address
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a documentation address; connecting a UDP socket sends nothing
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _entity(place: Place) -> str:
    """An identity in the form of a network card's address, marked as locally made."""
    digest = hashlib.sha256(f"{place.settings.site}@{socket.gethostname()}".encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (digest[0] & 0xFC | 0x02, *digest[1:6]))


def _open_files(_: Place) -> str:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return str(min(hard, 1_048_576) if hard > 0 else 1_048_576)


def _ari_workers(place: Place) -> str:
    def section(name: str) -> Iterator[str]:
        yield f"[{name}]"
        yield "type = outbound_websocket"
        yield f"websocket_client_id = {name}"
        yield f"apps = {name}"
        yield "subscribe_all = no"
        yield "local_ari_user = holdfast"

    return _sections(place, section)


def _websocket_workers(place: Place) -> str:
    password = secret.keep(place.settings.secrets / "worker")

    def section(name: str) -> Iterator[str]:
        port = place.settings.worker_port + int(name.removeprefix("hf-"))
        host = "127.0.0.1" if place.settings.worker_bind == "0.0.0.0" else place.settings.worker_bind  # noqa: S104
        yield f"[{name}]"
        yield "type = websocket_client"
        yield "connection_type = persistent"
        yield f"uri = ws://{host}:{port}/asterisk"
        yield "protocols = ari"
        yield "username = asterisk"
        yield f"password = {password}"
        yield "connection_timeout = 500"
        yield "reconnect_interval = 250"
        yield "reconnect_attempts = 40"  # it tries for ever; this is how often it complains
        yield "tls_enabled = no"

    return _sections(place, section)


def _sections(place: Place, section: Callable[[str], Iterator[str]]) -> str:
    names = (f"hf-{number}" for number in range(1, place.settings.workers + 1))
    return "\n\n".join("\n".join(section(name)) for name in names)


def _external(place: Place) -> str:
    """Behind address translation, telephones outside the trusted networks are told another address."""
    address = place.settings.external_address
    if not address:
        return ""
    networks = "\n".join(f"local_net = {network}" for network in place.settings.trusted)
    return f"external_media_address = {address}\nexternal_signaling_address = {address}\n{networks}"


def _devices(place: Place) -> str:
    blocks = []
    for name, contact in sorted(place.telephony.devices.items()):
        password = secret.keep(place.settings.secrets / f"device-{name}")
        blocks.append(
            f"[{name}](device)\nauth = {name}\naors = {name}\n\n"
            f"[{name}](account)\nusername = {name}\npassword = {password}\n\n"
            f"[{name}](line)\n" + (f"contact = {contact}\nqualify_frequency = 0" if contact else "")
        )
    return "\n\n".join(blocks)


def _trunks(place: Place) -> str:
    fallback = ["[fallback](phone)\ncontext = agents"] if place.fallback.dial else []
    trunks = sorted(place.telephony.trunks.items())
    return "\n\n".join([*fallback, *(_trunk(place, name, trunk) for name, trunk in trunks)])


def _trunk(place: Place, name: str, trunk: Trunk) -> str:
    networks = ",".join(str(network) for network in trunk.match)
    identify = f"[{name}]\ntype = identify\nendpoint = {name}\nmatch = {networks}"
    if trunk.user is None:
        return f"[{name}](trunk)\n\n{identify}"
    password = secret.given(secret.of_trunk(place.settings.secrets, name)).replace(";", "\\;")
    host = (trunk.address or "").partition(":")[0]
    own = trunk.user if "@" in trunk.user else f"{trunk.user}@{host}"
    lines = [
        f"[{name}](trunk)\noutbound_auth = {name}\nfrom_domain = {host}",
        identify,
        f"[{name}](account)\nusername = {trunk.user}\npassword = {password}",
    ]
    if trunk.registers:
        line = [f"[{name}](registration)", f"outbound_auth = {name}", f"server_uri = sip:{trunk.address}"]
        line += [f"client_uri = sip:{own}", f"contact_user = {own.partition('@')[0]}"]
        lines.append("\n".join(line))
    return "\n\n".join(lines)


def _music_classes(place: Place) -> str:
    return "\n\n".join(
        f"[{name}]\nmode = files\ndirectory = {place.settings.data}/music/{name}\nsort = alpha"
        for name in sorted(place.telephony.music)
    )


def _fallback_steps(place: Place) -> str:
    fallback, steps = place.fallback, []
    if fallback.dial:
        steps += [
            "Set(GROUP()=fallback)",
            f"GotoIf($[${{GROUP_COUNT(fallback)}} > {fallback.at_once}]?nobody)",
            "Set(CDR(userfield)=dialled)",
            "Progress()",  # heard before anybody has answered: who answers is the fallback destination
            "Playback(sorry-youre-having-problems&pls-hold-while-try,noanswer)",
            f"Dial(PJSIP/fallback/{fallback.dial},{fallback.ring_s},i)",
            'GotoIf($["${DIALSTATUS}" = "ANSWER"]?over)',
        ]
    named = "nobody"
    if fallback.message:
        steps += [
            f"{named}|Set(CDR(userfield)=message)",
            "Answer()",
            "Playback(sorry-youre-having-problems&vm-intro)",
            f"Record({place.settings.data}/spool/message/${{UNIQUEID}}.wav,5,{fallback.message_s},k)",
            "Hangup()",
        ]
    else:
        steps += [f"{named}|Set(CDR(userfield)=refused)", "Hangup(34)"]
    steps.append("over|Hangup()")
    return "\n".join(_priority(step) for step in steps)


def _priority(step: str) -> str:
    label, bar, application = step.partition("|")
    return f" same => n({label}),{application}" if bar else f" same => n,{step}"


def _setting(name: str) -> Callable[[Place], str]:
    return lambda place: str(getattr(place.settings, name))


VALUES: dict[str, Callable[[Place], str]] = {
    **{name: _setting(name) for name in ("data", "sip_bind", "site", "unheard_on_hold_s", "unheard_s")},
    "ari_password": lambda place: secret.keep(place.settings.secrets / "ari"),
    "ari_workers": _ari_workers,
    "devices": _devices,
    "dialplan": lambda place: place.settings.dialplan.read_text() if place.settings.dialplan else "",
    "entityid": _entity,
    "external": _external,
    "etc": lambda place: str(place.etc),
    "fallback_steps": _fallback_steps,
    "log_stream": lambda _: "/dev/stdout",
    "media_address": lambda place: media_address(place.settings),
    "modules": lambda place: place.runtime.modules(),
    "music_classes": _music_classes,
    "open_files": _open_files,
    "rtp_end": lambda place: place.settings.rtp_ports.partition("-")[2],
    "rtp_start": lambda place: place.settings.rtp_ports.partition("-")[0],
    "threads": lambda _: str(max(4, 2 * (os.cpu_count() or 1))),
    "trunk_context": lambda place: "callers" if place.settings.dialplan else "front-door",
    "transfers": lambda place: "yes" if place.telephony.transfers else "no",
    "trunks": _trunks,
    "websocket_workers": _websocket_workers,
}
"""What each `{{name}}` of the templates stands for."""
