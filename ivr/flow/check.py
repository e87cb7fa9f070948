"""The check: one way from a directory to `Callflows`, for `holdfast check`, publishing and start alike."""

# ruff: noqa: N818  (an error is named by what is the matter: BrokenCallflows)

import gc
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from calllog.errors import HoldfastError
from ivr.callflows import Callflows, with_direct_lines
from ivr.flow.cases import check_cases, read_cases
from ivr.flow.dialling import check_dialling
from ivr.flow.document import Place, Problem
from ivr.flow.family import check_families
from ivr.flow.files import SETTINGS
from ivr.flow.folder import Folder, read_folder
from ivr.flow.graph import check_graph
from ivr.flow.menus import check_menus
from ivr.flow.naming import begin_comparing
from ivr.flow.numbers import check_numbers
from ivr.flow.queue_sounds import check_queue_sounds
from ivr.flow.references import check_references
from ivr.flow.routing import check_routing, ladders_of
from ivr.flow.step import Flow
from ivr.flow.surveys import check_surveys
from ivr.flow.ways import Inner
from ivr.numbering import Numbers

Further = Callable[[Folder], Iterable[Problem]]
"""A check that looks beyond the directory's own files."""


class BrokenCallflows(HoldfastError):
    """The directory has errors; `problems` are all of them, sorted by place. Nothing was changed."""

    reason: str = "broken-callflows"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def check_callflows(directory: Path, further: Further | None = None) -> Folder:
    """Read and check a directory. All that is wrong, in any file, is in `problems`, sorted by place."""
    begin_comparing()
    with _uncollected():
        folder = read_folder(directory)
        inner = Inner(folder.drafts)
        for draft in folder.drafts.values():
            folder.problems.extend(check_graph(draft, inner))
        folder.problems.extend(check_families(folder.drafts, folder.flows))
        folder.problems.extend(check_surveys(folder.drafts))
        if folder.flows:
            folder.problems.extend(check_references(folder))
            folder.problems.extend(check_routing(folder))
            folder.problems.extend(check_queue_sounds(folder))
            folder.problems.extend(check_menus(folder))
            folder.problems.extend(check_dialling(folder))
            folder.problems.extend(check_numbers(folder))
        cases = read_cases(directory, folder.problems)
        folder.problems.extend(check_cases(cases, folder))
    if further is not None:
        folder.problems.extend(further(folder))
    folder.problems = sorted(set(folder.problems))
    return folder


@contextmanager
def _uncollected() -> Iterator[None]:
    """Nodes are many and have no cycles: the collector would walk them again and again, for nothing."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def load_callflows(
    directory: Path, prompts_at: Path, version: int = 0, further: Further | None = None
) -> Callflows:
    """The value workers work by. Raises `BrokenCallflows`."""
    folder = check_callflows(directory, further)
    if folder.problems:
        raise BrokenCallflows(folder.problems)
    return callflows_of(folder, prompts_at, version)


def callflows_of(folder: Folder, prompts_at: Path, version: int = 0) -> Callflows:
    """The value of a directory in which no problem was found."""
    assert folder.default is not None, "a directory without it has a problem"
    steps = [step for draft in folder.drafts.values() for step in draft.steps.values()]
    by_name = {agent for step in steps for agent in step.agents()}
    if folder.transfers is not None:  # whoever transfers may get the caller back
        by_name |= folder.agents.keys()
    queues, agents = with_direct_lines(by_name, folder.queues, folder.agents)
    flows: dict[str, Flow] = {}
    flows.update((name, draft.flow(version, flows)) for name, draft in folder.drafts.items())
    return Callflows(
        version=version,
        content=content_of(folder.directory),
        flows=flows,
        queues=queues,
        agents=agents,
        devices=folder.devices,
        pauses=folder.pauses,
        nailed_up=folder.nailed_up,
        trunks=folder.trunks,
        hours=folder.hours,
        timezone=folder.timezone,
        numbers=Numbers(folder.numbers, folder.country),
        default=folder.default,
        policy=folder.policy,
        vips=Numbers(folder.vips, folder.country),
        ladders=ladders_of(folder),
        transfers=folder.transfers,
        prompts=folder.prompts,
        prompts_at=prompts_at,
    )


def files_of(directory: Path) -> Iterator[Path]:
    """Every file that takes part, in a fixed order."""
    yield from (path for path in _named(directory) if path.is_file())


def strays_of(directory: Path) -> list[Problem]:
    """What is named like a file that takes part and is none: a directory, a pipe, a link to nothing."""
    found = (path.relative_to(directory) for path in _named(directory) if not path.is_file())
    return [Problem(Place(str(path)), "cannot be read: is no file") for path in found]


def _named(directory: Path) -> Iterator[Path]:
    yield from (directory / name for name in SETTINGS if os.path.lexists(directory / name))
    for pattern in ("flows/*.yaml", "tests/*.yaml", "prompts/*/*.wav"):
        yield from sorted(directory.glob(pattern))


def content_of(directory: Path) -> str:
    """SHA-256 of all files that take part, with their names: the same content has the same value anywhere."""
    whole = hashlib.sha256()
    for path in files_of(directory):
        whole.update(f"{path.relative_to(directory)}\n".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    for stray in strays_of(directory):
        whole.update(f"{stray}\n".encode())
    return whole.hexdigest()
