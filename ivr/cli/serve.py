"""`holdfast serve`: the whole server in the foreground."""

import signal
import sys
from typing import Any

import click
import msgspec

from calllog.errors import HoldfastError
from ivr.callflows import Callflows
from ivr.cli import AWAY, REFUSED, json_option
from ivr.provision import media_address
from ivr.serve import Refused, Server
from ivr.settings import Settings


@click.command()
@json_option
def serve(as_json: bool) -> None:
    """Start Redis, Asterisk and the workers; Ctrl-C stops them.

    Where things are is set by HOLDFAST_* variables (docs/operations.md). What is not right is told
    before anything is started, all at once, each with what mends it.

    \b
    Exit codes: 0 stopped · 2 wrong usage · 3 not started, a part of it did not come up
                4 refused, with the reasons
    """
    settings = Settings()
    settings = settings.model_copy(
        update={name: getattr(settings, name).resolve() for name in ("data", "callflows", "runtime")}
    )
    server = Server(settings, lambda text: click.echo(f"holdfast: {text}", err=as_json))
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, lambda *_: server.stopping.set())
    try:
        callflows = server.start()
    except Refused as refused:
        click.echo("holdfast: not started", err=True)
        for reason in refused.reasons:
            click.echo(f"  - {reason}", err=True)
        sys.exit(REFUSED)
    except (HoldfastError, OSError) as error:
        click.echo(f"holdfast: not started: {error}", err=True)
        sys.exit(AWAY)
    except KeyboardInterrupt:
        sys.exit(AWAY)
    facts = _facts(settings, callflows)
    click.echo(msgspec.json.encode(facts).decode() if as_json else _text(facts))
    try:
        server.watch()
    finally:
        server.stop()


def _facts(settings: Settings, callflows: Callflows) -> dict[str, Any]:
    host, _, port = settings.sip_bind.rpartition(":")
    return {
        "sip": f"{media_address(settings) if host == '0.0.0.0' else host}:{port}",  # noqa: S104
        "numbers": {number: route.flow for number, route in sorted(callflows.numbers.items())},
        "other_numbers": callflows.default.flow,
        "trunks": {name: [str(net) for net in trunk.match] for name, trunk in callflows.trunks.items()},
        "devices": {name: str(settings.secrets / f"device-{name}") for name in sorted(callflows.phones())},
        "api": f"http://{settings.api_bind}" if settings.api_bind else "",
        "logs": str(settings.data / "log"),
    }


def _text(facts: dict[str, Any]) -> str:
    numbers = [f"  {number} (flow {flow})" for number, flow in facts["numbers"].items()]
    devices = [f"  {name}, password in {path}" for name, path in facts["devices"].items()]
    trunks = ", ".join(net for nets in facts["trunks"].values() for net in nets)
    return "\n".join(
        (
            "",
            f"Ready. SIP over UDP at {facts['sip']}",
            f"Call from {trunks or 'nowhere yet (trunks.yaml)'}:",
            *numbers,
            f"  any other number (flow {facts['other_numbers']})",
            "Agents' phones register there as (*45 ready, *46 pause):",
            *(devices or ["  none yet (agents.yaml)"]),
            "Live figures: holdfast top; for programs:"
            f" {facts['api'] or 'none (HOLDFAST_API_BIND)'}/v1/openapi.json, docs/api.md",
            f"Logs: {facts['logs']}/{{redis,asterisk,worker-N,holder,api,archiver}}/current",
            "Ctrl-C stops.",
            "",
        )
    )
