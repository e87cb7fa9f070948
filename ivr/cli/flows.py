"""`holdfast check`: everything that is wrong in a directory of call flows, at once."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec

from calllog.printable import printable_json
from ivr.cli import FINDINGS, OK, json_option
from ivr.flow.check import check_callflows
from ivr.flow.document import Problem, visible
from ivr.flow.folder import Folder
from ivr.rehearsal import Rehearsal
from ivr.settings import Settings


@click.command()
@click.argument("directory", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
def check(directory: Path | None, as_json: bool) -> None:
    """Check the call flows in DIRECTORY (not given: those of this installation).

    Reads flows, queues, agents, numbers, trunks and prompts, looks for the queues' music, has every text
    spoken once, and prints every error with file, line and
    column, what is wrong, and what would be right. Nothing is changed, and no server is needed.

    \b
    Exit codes: 0 no error · 1 errors were found · 2 no such directory
    """
    settings = Settings()
    place = directory or settings.callflows
    if not place.is_dir():
        raise click.UsageError(f"there is no directory {place}")
    with TemporaryDirectory() as spoken:
        rehearsal = Rehearsal(place / "music", Path(spoken), settings.speech_engine, settings.speech_voices)
        folder = check_callflows(place, rehearsal)
    click.echo(_json(place, folder) if as_json else _text(place, folder))
    raise SystemExit(FINDINGS if folder.problems else OK)


def _json(place: Path, folder: Folder) -> str:
    problems = [
        {
            "file": problem.place.file,
            "line": problem.place.line,
            "column": problem.place.column,
            "source": _line(place, problem),
            "text": problem.text,
            "hint": problem.hint,
        }
        for problem in folder.problems
    ]
    report = {"directory": str(place), "ok": not problems, "problems": problems, "counts": _counts(folder)}
    return printable_json(msgspec.json.encode(report).decode())


def _text(place: Path, folder: Folder) -> str:
    lines = []
    for problem in folder.problems:
        lines.append(str(problem))
        source = _line(place, problem)
        if source:
            number = f"{problem.place.line:6}"
            lines += [f"{number} | {source}", f"{' ' * len(number)} | {' ' * (problem.place.column - 1)}^"]
    count, files = len(folder.problems), len({problem.place.file for problem in folder.problems})
    if count:
        lines.append(f"{count} error{'s' * (count > 1)} in {files} file{'s' * (files > 1)} of {place}")
    else:
        counts = ", ".join(f"{what} {number}" for what, number in _counts(folder).items())
        lines.append(f"{place}: no errors ({counts})")
    return "\n".join(lines)


def _counts(folder: Folder) -> dict[str, int]:
    return {
        "flows": len(folder.flows),
        "steps": sum(len(draft.source.nodes) for draft in folder.drafts.values()),
        "queues": len(folder.queues),
        "agents": len(folder.agents),
        "numbers": len(folder.numbers),
        "prompts": sum(len(names) for names in folder.prompts.values()),
    }


def _line(place: Path, problem: Problem) -> str:
    """The line of the file that the problem is in, as it may be shown in a terminal."""
    if not problem.place.line:
        return ""
    with (place / problem.place.file).open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if number == problem.place.line:
                return visible(line.rstrip("\n").replace("\t", " "))[:200]
    return ""
