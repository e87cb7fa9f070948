"""`holdfast`, the command. One file of this package per family of commands.

Exit codes, the same for every command:

    0  done, nothing found
    1  done, and found something (`check`: errors; `audit`: broken rules)
    2  wrong usage: unknown option, missing argument
    3  a service that is needed is away (Redis, Asterisk, a running server)
    4  refused: the command was understood and may not be carried out
"""

import logging
import sys
from importlib import import_module
from io import TextIOWrapper

import click

logging.getLogger("ivr").addHandler(logging.NullHandler())  # what flows log in a simulation is not for here

OK, FINDINGS, USAGE, AWAY, REFUSED = range(5)

FAMILIES = {
    "serve": "ivr.cli.serve",
    "check": "ivr.cli.flows",
    "simulate": "ivr.cli.simulate",
    "test": "ivr.cli.simulate",
    "graph": "ivr.cli.graph",
    "numbers": "ivr.cli.numbers",
    "steps": "ivr.cli.reference",
    "schema": "ivr.cli.reference",
    "publish": "ivr.cli.versions",
    "versions": "ivr.cli.versions",
    "diff": "ivr.cli.versions",
    "rollback": "ivr.cli.versions",
    "calls": "ivr.cli.desk",
    "queues": "ivr.cli.desk",
    "messages": "ivr.cli.messages",
    "agent": "ivr.cli.desk",
    "agent-pin": "ivr.cli.pins",
    "top": "ivr.cli.top",
    "token": "ivr.cli.token",
    "drain": "ivr.cli.desk",
    "trunk-password": "ivr.cli.trunks",
    "log": "ivr.cli.log",
    "trace": "ivr.cli.trace",
    "archive": "ivr.cli.archive",
    "audit": "ivr.cli.audit",
    "report": "ivr.cli.report",
    "queue-log": "ivr.cli.queue_log",
}
"""Command → the module that has it, under the same name (`_` for `-`). Modules are imported when a command is
asked for: `holdfast agent` in a script must not wait for everything `serve` needs."""


class Families(click.Group):
    """The group of all commands, in the order of `FAMILIES`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return list(FAMILIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        module = FAMILIES.get(cmd_name)
        if module is None:
            return None
        command = getattr(import_module(module), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command), f"{module}.{cmd_name} is no click command"
        return command


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
"""The option every command takes; the function gets it as `as_json: bool`."""


@click.group(cls=Families, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="holdfast")
def main() -> None:
    """A contact-centre server on Asterisk that holds its callers fast.

    \b
    Exit codes: 0 done · 1 something was found · 2 wrong usage
                3 a needed service is away · 4 refused
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 gets `?`, not a traceback
