"""The whole directory `callflows/`, file by file. What the files say of each other is checked elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ivr.callflows import Abroad, Route, Trunk, Vips
from ivr.flow.document import Fields, Node, Place, Problem, Scalar, place_of
from ivr.flow.files import SETTINGS, Files, is_name, read_file, read_settings, read_table
from ivr.flow.opening import Hours
from ivr.flow.reading import Draft, read_flow
from ivr.flow.recordings import read_prompts
from ivr.flow.site_zone import read_timezone
from ivr.flow.waiting import LEAVES
from ivr.flow.wording import closest, fit
from ivr.policy import DialPolicy
from ivr.steps import verbs
from ivr.transfers import Transfers
from queues.models import Agent, Device, NailedUp, Pauses, Queue


@dataclass(slots=True)
class Folder(Files):
    """A directory as far as it could be read."""

    drafts: dict[str, Draft] = field(default_factory=dict)
    flows: set[str] = field(default_factory=set)
    """Names of all flow files, broken ones included."""
    queues: dict[str, Queue] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    pauses: dict[str, str] = field(default_factory=dict)
    nailed_up: NailedUp = field(default_factory=NailedUp)
    trunks: dict[str, Trunk] = field(default_factory=dict)
    hours: dict[str, Hours] = field(default_factory=dict)
    timezone: tzinfo = UTC
    numbers: dict[str, Route] = field(default_factory=dict)
    default: Route | None = None
    country: str | None = None
    """Where numbers called are read."""
    policy: DialPolicy | None = None
    vips: Mapping[str, int] = field(default_factory=dict)
    transfers: Transfers | None = None
    prompts: dict[str, dict[str, str]] = field(default_factory=dict)
    """Language → prompt → SHA-256 of the sound file."""

    def names(self, file: str, table: str) -> Mapping[str, Place] | None:
        """Everything named in a table, broken entries included; None if that cannot be known."""
        document = self.documents.get(file)
        if document is None:
            return None if file in self.documents else {}
        node = document.root.nodes.get(table)
        if node is None or (isinstance(node, Scalar) and node.text is None):
            return {}
        return node.keys if isinstance(node, Fields) else None


def read_folder(directory: Path) -> Folder:
    """Read every file of a directory, and check each by itself."""
    folder = Folder(directory)
    _misnamed(folder, directory)
    flows = sorted(directory.glob("flows/*.yaml"))
    if not flows:
        hint = "a flow is a file `flows/NAME.yaml`"
        folder.problems.append(Problem(Place("flows"), "there are no flows", hint))
        return folder
    for file in SETTINGS:
        read_settings(folder, file)
    _tables(folder)
    menus = {queue.menu.flow for queue in folder.queues.values() if queue.menu is not None}
    for path in sorted(flows, key=lambda path: path.stem not in menus):
        _flow(folder, path)  # how a menu can end is asked by the steps that wait beside it
    folder.drafts = dict(sorted(folder.drafts.items()))
    folder.prompts = read_prompts(directory, folder.problems)
    return folder


def _misnamed(folder: Folder, directory: Path) -> None:
    """Files that somebody meant to be read."""
    for path in sorted(directory.glob("flows/*.yml")):
        name = f"flows/{path.name}"
        folder.problems.append(Problem(Place(name), "is not read", "rename it to end in `.yaml`"))
    for path in sorted(directory.glob("*.y*ml")):
        meant = closest(path.name, [*SETTINGS])
        if path.name not in SETTINGS and meant is not None and not (directory / meant).exists():
            folder.problems.append(Problem(Place(path.name), "is not read", f"did you mean `{meant}`?"))


def _flow(folder: Folder, path: Path) -> None:
    name = f"flows/{path.name}"
    folder.flows.add(path.stem)
    if not is_name(path.stem):
        text = "a flow's file is named with a-z, 0-9, - and _, at most 40 characters"
        folder.problems.append(Problem(Place(name), text))
    document = read_file(folder, path, name)
    if document is None:
        return
    draft = read_flow(path.stem, document, verbs(), folder.problems, folder.queues)
    if draft is not None:
        folder.drafts[path.stem] = draft
        for queue in folder.queues.values():
            if queue.menu is not None and queue.menu.flow == path.stem and not draft.broken:
                queue.menu.learn(any(step.returns == LEAVES for step in draft.steps.values()))


def _tables(folder: Folder) -> None:
    folder.queues = dict(read_table(folder, "queues.yaml", "queues", Queue, "queue"))
    folder.agents = dict(read_table(folder, "agents.yaml", "agents", Agent, "agent"))
    folder.devices = dict(read_table(folder, "agents.yaml", "devices", Device, "device"))
    folder.pauses = _beside(folder, "agents.yaml", "pauses", Pauses)
    _nailed_up(folder)
    folder.trunks = dict(read_table(folder, "trunks.yaml", "trunks", Trunk, "trunk"))
    folder.hours = dict(read_table(folder, "hours.yaml", "hours", Hours, "opening hours"))
    folder.timezone = read_timezone(folder)
    folder.numbers = dict(read_table(folder, "numbers.yaml", "numbers", Route, "number"))
    _policy(folder)
    _end_key(folder)
    folder.vips = _beside(folder, "queues.yaml", "vips", Vips)
    numbers = folder.documents["numbers.yaml"]
    if numbers is None:
        return
    country = numbers.root.nodes.get("country")
    if country is not None:
        top = Fields({"country": country}, {"country": country.place}, country.place)
        abroad = fit(Abroad, top, folder.problems)
        folder.country = abroad.country if abroad else None
    if "default" not in numbers.root.nodes:
        hint = "it says where a call to any other number goes: `default: {flow: main}`"
        folder.problems.append(Problem(Place("numbers.yaml", 1, 1), "`default` is missing", hint))
        return
    folder.default = fit(Route, numbers.root.nodes["default"], folder.problems, "default")


def _policy(folder: Folder) -> None:
    document = folder.documents.get("policy.yaml")
    if document is None:
        return
    nodes = document.root.nodes
    if "transfers" in nodes:
        node = nodes["transfers"]
        empty = isinstance(node, Scalar) and node.text is None
        fields = Fields({}, {}, node.place) if empty else node
        folder.transfers = fit(Transfers, fields, folder.problems, "transfers")
    if "dial" in nodes:
        folder.policy = fit(DialPolicy, nodes["dial"], folder.problems, "dial")
    elif "transfers" not in nodes:
        hint = "it says which numbers flows may call, and by which trunk"
        folder.problems.append(Problem(Place("policy.yaml", 1, 1), "`dial` is missing", hint))


def _nailed_up(folder: Folder) -> None:
    document = folder.documents.get("agents.yaml")
    node = document.root.nodes.get("nailed_up") if document else None
    if node is not None and not (isinstance(node, Scalar) and node.text is None):
        folder.nailed_up = fit(NailedUp, node, folder.problems, "nailed_up") or NailedUp()


def _end_key(folder: Folder) -> None:
    end, keys = folder.nailed_up.end_key, folder.transfers.keys if folder.transfers else None
    if end is None or keys is None:
        return
    for code in keys.words():
        if code.startswith(end) or end.startswith(code):
            document, name = folder.documents["agents.yaml"], "nailed_up"
            if document is None or name not in document.root.nodes:
                document, name = folder.documents["policy.yaml"], "transfers"
            assert document is not None, "one of them says something"
            path = ("end_key",) if name == "nailed_up" else ("keys",)
            text = f"`{end}` ends a talk (`end_key` of `nailed_up`), and `{code}` is a key for transfers"
            hint = "nobody could tell them apart: let neither begin the other"
            folder.problems.append(Problem(place_of(document.root.nodes[name], path), text, hint))


def _beside(folder: Folder, file: str, name: str, kind: type[BaseModel]) -> dict[str, Any]:
    """A table at the top of a file, beside the one the file is about."""
    document = folder.documents.get(file)
    node = document.root.nodes.get(name) if document else None
    if node is None or (isinstance(node, Scalar) and node.text is None):
        return {}
    read = fit(kind, Fields({name: node}, {name: node.place}, node.place), folder.problems, name)
    return dict(getattr(read, name)) if read else {}


def node_of(folder: Folder, file: str, table: str, name: str) -> Node:
    """What stands under a name that was read from a table."""
    document = folder.documents[file]
    assert document is not None
    entries = document.root.nodes[table]
    assert isinstance(entries, Fields)
    return entries.nodes[name]
