"""What is tried before a version goes live: its music, its spoken texts, and the tests that it brings."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from ivr.flow.cases import read_cases
from ivr.flow.check import callflows_of
from ivr.flow.document import Place, Problem, place_of, place_of_text
from ivr.flow.folder import Folder, node_of
from ivr.flow.queue_sounds import fixed_texts
from ivr.flow.references import spoken
from ivr.flow.simulation import Company, sounds_of
from ivr.flow.trial import differences, run_case
from ivr.flow.wording import nearest
from ivr.settings import Settings
from ivr.speech import Speech, SpeechFailed

MAX_UNSPOKEN = 5
"""After so many texts that cannot be spoken no other is tried: an engine that hangs takes 10 s for each."""
STOCK = "default"
"""The music that is there without a directory of its own."""
VOICE = "name a voice in HOLDFAST_SPEECH_VOICES, mend HOLDFAST_SPEECH_ENGINE, or record a prompt"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A further check of a directory. Texts stay in the speech cache: the first caller hears them at once."""

    music: Path
    """Directory of music classes, `callflows/music`; a version keeps no copy of it."""
    speech: Path
    """Directory of the speech cache."""
    engine: str
    voices: dict[str, str]

    @classmethod
    def of(cls, settings: Settings) -> "Rehearsal":
        return cls(
            settings.callflows / "music",
            settings.data / "speech",
            settings.speech_engine,
            settings.speech_voices,
        )

    def __call__(self, folder: Folder) -> Iterator[Problem]:
        """What callers would miss. Takes about 20 ms for each text that is new."""
        yield from self._music(folder)
        with ThreadPoolExecutor(1) as pool:  # this thread may have an event loop that is running
            yield from pool.submit(asyncio.run, self._unspoken(folder)).result()
            if not folder.problems:
                yield from pool.submit(_failed_tests, folder).result()

    def _music(self, folder: Folder) -> Iterator[Problem]:
        classes = {path.parent.name for path in self.music.glob("*/*.wav")} | {STOCK}
        for name, queue in folder.queues.items():
            if queue.music not in classes:
                place = place_of(node_of(folder, "queues.yaml", "queues", name), ("music",))
                text = f"queue `{name}`: there is no directory music/{queue.music}/ with .wav files in it"
                yield Problem(place, text, nearest(queue.music, classes))
        music = folder.nailed_up.music
        if music and music not in classes:
            document = folder.documents["agents.yaml"]
            assert document is not None
            place = place_of(document.root.nodes["nailed_up"], ("music",))
            text = f"`nailed_up`: there is no directory music/{music}/ with .wav files in it"
            yield Problem(place, text, nearest(music, classes))

    async def _unspoken(self, folder: Folder) -> list[Problem]:
        found: list[Problem] = []
        try:
            speech = Speech(self.speech, self.engine, self.voices)
        except SpeechFailed as error:
            return [Problem(Place("HOLDFAST_SPEECH_ENGINE"), str(error))]
        for place, step, text, language in _texts(folder):
            try:
                await speech.render(text, language)
            except SpeechFailed as error:
                said = f"{step}: this text cannot be spoken in `{language}`: {error}"
                found.append(Problem(place, said, VOICE))
                if len(found) == MAX_UNSPOKEN:
                    break
        return found


def _failed_tests(folder: Folder) -> list[Problem]:
    """What the tests in `tests/` complain of; a thousand take a few seconds."""
    callflows = callflows_of(folder, folder.directory / "prompts")
    company = Company(callflows, sounds_of(callflows, folder.directory))
    cases = read_cases(folder.directory, [])
    return [problem for each in cases for problem in differences(each, run_case(company, each.case))]


def _texts(folder: Folder) -> Iterator[tuple[Place, str, str, str]]:
    """Place, step or queue, text and language of all that is spoken, in each language it can be heard in."""
    yield from fixed_texts(folder)
    languages = spoken(folder)
    for draft in folder.drafts.values():
        for name, step in draft.steps.items():
            for text, language in product(step.texts(), sorted(languages.get((draft.name, name), ()))):
                utterance = text.spoken_in(language)
                if utterance is not None and utterance.fixed is not None:
                    yield (
                        place_of_text(draft.source.nodes[name], utterance.written),
                        f"step `{name}`",
                        utterance.fixed,
                        language,
                    )
