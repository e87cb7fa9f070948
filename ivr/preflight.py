"""What must be right before the server starts: all that is wrong is found at once, each with its mend."""

import os
import re
import shutil
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path

import psutil

from calllog.archive.database import connect
from calllog.errors import ArchiveAway
from ivr import outside_redis, secret
from ivr.flow.check import Further, check_callflows
from ivr.rehearsal import Rehearsal
from ivr.runtime import Runtime, RuntimeUnfit, find
from ivr.secret import SecretUnfit
from ivr.settings import Settings

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

TOOLS = ("s6-svscan", "s6-svc", "s6-log", "unshare", "chroot", "flock", "sox", "espeak-ng")
FREE_BYTES = 512 * 1024 * 1024
"""Space without which a start is refused: Redis ends itself when it cannot append."""


def refusals(settings: Settings) -> list[str]:
    """Why the server must not start here, each with what mends it; empty when it may."""
    found = machine(settings)
    runtime: Runtime | None = None
    try:
        runtime = find(settings.runtime)
    except RuntimeUnfit as error:
        found.append(str(error))
    found += callflows(settings.callflows, Rehearsal.of(settings))
    found += secrets(settings.secrets)
    found += reach(settings, local_addresses())
    found += ports(settings)
    found += dialplan(settings.dialplan)
    found += archive(settings)
    if settings.redis_url and runtime:
        found += outside_redis.refusals(settings.redis_url, runtime)
    return found


def archive(settings: Settings) -> list[str]:
    """An archive's address that cannot be one. A database that is down is none of it: the log waits."""
    try:
        connect(settings.archive).dispose()
    except ArchiveAway as error:
        return [f"HOLDFAST_ARCHIVE_URL: {error}"]
    return []


def machine(settings: Settings) -> list[str]:
    """What this machine lacks."""
    return [*_lacks(settings)]


def _lacks(settings: Settings) -> Iterator[str]:
    if os.geteuid() != 0:
        yield "only root can give Asterisk and Redis their own users: start as root"
    if missing := [tool for tool in TOOLS if not shutil.which(tool)]:
        yield f"missing on this machine: {', '.join(missing)}: make setup"
    settings.data.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.data).free
    if free < FREE_BYTES:
        yield (
            f"only {free // 2**20} MiB are free below {settings.data}, {FREE_BYTES // 2**20} MiB are needed: "
            "make room, or set HOLDFAST_DATA to another disk"
        )


def callflows(directory: Path, further: Further | None = None) -> list[str]:
    """Every error in the directory that admins edit, with file and line."""
    if not directory.is_dir():
        return [f"there is no directory {directory}: set HOLDFAST_CALLFLOWS"]
    return [f"{directory}/{problem}" for problem in check_callflows(directory, further).problems]


def secrets(directory: Path) -> list[str]:
    """What is wrong with passwords that exist already; those that do not will be made."""
    if not directory.is_dir():
        return []
    found = []
    if loose := directory.stat().st_mode & 0o077:
        found.append(f"{directory} can be entered by others (mode has {loose:03o}): chmod 700 {directory}")
    for path in sorted(directory.iterdir()):
        try:
            (secret.given if path.name.startswith("trunk-") else secret.read)(path)
        except SecretUnfit as error:
            found.append(str(error))
    return found


def local_addresses() -> list[Address]:
    """Addresses under which this machine can be reached."""
    return [
        ip_address(entry.address.partition("%")[0])
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in (socket.AF_INET, socket.AF_INET6)
    ]


def reach(settings: Settings, local: list[Address]) -> list[str]:
    """These ports are full call control: refuse addresses outside the trusted networks."""
    found = _reach(settings.worker_bind, "workers' port", "WORKER_BIND", settings, local)
    if settings.agi_port:
        found += _reach(settings.agi_bind, "AGI port", "AGI_BIND", settings, local)
    return found


def _reach(bind: str, what: str, variable: str, settings: Settings, local: list[Address]) -> list[str]:
    try:
        bound = ip_address(bind)
    except ValueError:
        return [f"HOLDFAST_{variable}={bind} is no address: set it to 127.0.0.1"]
    addresses = [a for a in local if a.version == bound.version] if bound.is_unspecified else [bound]
    strange = sorted(str(a) for a in addresses if not _trusted(a, settings.trusted))
    if not strange:
        return []
    return [
        f"the {what} (full call control) would be reachable at {', '.join(strange)}, "
        f"in no trusted network: set HOLDFAST_{variable}=127.0.0.1, or name it in HOLDFAST_TRUSTED"
    ]


def dialplan(path: Path | None) -> list[str]:
    """What is wrong with the operator's own dialplan, as far as Asterisk would not say it."""
    if path is None:
        return []
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        return [f"HOLDFAST_DIALPLAN={path} cannot be read ({error})"]
    if not re.search(r"^\[callers\]", text, re.MULTILINE):
        return [f"HOLDFAST_DIALPLAN={path} has no context [callers], where callers come in: docs/agi.md"]
    return []


def _trusted(address: Address, networks: list[Network]) -> bool:
    return any(address in network for network in networks)


def ports(settings: Settings) -> list[str]:
    """Ports we need that another program has."""
    host, _, port = settings.sip_bind.rpartition(":")
    wanted = [(socket.SOCK_DGRAM, host, int(port), "SIP", "HOLDFAST_SIP_BIND")]
    wanted += [
        (
            socket.SOCK_STREAM,
            settings.worker_bind,
            settings.worker_port + n,
            f"worker hf-{n}",
            "HOLDFAST_WORKER_PORT",
        )
        for n in range(1, settings.workers + 1)
    ]
    if settings.agi_port:
        wanted.append((socket.SOCK_STREAM, settings.agi_bind, settings.agi_port, "AGI", "HOLDFAST_AGI_PORT"))
    if settings.api_bind:
        api_host, _, api_port = settings.api_bind.rpartition(":")
        wanted.append((socket.SOCK_STREAM, api_host, int(api_port), "API", "HOLDFAST_API_BIND"))
    return [
        f"{host}:{port} ({what}) cannot be used: {error}; stop the program that has it, or set {variable}"
        for kind, host, port, what, variable in wanted
        if (error := _bind_error(kind, host, port))
    ]


def _bind_error(kind: socket.SocketKind, host: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            return error.strerror or str(error)
    return ""
