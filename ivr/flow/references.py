"""What one file of `callflows/` says about another: queues, flows, devices and prompts that are not there."""

from collections.abc import Iterator, Mapping

from ivr.callflows import Route, heard_in
from ivr.flow.document import Node, Place, Problem, place_of, place_of_text
from ivr.flow.expressions import written_in
from ivr.flow.folder import Folder, node_of
from ivr.flow.languages import languages_at
from ivr.flow.reading import Draft
from ivr.flow.wording import nearest


def check_references(folder: Folder) -> Iterator[Problem]:
    """Every name that stands for something in another file, and is nothing there."""
    languages = spoken(folder)
    for draft in folder.drafts.values():
        yield from _queues(folder, draft)
        yield from _levels(folder, draft)
        yield from _schedules(folder, draft)
        yield from _prompts(folder, draft, languages)
        yield from _texts(draft, languages)
    yield from _open_queues(folder)
    yield from _agents(folder)
    yield from _agents_numbers(folder)
    yield from _numbers(folder)
    yield from _endpoints(folder)
    yield from _extensions(folder)


def spoken(folder: Folder) -> Mapping[tuple[str, str], set[str]]:
    """Flow and step → languages in which it can be heard."""
    routes = (*folder.numbers.values(), *([folder.default] if folder.default else []))
    return languages_at(folder.drafts, routes)


def _queues(folder: Folder, draft: Draft) -> Iterator[Problem]:
    queues = folder.names("queues.yaml", "queues")
    if queues is None:
        return
    for name, step in draft.steps.items():
        named = [(queue, queue) for queue in step.queues()]
        named += [(queue, each.written) for each in written_in(step) for queue in sorted(each.queues)]
        for queue, written in named:
            if queue not in queues:
                place = place_of_text(draft.source.nodes[name], written)
                text = f"step `{name}`: there is no queue `{queue}` in queues.yaml"
                yield Problem(place, text, nearest(queue, queues))


def _levels(folder: Folder, draft: Draft) -> Iterator[Problem]:
    for name, step in draft.steps.items():
        for queue in step.escalates():
            if queue in folder.queues and folder.queues[queue].level == 1:
                place = place_of_text(draft.source.nodes[name], queue)
                text = f"step `{name}`: queue `{queue}` has level 1: nobody is escalated to it"
                yield Problem(place, text, "write `level: 2` or more for it in queues.yaml")


def _schedules(folder: Folder, draft: Draft) -> Iterator[Problem]:
    hours = folder.names("hours.yaml", "hours")
    if hours is None:
        return
    for name, step in draft.steps.items():
        for schedule in step.schedules():
            if schedule not in hours:
                place = place_of_text(draft.source.nodes[name], schedule)
                text = f"step `{name}`: there are no opening hours `{schedule}` in hours.yaml"
                yield Problem(place, text, nearest(schedule, hours))


def _prompts(
    folder: Folder, draft: Draft, languages: Mapping[tuple[str, str], set[str]]
) -> Iterator[Problem]:
    for name, step in draft.steps.items():
        for prompt in dict.fromkeys(step.prompts()):
            for language in sorted(languages.get((draft.name, name), ())):
                if heard_in(folder.prompts, prompt, language) is None:
                    recorded = folder.prompts.get(language, {})
                    place = place_of_text(draft.source.nodes[name], prompt)
                    text = f"step `{name}`: there is no file prompts/{language}/{prompt}.wav"
                    yield Problem(place, text, nearest(prompt, recorded))


def _texts(draft: Draft, languages: Mapping[tuple[str, str], set[str]]) -> Iterator[Problem]:
    for name, step in draft.steps.items():
        for text in step.texts():
            for language in sorted(languages.get((draft.name, name), ())):
                if text.spoken_in(language) is None:
                    place = place_of_text(draft.source.nodes[name], str(text))
                    problem = f"step `{name}`: this text is not there in `{language}`"
                    yield Problem(place, problem, f"write it beside the others: `{language}: …`")


