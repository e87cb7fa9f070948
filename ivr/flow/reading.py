"""From one flow file to a typed `Flow`, with everything that is wrong in it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ivr.flow.document import Document, Fields, Node, Place, Problem, Scalar, place_of
from ivr.flow.step import Flow, Step
from ivr.flow.wording import fit, nearest, only

FLOW_FIELDS = ("title", "start", "steps")


@dataclass(frozen=True, slots=True)
class Draft:
    """A flow as far as it could be read. `broken` steps exist, but what they do is not known."""

    name: str
    title: str
    start: str
    start_at: Place
    steps: Mapping[str, Step]
    broken: frozenset[str]
    source: Fields
    """The `steps:` of the file: where each step stands."""

    def flow(self, version: int) -> Flow:
        return Flow(name=self.name, version=version, title=self.title, start=self.start, steps=self.steps)

    def at(self, step: str, *path: str, key: bool = False) -> Place:
        """Place of a step, or of something in it."""
        return place_of(self.source, (step, *path), key=key)


def read_flow(
    name: str, document: Document, verbs: Mapping[str, type[Step]], problems: list[Problem]
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
    read = {step: _step(step, source, verbs, problems) for step in source.nodes}
    written = _text(root, "start", problems)
    start_at = place_of(root, ("start",)) if written else source.place
    steps = {step: made for step, made in read.items() if made is not None}
    broken = frozenset(read) - frozenset(steps)
    return Draft(name, title, written or next(iter(read)), start_at, steps, broken, source)


def _text(root: Fields, name: str, problems: list[Problem]) -> str | None:
    node = root.nodes.get(name)
    if node is None or isinstance(node, Scalar):
        return node.text if node else None
    problems.append(Problem(node.place, f"`{name}` must be a text"))
    return None


def _step(name: str, source: Fields, verbs: Mapping[str, type[Step]], problems: list[Problem]) -> Step | None:
    node = source.nodes[name]
    if not isinstance(node, Fields):
        hint = f"one of {', '.join(f'`{verb}:`' for verb in sorted(verbs))}"
        problems.append(Problem(source.keys[name], f"step `{name}` has no verb", hint))
        return None
    before = len(problems)
    if not name or "/" in name or len(name) > 40:
        text = "a step's name has 1 to 40 characters and no `/`"
        problems.append(Problem(source.keys[name], text))
    verb = _verb(name, node, source.keys[name], verbs, problems)
    step = _made(name, verb, node, verbs, problems) if verb else None
    return step if len(problems) == before else None


def _verb(
    name: str, node: Fields, place: Place, verbs: Mapping[str, type[Step]], problems: list[Problem]
) -> str | None:
    for key, where in node.keys.items():
        if key not in verbs and key != "next":
            hint = nearest(key, [*verbs, "next"])
            problems.append(Problem(where, f"step `{name}`: unknown verb `{key}`", hint))
    found = [key for key in node.nodes if key in verbs]
    if len(found) > 1:
        text = f"step `{name}` has {len(found)} verbs, {' and '.join(f'`{verb}`' for verb in found)}"
        problems.append(Problem(node.keys[found[1]], text, "make it two steps"))
        return None
    if not found and set(node.nodes) <= {"next"}:
        problems.append(Problem(place, f"step `{name}` has no verb", nearest("", verbs)))
    return found[0] if found else None


def _made(
    name: str, verb: str, node: Fields, verbs: Mapping[str, type[Step]], problems: list[Problem]
) -> Step | None:
    kind = verbs[verb]
    fields = _fields(name, verb, kind, node.nodes[verb], node.keys[verb], problems)
    following = _next(name, node.nodes.get("next"), problems)
    if fields is None or following is None:
        return None
    step = fit(kind, fields, problems, f"step `{name}`")
    if step is None:
        return None
    if isinstance(following, str):
        following = dict.fromkeys(step.possible(), following)
        if not following:
            problems.append(Problem(node.keys["next"], f"step `{name}`: nothing can follow `{verb}`"))
    return step.model_copy(update={"next": following})


def _fields(
    name: str, verb: str, kind: type[Step], value: Node, place: Place, problems: list[Problem]
) -> Fields | None:
    """What stands under the verb, as fields; a plain value is the verb's main field."""
    if isinstance(value, Fields):
        if "next" in value.nodes:
            text = f"step `{name}`: `next` stands beside `{verb}`, not below it"
            problems.append(Problem(value.keys["next"], text, "indent it less"))
            return None
        return value
    if isinstance(value, Scalar) and value.text is None:
        return Fields({}, {}, place)
    if kind.main is None:
        problems.append(Problem(value.place, f"step `{name}`: `{verb}` needs fields"))
        return None
    return Fields({kind.main: value}, {kind.main: value.place}, place)


def _next(name: str, node: Node | None, problems: list[Problem]) -> dict[str, str] | str | None:
    if node is None:
        return {}
    if isinstance(node, Scalar) and node.text:
        return node.text
    if isinstance(node, Fields):
        targets = {key: value.text for key, value in node.nodes.items() if isinstance(value, Scalar)}
        wrong = [key for key in node.nodes if not targets.get(key)]
        for key in wrong:
            text = f"step `{name}`: `next` for `{key}` must be the name of a step"
            problems.append(Problem(node.keys[key], text))
        return None if wrong else {key: text for key, text in targets.items() if text}
    text = f"step `{name}`: `next` must be the name of a step, or an outcome and a step per line"
    problems.append(Problem(node.place, text))
    return None
