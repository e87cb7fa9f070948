"""YAML with a place on every node. Scalars stay text: the models say what a text means, not YAML's guesses.

So `no` is a bool in `answer: no` and a word in `text: no`, and `0100` keeps its zero. What makes YAML
dangerous or ambiguous is refused, with its place: duplicate keys, aliases (bombs), tags, several documents,
deep nesting.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

import yaml

MAX_BYTES = 1_000_000
"""Largest file that is read. The text of 500 long flows is far below it."""
MAX_DEPTH = 20


class Place(NamedTuple):
    """A position in a file; line and column count from 1. Line 0: the file as a whole."""

    file: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong, where, and what would be right (`hint`, may be empty)."""

    place: Place
    text: str
    hint: str = ""

    def __str__(self) -> str:
        where = (
            f"{self.place.file}:{self.place.line}:{self.place.column}" if self.place.line else self.place.file
        )
        return visible(f"{where}: {self.text}" + (f" ({self.hint})" if self.hint else ""))


def visible(text: str) -> str:
    """The text without what would move the cursor or forge a line: names in files can hold anything."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


class Broken(Exception):  # noqa: N818 (carries problems, is not one)
    """A file that cannot be read as YAML of ours. It ends that file only; other files are still checked."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Scalar(NamedTuple):
    """A plain value; None is YAML's null: nothing after the colon, or `null`."""

    text: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    nodes: tuple["Node", ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping. `keys` are the places of the keys, `nodes` the values."""

    nodes: dict[str, "Node"]
    keys: dict[str, Place]
    place: Place


@dataclass(frozen=True, slots=True)
class Document:
    """One file as read, and what was wrong with its YAML although it could be read."""

    root: Fields
    problems: tuple[Problem, ...]


Node = Scalar | Items | Fields
Plain = str | list["Plain"] | dict[str, "Plain"] | None


def plain(node: Node) -> Plain:
    """The node as Python values, as pydantic takes them."""
    match node:
        case Scalar():
            return node.text
        case Items():
            return [plain(item) for item in node.nodes]
        case Fields():
            return {key: plain(value) for key, value in node.nodes.items()}


def place_of(node: Node, path: Sequence[str | int], *, key: bool = False) -> Place:
    """Place of what `path` leads to, or of the nearest node above. `key`: of its key instead of its value."""
    place = node.place
    for part in path:
        if isinstance(node, Fields) and part in node.nodes:
            place = node.keys[str(part)]
            node = node.nodes[str(part)]
        elif isinstance(node, Items) and isinstance(part, int) and part < len(node.nodes):
            node = node.nodes[part]
            place = node.place
        else:
            return node.place if not key else place
    return place if key else node.place


def place_of_text(node: Node, text: str) -> Place:
    """Place of the first scalar in `node` that is `text`; else of `node`."""
    return next((found.place for found in _scalars(node) if found.text == text), node.place)


def place_of_name(node: Node, name: str) -> Place:
    """Place of the first key in `node` that is `name`; else as `place_of_text`."""
    return next(_keys(node, name), None) or place_of_text(node, name)


def _keys(node: Node, name: str) -> Iterator[Place]:
    match node:
        case Items():
            for item in node.nodes:
                yield from _keys(item, name)
        case Fields():
            if name in node.keys:
                yield node.keys[name]
            for value in node.nodes.values():
                yield from _keys(value, name)


def _scalars(node: Node) -> Iterator[Scalar]:
    match node:
        case Scalar():
            yield node
        case Items():
            for item in node.nodes:
                yield from _scalars(item)
        case Fields():
            for value in node.nodes.values():
                yield from _scalars(value)


def read_document(path: Path, name: str) -> Document:
    """Read one file whose top level is a mapping. `name` is what places call the file. Raises `Broken`."""
    return parse_document(_text(path, name), name)


def parse_document(text: str, name: str) -> Document:
    """As `read_document`, from text."""
    reader = _Reader(name)
    try:
        root = reader.read(text)
    except yaml.MarkedYAMLError as error:
        raise Broken(_in_words(name, error, text)) from error
    except yaml.reader.ReaderError as error:
        before = text.encode()[: error.position].decode(errors="ignore")
        place = Place(name, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise Broken(Problem(place, f"character {error.character!r} is not allowed", "delete it")) from error
    if isinstance(root, Fields):
        return Document(root, tuple(reader.problems))
    empty = root is None or (isinstance(root, Scalar) and root.text is None)
    raise Broken(
        Problem(Place(name, 1, 1), "is empty" if empty else "must consist of fields (`name: value`)")
    )


def _text(path: Path, name: str) -> str:
    try:
        if not S_ISREG(path.stat().st_mode):  # a pipe would keep us waiting, a device never end
            raise Broken(Problem(Place(name), "cannot be read: is no file"))
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Broken(Problem(Place(name), f"cannot be read: {error.strerror}")) from error
    if len(raw) > MAX_BYTES:
        raise Broken(
            Problem(Place(name), f"is larger than {MAX_BYTES // 1000} kB", "split it into several files")
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        place = Place(name, before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        raise Broken(Problem(place, "is not UTF-8 text", "save the file with encoding UTF-8")) from error


def _in_words(name: str, error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name)
    problem = error.problem or str(error)
    lines = text.splitlines()
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    if "\t" in line[: place.column] and not line[: place.column].strip():
        return Problem(place, "a tab is used to indent", "indent with spaces")
    if "mapping values are not allowed" in problem:
        return Problem(place, "a colon where none can be", "put a text that contains `: ` into quotes")
    if "while scanning an alias" in (error.context or ""):
        return Problem(place, "a value cannot begin with *", 'write the star key as "*"')
    if "did not find expected key" in problem or "could not find expected ':'" in problem:
        return Problem(place, "the indentation or a missing colon breaks the list of fields here")
    return Problem(place, f"is not valid YAML: {problem}")


class _Open:
    """A list or mapping that is being read."""

    def __init__(self, place: Place, mapping: bool) -> None:
        self.place = place
        self.mapping = mapping
        self.key: Scalar | None = None
        self.items: list[Node] = []
        self.fields = Fields({}, {}, place)

    def closed(self) -> Node:
        return self.fields if self.mapping else Items(tuple(self.items), self.place)


class _Reader:
    """Turns libyaml's events into nodes, without recursion."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._open: list[_Open] = []
        self._root: Node | None = None
        self.problems: list[Problem] = []

    def read(self, text: str) -> Node | None:
        for event in yaml.parse(text, Loader=yaml.CLoader):
            match event:
                case yaml.ScalarEvent():
                    self._put(self._scalar(event))
                case yaml.AliasEvent():
                    self._complain(event, "aliases (`*name`) are not used here", "write the value out")
                    self._put(Scalar(None, self._place(event)))
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    self._begin(event)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._put(self._open.pop().closed())
                case yaml.DocumentStartEvent() if self._root is not None:
                    problem = Problem(
                        self._place(event), "a second document begins here", "remove the line `---`"
                    )
                    raise Broken(problem)
        return self._root

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        self._no_tag_no_anchor(event)
        place = self._place(event)
        if len(self._open) >= MAX_DEPTH:
            raise Broken(Problem(place, f"is nested deeper than {MAX_DEPTH} levels"))
        parent = self._open[-1] if self._open else None
        if parent and parent.mapping and parent.key is None:
            raise Broken(Problem(place, "a name must be plain text, not a list or mapping"))
        self._open.append(_Open(place, isinstance(event, yaml.MappingStartEvent)))

    def _put(self, node: Node) -> None:
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        if not parent.mapping:
            parent.items.append(node)
        elif parent.key is None:
            assert isinstance(node, Scalar), "other keys were refused when they began"
            parent.key = Scalar(node.text or "", node.place)
        else:
            self._pair(parent, parent.key, node)
            parent.key = None

    def _pair(self, parent: _Open, key: Scalar, value: Node) -> None:
        name = key.text or ""
        first = parent.fields.keys.get(name)
        if first is None:
            parent.fields.keys[name] = key.place
            parent.fields.nodes[name] = value
            return
        text = f"`{name}` is written twice: in line {first.line} and in line {key.place.line}"
        self.problems.append(Problem(key.place, text, "keep one of them"))

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        if event.anchor or event.tag:
            self._no_tag_no_anchor(event)
        text = event.value
        null = not event.style and text in ("", "~", "null")
        return Scalar(None if null else text, self._place(event))

    def _no_tag_no_anchor(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor:
            self._complain(event, f"anchors (`&{event.anchor}`) are not used here", "write the value out")
        if event.tag:
            self._complain(event, f"tags (`{event.tag}`) are not used here", "remove it")

    def _complain(self, event: yaml.Event, text: str, hint: str) -> None:
        self.problems.append(Problem(self._place(event), text, hint))

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self._name, mark.line + 1, mark.column + 1) if mark else Place(self._name)