def _agents_numbers(folder: Folder) -> Iterator[Problem]:
    """Who dials a number to log in is one agent."""
    whose: dict[str, str] = {}
    for name, agent in folder.agents.items():
        other = whose.setdefault(agent.number, name) if agent.number is not None else name
        if other != name:
            place = place_of(node_of(folder, "agents.yaml", "agents", name), ("number",))
            yield Problem(place, f"agent `{name}`: `{other}` has the same number", "give each his own")


def _open_queues(folder: Folder) -> Iterator[Problem]:
    hours = folder.names("hours.yaml", "hours")
    for name, queue in folder.queues.items():
        if hours is not None and queue.hours is not None and queue.hours not in hours:
            node = node_of(folder, "queues.yaml", "queues", name)
            text = f"queue `{name}`: there are no opening hours `{queue.hours}` in hours.yaml"
            yield Problem(place_of(node, ("hours",)), text, nearest(queue.hours, hours))


def _agents(folder: Folder) -> Iterator[Problem]:
    queues = folder.names("queues.yaml", "queues")
    devices = folder.names("agents.yaml", "devices")
    for name, agent in folder.agents.items():
        node = node_of(folder, "agents.yaml", "agents", name)
        for index, served in enumerate(agent.queues):
            if queues is not None and served.name not in queues:
                text = f"agent `{name}`: there is no queue `{served.name}` in queues.yaml"
                yield Problem(place_of(node, ("queues", index)), text, nearest(served.name, queues))
        for queue in agent.wrapup:
            if queues is not None and queue not in queues:
                text = f"agent `{name}`: there is no queue `{queue}` in queues.yaml"
                yield Problem(place_of(node, ("wrapup", queue)), text, nearest(queue, queues))
        if devices is not None and agent.device is not None and agent.device not in devices:
            text = f"agent `{name}`: there is no device `{agent.device}` under `devices:`"
            yield Problem(place_of(node, ("device",)), text, nearest(agent.device, devices))


def _numbers(folder: Folder) -> Iterator[Problem]:
    document = folder.documents.get("numbers.yaml")
    if document is None:
        return
    if folder.default is not None:
        yield from _number(folder, "default", folder.default, document.root.nodes["default"])
    for name, number in folder.numbers.items():
        node = node_of(folder, "numbers.yaml", "numbers", name)
        yield from _number(folder, f"number `{name}`", number, node)


def _number(folder: Folder, what: str, number: Route, node: Node) -> Iterator[Problem]:
    if number.flow not in folder.flows:
        text = f"{what}: there is no file flows/{number.flow}.yaml"
        yield Problem(place_of(node, ("flow",)), text, nearest(number.flow, folder.flows))


def _endpoints(folder: Folder) -> Iterator[Problem]:
    """Phones and trunks are endpoints of one Asterisk: they cannot share a name."""
    devices: Mapping[str, Place] = folder.names("agents.yaml", "devices") or {}
    trunks = folder.names("trunks.yaml", "trunks") or {}
    for name in devices.keys() & trunks.keys():
        yield Problem(
            trunks[name], f"trunk `{name}` is named like a device in agents.yaml", "rename one of them"
        )


def _extensions(folder: Folder) -> Iterator[Problem]:
    """An extension means one agent or one queue."""
    taken: dict[str, str] = {}
    for table, noun, entries in (("queues", "queue", folder.queues), ("agents", "agent", folder.agents)):
        for name, entry in entries.items():
            extension, what = entry.extension, f"{noun} `{name}`"
            if extension in taken:
                node = node_of(folder, f"{table}.yaml", table, name)
                text = f"{what}: {taken[extension]} has the extension {extension}"
                yield Problem(place_of(node, ("extension",)), text, "give one of them another extension")
            elif extension is not None:
                taken[extension] = what
