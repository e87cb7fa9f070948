"""What is heard in a queue, as sounds of the call's language; and what of it cannot be heard."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple, cast

from pydantic import ValidationError

from ivr.callflows import heard_in
from ivr.flow.document import Place as Where
from ivr.flow.document import Problem, place_of
from ivr.flow.folder import Folder, node_of
from ivr.flow.line import Line
from ivr.flow.references import spoken
from ivr.flow.sound import Sound, Text
from ivr.flow.spoken import spoken as in_words
from ivr.flow.values import Value, as_text
from ivr.flow.wording import nearest
from queues.heard import Confirm, Heard, PositionNews
from queues.models import Queue

POSITION = {
    "en": "You are number {position:number} in line.",
    "es": "Usted es el número {position:number} de la fila.",
    "de": "Sie sind Nummer {position:number} in der Warteschlange.",
}
CONFIRM = {
    "en": "Press {key:digits} to take the call.",
    "es": "Pulse {key:digits} para aceptar la llamada.",
    "de": "Drücken Sie die {key:digits}, um den Anruf anzunehmen.",
}
"""The usual sentences."""


WHISPERED = frozenset({"title", "waited_s", "reason"})
"""Values that an agent can be told."""


def sound_of(heard: Heard) -> Sound:
    """As a step has it. Raises ValidationError: its text is none."""
    return Sound.model_validate({"say": heard.say} if heard.say is not None else {"play": list(heard.play)})


def position_of(news: PositionNews) -> Sound:
    """How a caller is told his place."""
    return sound_of(Heard(say=POSITION if news.say is None else news.say))


def question_of(confirm: Confirm, language: str) -> Sound:
    """How an agent is asked whether he takes the call; in English if there are no words in the language."""
    if confirm.say is not None:
        return sound_of(Heard(say=confirm.say))
    known = CONFIRM.get(language.partition("-")[0], CONFIRM["en"])
    return sound_of(Heard(say=known))


class Aside:
    """A line on which some more values are known."""

    def __init__(self, line: Line, values: Mapping[str, Value]) -> None:
        self._line = line
        self.variables = {**line.variables, **values}

    def __getattr__(self, name: str) -> object:
        return getattr(self._line, name)


async def media_of(sound: Sound, line: Line, values: Mapping[str, Value], kept: bool = False) -> list[str]:
    """Media URIs of a sound with these values in it. Raises `MediaFailed`.

    `kept`: its words are the same for many callers, and are rendered once for all.
    """
    aside = cast("Line", Aside(line, values))
    utterance = sound.say.spoken_in(line.language) if sound.say is not None else None
    if not kept or utterance is None:
        return await sound.media(aside)

    def show(value: Value, form: str) -> str:
        return in_words(value, form, line.language) if form else as_text(value)

    return [await line.say(await utterance.text(aside, show))]


class Place(NamedTuple):
    """Something that is heard in a queue: where it is written, and which values its text may have."""

    path: tuple[str | int, ...]
    heard: Heard
    values: frozenset[str]


def heard_in_queue(queue: Queue) -> Iterator[Place]:
    """All that callers hear in a queue but its music."""
    announce = queue.announce
    if announce is not None and announce.position is not None:
        own = announce.position.say
        say, written = (POSITION, ()) if own is None else (own, ("say",))
        yield Place(("announce", "position", *written), Heard(say=say), frozenset({"position"}))
    if queue.connecting is not None:
        yield Place(("connecting",), queue.connecting, frozenset())
    if queue.whisper is not None:
        yield Place(("whisper",), queue.whisper, WHISPERED)
    if queue.confirm is not None and queue.confirm.say is not None:
        yield Place(("confirm", "say"), Heard(say=queue.confirm.say), frozenset({"key"}))
    if announce is not None and announce.reminders is not None:
        for index, heard in enumerate(announce.reminders.sounds):
            yield Place(("announce", "reminders", "sounds", index), heard, frozenset())


def languages_of(folder: Folder) -> dict[str, set[str]]:
    """Queue → the languages in which callers can be in it."""
    languages, found = spoken(folder), dict[str, set[str]]()
    for draft in folder.drafts.values():
        for name, step in draft.steps.items():
            for queue in step.queues():
                found.setdefault(queue, set()).update(languages.get((draft.name, name), ()))
    return found


def check_queue_sounds(folder: Folder) -> Iterator[Problem]:
    """Prompts that are not there, texts that are none or lack a language, values that nobody knows."""
    languages = languages_of(folder)
    for name, queue in folder.queues.items():
        for path, heard, values in heard_in_queue(queue):
            place = place_of(node_of(folder, "queues.yaml", "queues", name), path)
            for text, hint in _wrong(folder, heard, values, sorted(languages.get(name, ()))):
                yield Problem(place, f"queue `{name}`: {text}", hint)


def fixed_texts(folder: Folder) -> Iterator[tuple[Where, str, str, str]]:
    """Place, queue, text and language of all that is spoken in queues without a value in it."""
    languages = languages_of(folder)
    for name, queue in folder.queues.items():
        for path, heard, _ in heard_in_queue(queue):
            for text, language in product(sound_of(heard).texts(), sorted(languages.get(name, ()))):
                utterance = text.spoken_in(language)
                if utterance is not None and utterance.fixed is not None:
                    place = place_of(node_of(folder, "queues.yaml", "queues", name), path)
                    yield place, f"queue `{name}`", utterance.fixed, language


def _wrong(
    folder: Folder, heard: Heard, values: frozenset[str], languages: list[str]
) -> Iterator[tuple[str, str]]:
    try:
        sound = sound_of(heard)
    except ValidationError as error:
        yield str(error.errors()[0]["msg"]).removeprefix("Value error, "), ""
        return
    for prompt, language in ((prompt, language) for prompt in sound.prompts() for language in languages):
        if heard_in(folder.prompts, prompt, language) is None:
            recorded = folder.prompts.get(language, {})
            yield f"there is no file prompts/{language}/{prompt}.wav", nearest(prompt, recorded)
    for text in sound.texts():
        yield from _wrong_text(text, values, languages)


def _wrong_text(text: Text, values: frozenset[str], languages: list[str]) -> Iterator[tuple[str, str]]:
    for utterance in text.values():
        for name in sorted(utterance.reads - values):
            yield f"nobody knows a value `{name}` here", nearest(name, values) if values else "leave it out"
    for language in languages:
        if text.spoken_in(language) is None:
            yield f"this text is not there in `{language}`", f"write it beside the others: `{language}: …`"
