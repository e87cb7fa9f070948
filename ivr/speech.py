"""Spoken texts: each is rendered once, by content, into a file that Asterisk plays."""

import asyncio
import hashlib
import os
import shlex
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ivr.flow.line import MediaFailed

ENGINE = "espeak-ng -v {voice} -s 150 --stdin --stdout"
"""Any program that takes UTF-8 text on standard input and writes a WAV of any rate to standard output.
`{language}` and `{voice}` are filled in; the text never is a part of the command."""

FORM = ("-t", "wav", "-r", "8000", "-c", "1", "-b", "16")
"""What calls need, in sox' words."""

RENDER_S = 10.0
"""A text that takes longer is given up: a caller waits for it."""

AT_ONCE = 2
"""Texts rendered at the same time; more would take the processor from live calls."""

PASSING = "passing"
"""Subdirectory of what is spoken to one caller only. Asterisk's group may read it, nobody else."""

PASSING_S = 3600.0
"""How long that is kept: nobody's sentence lasts an hour."""


class SpeechFailed(MediaFailed):
    """A text could not be rendered. The message says which program failed and why, not the text."""

    reason: str = "speech-failed"


class Speech:
    """The speech cache in `directory`. One per process; several processes may share the directory."""

    def __init__(
        self, directory: Path, engine: str = ENGINE, voices: Mapping[str, str] | None = None
    ) -> None:
        """`voices`: language → the engine's name for its voice; a language not in it is its own voice.

        Raises `SpeechFailed` if `engine` is no command template.
        """
        try:
            self._parts = shlex.split(engine)
            filled = [part.format(language="", voice="") for part in self._parts]
        except (ValueError, LookupError) as error:
            raise SpeechFailed(f"{engine!r} is no command template: {error}") from error
        if not filled:
            raise SpeechFailed("the speech engine's command is empty")
        self._directory = directory
        self._engine = engine
        self._voices = voices or {}
        self._under_way: dict[Path, asyncio.Task[None]] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def render(self, text: str, language: str, passing: bool = False) -> str:
        """Media URI of the spoken text. Raises `SpeechFailed`.

        However many ask for it at once it is rendered once; who stops waiting stops nobody else.
        `passing`: it is one caller's text; it is kept apart, until `forget` comes by.
        """
        voice = self._voices.get(language, language)
        key = hashlib.sha256("\0".join((text, language, self._engine, voice)).encode()).hexdigest()
        directory = self._directory / PASSING if passing else self._directory
        wav = directory / f"{key}.wav"
        if passing:
            with suppress(FileNotFoundError):
                os.utime(wav)  # used just now
        if not wav.exists():
            task = self._under_way.get(wav)
            if task is None:
                task = self._under_way[wav] = asyncio.create_task(self._render(text, language, voice, wav))
                task.add_done_callback(lambda done: self._finished(wav, done))
            await asyncio.shield(task)
        return f"sound:{directory}/{key}"

    def forget(self) -> int:
        """Delete what was spoken to one caller only and not within `PASSING_S`; how many files."""
        count = 0
        for wav in self._directory.glob(f"{PASSING}/*.wav"):
            with suppress(FileNotFoundError):  # another worker was quicker
                if time.time() - wav.stat().st_mtime > PASSING_S:
                    wav.unlink()
                    count += 1
        return count

    def _finished(self, wav: Path, done: asyncio.Task[None]) -> None:
        del self._under_way[wav]
        if not done.cancelled():
            done.exception()  # seen: whoever still waits gets it, and if nobody does it is no news

    async def _render(self, text: str, language: str, voice: str, wav: Path) -> None:
        command = [part.format(language=language, voice=voice) for part in self._parts]
        fresh = wav.with_name(f".{wav.stem}-{os.getpid()}.wav")
        try:
            wav.parent.mkdir(parents=True, exist_ok=True)
            async with self._turn, asyncio.timeout(RENDER_S):
                spoken = await _pipe(command, text.encode())
                await _pipe(["sox", "-D", "-t", "wav", "-", *FORM, str(fresh), "norm", "-3"], spoken)
            if fresh.stat().st_size <= 44:  # no more than a WAV header
                raise SpeechFailed(f"{command[0]} spoke nothing for language {language!r}")
            fresh.chmod(0o640 if wav.parent.name == PASSING else 0o644)
            fresh.rename(wav)
        except TimeoutError as error:
            raise SpeechFailed(f"{command[0]} took more than {RENDER_S:.0f} s") from error
        except OSError as error:
            raise SpeechFailed(f"speech cannot be kept: {error.strerror}") from error
        finally:
            with suppress(OSError):
                fresh.unlink()


async def _pipe(command: list[str], given: bytes) -> bytes:
    """Run a program, never a shell, with `given` on its input; its output. Raises `SpeechFailed`."""
    try:
        program = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise SpeechFailed(f"{command[0]} cannot be started: {error.strerror}") from error
    try:
        out, complaint = await program.communicate(given)
    except asyncio.CancelledError:
        program.kill()
        await program.wait()
        raise
    if program.returncode:
        words = complaint.decode(errors="replace").strip()[-200:]
        raise SpeechFailed(f"{command[0]} failed with status {program.returncode}: {words}")
    return out
