"""What is wrong in call flows, told: as text with the line in question, as JSON, as SARIF 2.1.0."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from ivr.flow.document import Problem, visible

SHOWN = 200
"""Characters of a line that are shown."""


def as_text(place: Path, problems: Sequence[Problem]) -> str:
    """Each problem with its line and a mark below it, and a count at the end."""
    lines = []
    sources = _Sources(place)
    for problem in problems:
        lines.append(str(problem))
        source = sources.line(problem)
        if source:
            number, before = f"{problem.place.line:6}", problem.place.column - 1
            lines.append(f"{number} | {source}")
            lines += [f"{' ' * len(number)} | {' ' * before}^"] if before < SHOWN else []
    count, files = len(problems), len({problem.place.file for problem in problems})
    return "\n".join(
        [*lines, f"{count} error{'s' * (count > 1)} in {files} file{'s' * (files > 1)} of {place}"]
    )


def as_dicts(place: Path, problems: Sequence[Problem]) -> list[dict[str, object]]:
    """Each problem as the JSON output has it."""
    sources = _Sources(place)
    return [
        {
            "file": problem.place.file,
            "line": problem.place.line,
            "column": problem.place.column,
            "source": sources.line(problem),
            "text": problem.text,
            "hint": problem.hint,
        }
        for problem in problems
    ]


def as_sarif(place: Path, problems: Sequence[Problem]) -> dict[str, object]:
    """SARIF 2.1.0, as code hosts and editors read it. Paths are relative to the working directory."""
    driver = {
        "name": "holdfast check",
        "version": version("holdfast"),
        "rules": [{"id": "callflows", "shortDescription": {"text": "An error in the call flows"}}],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(place, each) for each in problems],
    }
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _result(place: Path, problem: Problem) -> dict[str, object]:
    physical: dict[str, object] = {"artifactLocation": {"uri": _uri(place / problem.place.file)}}
    if problem.place.line:
        physical["region"] = {"startLine": problem.place.line, "startColumn": problem.place.column}
    text = visible(problem.text + (f" ({problem.hint})" if problem.hint else ""))
    return {
        "ruleId": "callflows",
        "level": "error",
        "message": {"text": text},
        "locations": [{"physicalLocation": physical}],
    }


def _uri(path: Path) -> str:
    """Relative to the working directory where that is possible: then a code host finds the file."""
    whole, here = path.resolve(), Path.cwd()
    return quote(str(whole.relative_to(here))) if whole.is_relative_to(here) else whole.as_uri()


class _Sources:
    """Lines of the files that problems are in, as they may be shown in a terminal."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._files: dict[str, list[str]] = {}

    def line(self, problem: Problem) -> str:
        """The line that the problem is in; empty: it is about the whole file."""
        place = problem.place
        if not place.line:
            return ""
        if place.file not in self._files:
            with (self._place / place.file).open(encoding="utf-8-sig", errors="replace") as file:
                self._files[place.file] = file.readlines()
        lines = self._files[place.file]
        source = lines[place.line - 1] if place.line <= len(lines) else ""
        return visible(source[:SHOWN].rstrip("\n").replace("\t", " "))
