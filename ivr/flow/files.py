"""The files beside `flows/` in a directory `callflows/`: each read and checked by itself.

Reports need no more than two of them, and begin sooner without all that flows and queues are made of.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from ivr.flow.document import Broken, Document, Fields, Node, Place, Problem, Scalar, read_document
from ivr.flow.wording import fit, only
from queues.settings import NAME

Model = TypeVar("Model", bound=BaseModel)

SETTINGS = {
    "queues.yaml": ("queues", "vips"),
    "agents.yaml": ("agents", "devices", "pauses", "nailed_up"),
    "numbers.yaml": ("default", "country", "numbers"),
    "hours.yaml": ("timezone", "hours"),
    "trunks.yaml": ("trunks",),
    "policy.yaml": ("dial", "transfers"),
}
"""The files beside `flows/`, and the fields at their top."""


@dataclass(slots=True)
class Files:
    """Those that have been read of a directory."""

    directory: Path
    problems: list[Problem] = field(default_factory=list)
    documents: dict[str, Document | None] = field(default_factory=dict)
    """The files of `SETTINGS`; None: there, but broken."""


def read_file(files: Files, path: Path, name: str) -> Document | None:
    """A file as a document; None: it is broken, as `problems` tells."""
    try:
        document = read_document(path, name)
    except Broken as broken:
        files.problems.append(broken.problem)
        return None
    files.problems.extend(document.problems)
    return document


def read_settings(files: Files, file: str) -> None:
    """One of `SETTINGS`, if it is there."""
    path = files.directory / file
    if not path.exists():
        if file == "numbers.yaml":
            hint = "it says which flow a number leads to: `default: {flow: main}`"
            files.problems.append(Problem(Place(file), "is missing", hint))
            files.documents[file] = None
        return
    document = files.documents[file] = read_file(files, path, file)
    if document is not None:
        only(document.root, SETTINGS[file], files.problems, file)


def read_table(
    files: Files, file: str, table: str, model: type[Model], noun: str
) -> Iterator[tuple[str, Model]]:
    """The named things of one table that are right; of the others `problems` tells."""
    document = files.documents.get(file)
    node: Node | None = document.root.nodes.get(table) if document else None
    if node is None or (isinstance(node, Scalar) and node.text is None):
        return
    if not isinstance(node, Fields):
        files.problems.append(Problem(node.place, f"`{table}` must have a name and fields for each {noun}"))
        return
    for name, value in node.nodes.items():
        if noun != "number" and not is_name(name):
            text = f"{noun} `{name[:60]}`: a name has a-z, 0-9, - and _, at most 40 characters"
            files.problems.append(Problem(node.keys[name], text))
        empty = isinstance(value, Scalar) and value.text is None
        fields = Fields({}, {}, node.keys[name]) if empty else value
        made = fit(model, fields, files.problems, f"{noun} `{name[:60]}`")
        if made is not None:
            yield name, made


def is_name(text: str) -> bool:
    """Whether a flow, queue, agent … may be named so."""
    return re.fullmatch(NAME, text) is not None
