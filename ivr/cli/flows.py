"""`holdfast check`: everything that is wrong in a directory of call flows, at once."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec

from calllog.printable import printable_json
from ivr.cli import FINDINGS, OK, json_option
from ivr.cli.problems import as_dicts, as_sarif, as_text
from ivr.flow.check import check_callflows
from ivr.flow.folder import Folder
from ivr.rehearsal import Rehearsal
from ivr.settings import Settings


@click.command()
@click.argument("directory", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
@click.option("--sarif", is_flag=True, help="Print SARIF 2.1.0, as code hosts and editors read it.")
def check(directory: Path | None, as_json: bool, sarif: bool) -> None:
    """Check the call flows in DIRECTORY (not given: those of this installation).

    Reads flows, queues, agents, numbers, trunks and prompts, looks for the queues' music, has every text
    spoken once, makes the calls of the tests, and prints every error with file, line and column, what is
    wrong, and what would be right. Nothing is changed, and no server is needed.

    \b
    Exit codes: 0 no error · 1 errors were found · 2 no such directory
    """
    settings = Settings()
    place = directory or settings.callflows
    if as_json and sarif:
        raise click.UsageError("--json and --sarif exclude each other")
    if not place.is_dir():
        raise click.UsageError(f"there is no directory {place}")
    with TemporaryDirectory() as spoken:
        rehearsal = Rehearsal(place / "music", Path(spoken), settings.speech_engine, settings.speech_voices)
        folder = check_callflows(place, rehearsal)
    problems = folder.problems
    if sarif:
        _echo_json(as_sarif(place, problems))
    elif as_json:
        found = as_dicts(place, problems)
        _echo_json({"directory": str(place), "ok": not found, "problems": found, "counts": _counts(folder)})
    elif problems:
        click.echo(as_text(place, problems))
    else:
        counts = ", ".join(f"{what} {number}" for what, number in _counts(folder).items())
        click.echo(f"{place}: no errors ({counts})")
    raise SystemExit(FINDINGS if problems else OK)


def _counts(folder: Folder) -> dict[str, int]:
    return {
        "flows": len(folder.flows),
        "steps": sum(len(draft.source.nodes) for draft in folder.drafts.values()),
        "queues": len(folder.queues),
        "agents": len(folder.agents),
        "numbers": len(folder.numbers),
        "prompts": sum(len(names) for names in folder.prompts.values()),
    }


def _echo_json(value: object) -> None:
    click.echo(printable_json(msgspec.json.encode(value).decode()))
