"""From one flow file to a typed `Flow`, with everything that is wrong in it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ivr.flow.document import Document, Fields, Node, Place, Problem, Scalar, place_of
from ivr.flow.step import ANY, Flow, Step
from ivr.flow.wording import fit, nearest, only
from queues.models import Queue

FLOW_FIELDS = ("title", "start", "steps", "after_agent")


@dataclass(frozen=True, slots=True)
class Draft:
    """A flow as far as it could be read."""

    name: str
    title: str
    start: str
    start_at: Place
    steps: Mapping[str, Step]
    broken: Mapping[str, Mapping[str, str] | None]
    """Steps that are not right → their `next:`, if at least that could be read."""
    source: Fields
    """Where each step stands, of `steps:` and of `after_agent:`."""
    after_agent: str | None = None

    def flow(self, version: int, flows: Mapping[str, Flow] | None = None) -> Flow:
        """`flows`: those that its steps may call, by name; it may be filled later."""
        return Flow(
            name=self.name,
            start=self.start,
            steps=self.steps,
            version=version,
            title=self.title,
            after_agent=self.after_agent,
            flows=flows if flows is not None else {},
        )

    def at(self, step: str, *path: str, key: bool = False) -> Place:
        """Place of a step, or of something in it."""
        return place_of(self.source, (step, *path), key=key)


def read_flow(
    name: str,
    document: Document,
    verbs: Mapping[str, type[Step]],
    problems: list[Problem],
    queues: Mapping[str, Queue] | None = None,
) -> Draft | None:
    """Read one flow. None when it has no steps that could be looked at; `problems` says why."""
    root = document.root
    only(root, FLOW_FIELDS, problems, "a flow")
    title = _text(root, "title", problems) or ""
    source = root.nodes.get("steps")
    if not isinstance(source, Fields) or not source.nodes:
        place = root.keys.get("steps", Place(root.place.file, 1, 1))
        problems.append(Problem(place, "a flow needs `steps:`, each with a name and a verb"))
        return None
    start = next(iter(source.nodes))
    source, after_agent = _with_after_agent(root, source, problems)
    readers = {step: _StepReader(step, source, verbs, problems, queues or {}) for step in source.nodes}
    read = {step: reader.read() for step, reader in readers.items()}
    steps = {step: made for step, made in read.items() if made is not None}
    broken = {step: reader.following() for step, reader in readers.items() if step not in steps}
    written = _text(root, "start", problems)
    start_at = place_of(root, ("start",)) if written else source.place
    return Draft(name, title, written or start, start_at, steps, broken, source, after_agent)


def _with_after_agent(root: Fields, steps: Fields, problems: list[Problem]) -> tuple[Fields, str | None]:
    """The steps together with those of `after_agent:`, and the name of the first of these."""
    more = root.nodes.get("after_agent")
    if more is None:
        return steps, None
    if not isinstance(more, Fields) or not more.nodes:
        problems.append(Problem(root.keys["after_agent"], "`after_agent:` needs steps, as `steps:` has them"))
        return steps, None
    for name in more.nodes.keys() & steps.nodes.keys():
        text = f"step `{name}` is in `steps:` and in `after_agent:`"
        problems.append(Problem(more.keys[name], text, "give it another name"))
    whole = Fields({**more.nodes, **steps.nodes}, {**more.keys, **steps.keys}, steps.place)
    return whole, next(iter(more.nodes))


def _text(root: Fields, name: str, problems: list[Problem]) -> str | None:
    node = root.nodes.get(name)
    if node is None or isinstance(node, Scalar):
        return node.text if node else None
    problems.append(Problem(node.place, f"`{name}` must be a text"))
    return None


class _StepReader:
    """Reads one step; what is wrong goes into `problems`."""

    def __init__(
        self,
        name: str,
        source: Fields,
        verbs: Mapping[str, type[Step]],
        problems: list[Problem],
        queues: Mapping[str, Queue],
    ) -> None:
        self._name = name
        self._node = source.nodes[name]
        self._place = source.keys[name]
        self._verbs = verbs
        self._problems = problems
        self._queues = queues
        self._next: dict[str, str] | str | None = None

    def read(self) -> Step | None:
        before = len(self._problems)
        node = self._node
        plain = self._name.isprintable() and not {"/", ">"} & {*self._name}
        if not plain or not 0 < len(self._name) <= 40:
            self._wrong(self._place, "a step's name has 1 to 40 characters, and no `/` or `>`")
        if not isinstance(node, Fields):
            self._wrong(self._place, f"step `{self._name}` has no verb", nearest("", self._verbs))
            return None
        self._next = self._targets(node.nodes.get("next"))
        verb = self._verb(node)
        step = self._step(verb, node) if verb else None
        return step if len(self._problems) == before else None

    def following(self) -> dict[str, str] | None:
        """Where the step leads as written, whatever else is wrong with it; None: that is wrong, too."""
        return {"": self._next} if isinstance(self._next, str) else self._next

    def _wrong(self, place: Place, text: str, hint: str = "") -> None:
        self._problems.append(Problem(place, text, hint))

    def _verb(self, node: Fields) -> str | None:
        for key, where in node.keys.items():
            if key not in self._verbs and key != "next":
                hint = nearest(key, [*self._verbs, "next"])
                self._wrong(where, f"step `{self._name}`: unknown verb `{key}`", hint)
        found = [key for key in node.nodes if key in self._verbs]
        if len(found) > 1:
            text = (
                f"step `{self._name}` has {len(found)} verbs, {' and '.join(f'`{verb}`' for verb in found)}"
            )
            self._wrong(node.keys[found[1]], text, "make it two steps")
            return None
        if not found and set(node.nodes) <= {"next"}:
            self._wrong(self._place, f"step `{self._name}` has no verb", nearest("", self._verbs))
        return found[0] if found else None

    def _step(self, verb: str, node: Fields) -> Step | None:
        kind = self._verbs[verb]
        fields = self._fields(verb, kind, node)
        step = fit(kind, fields, self._problems, f"step `{self._name}`") if fields else None
        if step is None or self._next is None:
            return None
        step.learn(self._queues)
        following = self._next
        if isinstance(following, str):
            possible = step.possible() if step.calls is None else (ANY,)
            if not possible:
                self._wrong(node.keys["next"], f"step `{self._name}`: nothing can follow `{verb}`")
            following = dict.fromkeys(possible, following)
        return step.model_copy(update={"next": following})

    def _fields(self, verb: str, kind: type[Step], node: Fields) -> Fields | None:
        """What stands under the verb, as fields; a plain value is the verb's main field."""
        value, place = node.nodes[verb], node.keys[verb]
        if isinstance(value, Fields) and not kind.only_main:
            if "next" not in value.nodes:
                return value
            text = f"step `{self._name}`: `next` stands beside `{verb}`, not below it"
            self._wrong(value.keys["next"], text, "indent it less")
            return None
        if isinstance(value, Scalar) and value.text is None:
            return Fields({}, {}, place)
        if kind.main is None:
            self._wrong(value.place, f"step `{self._name}`: `{verb}` needs fields")
            return None
        return Fields({kind.main: value}, {kind.main: value.place}, value.place)

    def _targets(self, node: Node | None) -> dict[str, str] | str | None:
        """What `next:` says: outcome → step, or one step for all; None: neither."""
        if node is None:
            return {}
        if isinstance(node, Scalar) and node.text:
            return node.text
        if isinstance(node, Fields):
            written = {key: value.text for key, value in node.nodes.items() if isinstance(value, Scalar)}
            targets = {key: text for key, text in written.items() if text}
            for key in node.nodes.keys() - targets.keys():
                text = f"step `{self._name}`: `next` for `{key}` must be the name of a step"
                self._wrong(node.keys[key], text)
            return targets if len(targets) == len(node.nodes) else None
        text = f"step `{self._name}`: `next` must be the name of a step, or an outcome and a step per line"
        self._wrong(node.place, text)
        return None
