"""Speech: rendered once by content, never through a shell, and a failure is a clear error."""

import asyncio
import os
import time
import wave
from pathlib import Path

import pytest

from ivr import speech
from ivr.flow.line import MediaFailed
from ivr.speech import Speech, SpeechFailed

ENGINE = """\
#!/bin/sh
# A speech engine that writes down how it was called, and speaks a tone.
cat >"$1/text"
shift
echo "$@" >>"{log}"
exec sox -n -r 22050 -c 1 -b 16 -t wav - synth 0.5 sine 440
"""


@pytest.fixture
def engine(tmp_path: Path) -> str:
    """Command template of an engine that keeps its calls in `<tmp>/log` and its text in `<tmp>/text`."""
    script = tmp_path / "engine"
    script.write_text(ENGINE.replace("{log}", str(tmp_path / "log")))
    script.chmod(0o755)
    return f"{script} {tmp_path} -v {{voice}} -l {{language}}"


def calls(tmp_path: Path) -> list[str]:
    log = tmp_path / "log"
    return log.read_text().splitlines() if log.exists() else []


def file_of(media: str) -> Path:
    assert media.startswith("sound:")
    return Path(media.removeprefix("sound:") + ".wav")


async def test_the_default_engine_speaks_as_calls_need_it(tmp_path: Path) -> None:
    media = await Speech(tmp_path / "speech").render("Please hold the line.", "en")
    with wave.open(str(file_of(media)), "rb") as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
        assert 0.5 < sound.getnframes() / 8000 < 4
        assert (
            max(abs(int.from_bytes(sound.readframes(1), "little", signed=True)) for _ in range(8000)) > 3000
        )


async def test_many_who_ask_at_once_are_served_by_one_rendering(tmp_path: Path, engine: str) -> None:
    cache = Speech(tmp_path / "speech", engine)
    assert len({*await asyncio.gather(*(cache.render("Hello", "en") for _ in range(50)))}) == 1
    await cache.render("Hello", "en")
    await Speech(tmp_path / "speech", engine).render("Hello", "en")
    assert len(calls(tmp_path)) == 1
    assert [path.suffix for path in (tmp_path / "speech").iterdir()] == [".wav"]


async def test_text_language_engine_and_voice_make_the_content(tmp_path: Path, engine: str) -> None:
    directory = tmp_path / "speech"
    cache = Speech(directory, engine)
    voices = Speech(directory, engine, {"en": "en-scottish"})
    other = Speech(directory, f"{engine} -x")
    media = [
        await cache.render("Hello", "en"),
        await cache.render("Hello!", "en"),
        await cache.render("Hello", "de"),
        await voices.render("Hello", "en"),
        await other.render("Hello", "en"),
    ]
    assert len(set(media)) == 5
    assert calls(tmp_path) == [
        "-v en -l en",
        "-v en -l en",
        "-v de -l de",
        "-v en-scottish -l en",
        "-v en -l en -x",
    ]


@pytest.mark.parametrize(
    "text", ["$(touch x) `y`; rm -rf /\n'\"", "-w /etc/passwd", "{voice} %s \\n", "Größe 日本", "x" * 1000]
)
async def test_a_hostile_text_reaches_the_engine_as_text_only(tmp_path: Path, engine: str, text: str) -> None:
    await Speech(tmp_path / "speech", engine).render(text, "en")
    assert (tmp_path / "text").read_text() == text
    assert calls(tmp_path) == ["-v en -l en"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/no/such/engine", "cannot be started: No such file"),
        ("sh -c 'echo the voice is hoarse >&2; exit 7'", "sh failed with status 7: the voice is hoarse"),
        ("true", "sox failed with status"),
        ("echo no sound", "sox failed with status"),
        ("sox -n -r 8000 -c 1 -b 16 -t wav - trim 0 0", "spoke nothing for language 'en'"),
    ],
)
async def test_a_failure_is_a_clear_error_and_leaves_nothing(tmp_path: Path, command: str, said: str) -> None:
    with pytest.raises(SpeechFailed, match=said) as failed:
        await Speech(tmp_path / "speech", command).render("my secret", "en")
    assert "secret" not in str(failed.value)
    assert isinstance(failed.value, MediaFailed), "the step's outcome is `failed`"
    assert list((tmp_path / "speech").iterdir()) == []


async def test_a_failure_is_not_kept(tmp_path: Path, engine: str) -> None:
    cache = Speech(tmp_path / "speech", engine)
    script = Path(engine.split()[0])
    right = script.read_text()
    script.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(SpeechFailed):
        await cache.render("Hello", "en")
    script.write_text(right)
    assert file_of(await cache.render("Hello", "en")).exists()


async def test_an_engine_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "RENDER_S", 0.2)
    script = tmp_path / "engine"
    script.write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\nexec sleep 60\n")
    script.chmod(0o755)
    with pytest.raises(SpeechFailed, match="took more than"):
        await Speech(tmp_path / "speech", str(script)).render("Hello", "en")
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


async def test_who_hangs_up_while_it_is_rendered_stops_nobody_else(tmp_path: Path, engine: str) -> None:
    cache = Speech(tmp_path / "speech", engine)
    first, second = (asyncio.create_task(cache.render("Hello", "en")) for _ in range(2))
    await asyncio.sleep(0)  # both wait now
    first.cancel()
    assert file_of(await second).exists()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert len(calls(tmp_path)) == 1


@pytest.mark.parametrize("command", ["", "espeak-ng {vioce}", "espeak-ng {0}", "espeak-ng '", "espeak-ng {"])
def test_a_command_that_is_no_template_is_refused_at_start(tmp_path: Path, command: str) -> None:
    with pytest.raises(SpeechFailed):
        Speech(tmp_path, command)


async def test_a_disk_that_takes_nothing(tmp_path: Path, engine: str) -> None:
    (tmp_path / "speech").write_text("a file where the directory should be")
    with pytest.raises(SpeechFailed, match="speech cannot be kept"):
        await Speech(tmp_path / "speech", engine).render("Hello", "en")


async def test_what_one_caller_is_told_is_kept_apart_and_forgotten_after_an_hour(
    tmp_path: Path, engine: str
) -> None:
    cache = Speech(tmp_path / "speech", engine)
    kept, passing = await cache.render("Hello", "en"), await cache.render("Hello", "en", passing=True)
    assert file_of(passing).parent == tmp_path / "speech" / "passing"
    assert file_of(passing).stat().st_mode & 0o777 == 0o640
    assert cache.forget() == 0
    long_ago = time.time() - speech.PASSING_S - 1
    for media in (kept, passing):
        os.utime(file_of(media), (long_ago, long_ago))
    await cache.render("Hello", "en", passing=True)  # used again: it stays
    assert cache.forget() == 0
    os.utime(file_of(passing), (long_ago, long_ago))
    assert cache.forget() == 1
    assert file_of(kept).exists()
    assert not file_of(passing).exists()
    assert len(calls(tmp_path)) == 2
