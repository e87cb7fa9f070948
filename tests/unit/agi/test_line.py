"""A flow on AGI: what Asterisk is told, what Redis is told, and who hangs up when."""

import asyncio
from pathlib import Path

import pytest

from ivr.ari import AsteriskAway
from ivr.flow.line import KEYS
from ivr.flow.web import Reply
from tests.rig.sound import RATE
from tests.rig.voice import speech, write_wav
from tests.unit.agi.far_side import CALL, Answer, Site, environment, site

MARKED = 'SET VARIABLE HF_FLOW ":main"'
ANSWERED = "EXEC Answer ,i"
DIGIT = "WAIT FOR DIGIT"

WALK = """\
steps:
  hear: {play: {files: [hello, bye], interrupt: no}, next: choose}
  choose: {menu: {play: ask, timeout_s: 1, retries: 0}, next: {1: end, invalid: end, timeout: end}}
  end: {hangup: }
"""


def streamed(name: str, at: int = 0) -> str:
    return f'STREAM FILE "/prompts/en/{name}" "{KEYS}" {at}'


def keyed(script: dict[str, list[bytes]]) -> Answer:
    """Asterisk answers commands that begin so with these, one after the other, and then as it always does."""

    def answer(command: str) -> bytes | None:
        for begin, answers in script.items():
            if command.startswith(begin) and answers:
                return answers.pop(0)
        return None

    return answer


def waits(commands: list[str]) -> list[str]:
    """Without the questions for keys, of which there are as many as the clock says."""
    return [each for each in commands if not each.startswith(DIGIT)]


async def test_a_prompt_that_goes_on_loses_no_key(tmp_path: Path) -> None:
    script = {"STREAM FILE": [b"200 result=57 endpos=480\n", b"200 result=49 endpos=960\n"]}
    async with site(WALK, tmp_path) as here:
        pbx = await here.call(keyed(script))
        assert pbx.commands == [
            MARKED,
            ANSWERED,
            streamed("hello"),
            streamed("hello", 480),
            streamed("hello", 960),
            streamed("bye"),
            "EXEC Hangup 16",
        ]
        assert here.fake.told == [
            "arrived 4930 100 web pbx",
            "at main/hear",
            "answered",
            "step main/hear done",
            "at main/choose",
            "input main/choose",
            "step main/choose invalid",
            "at main/end",
            "ended |flow-ended|system",
        ]


async def test_a_key_stops_a_prompt_and_is_the_answer(tmp_path: Path) -> None:
    script = {streamed("ask"): [b"200 result=49 endpos=480\n"]}
    async with site(WALK, tmp_path) as here:
        pbx = await here.call(keyed(script))
        assert waits(pbx.commands)[-2:] == [streamed("ask"), "EXEC Hangup 16"]
        assert "step main/choose 1" in here.fake.told


async def test_a_key_is_waited_for(tmp_path: Path) -> None:
    async with site(WALK, tmp_path) as here:
        pbx = await here.call(keyed({DIGIT: [b"200 result=49\n"]}))
        asked = [each for each in pbx.commands if each.startswith(DIGIT)]
        assert len(asked) == 1
        assert 900 <= int(asked[0].removeprefix(DIGIT)) <= 1000
        assert "step main/choose 1" in here.fake.told


COMMANDS = 7
"""Of a walk in which every command is answered at once: after them he is let go."""


def dies_at(number: int, how: bytes) -> Answer:
    count = iter(range(1, 100))

    def answer(command: str) -> bytes | None:
        if next(count) == number:
            return how
        return b"200 result=0\n" if command.startswith(DIGIT) else None

    return answer


HANGUPS = {
    "told": b"HANGUP\n",
    "behind its failure": b"200 result=-1 endpos=0\nHANGUP\n",
    "behind its reply": b"200 result=0 endpos=0\nHANGUP\n",
    "not told": b"511 Command Not Permitted on a dead channel or intercept routine\n",
}


@pytest.mark.parametrize("how", HANGUPS)
@pytest.mark.parametrize("number", range(2, COMMANDS))
async def test_a_hangup_anywhere_ends_the_call_once(tmp_path: Path, number: int, how: str) -> None:
    async with site(WALK, tmp_path) as here:
        pbx = await here.call(dies_at(number, HANGUPS[how]))
        assert pbx.gone.is_set()
        ends = [each for each in here.fake.told if each.startswith("ended")]
        assert ends == ["ended |caller-hangup|caller"]
        assert here.fake.told[-1] == ends[0]


CAUSES = {
    "he hung up": (None, "|caller-hangup|caller"),
    "nothing was heard of him": (44, "|caller-unheard|caller"),
    "Asterisk is being stopped": (0, "lost|asterisk-stopped|system"),
}


@pytest.mark.parametrize("why", CAUSES)
async def test_who_hung_up_is_what_asterisk_says(tmp_path: Path, why: str) -> None:
    async with site(WALK, tmp_path) as here:
        here.fake.cause, end = CAUSES[why]
        await here.call(dies_at(4, b"HANGUP\n"))
        assert here.fake.told[-1] == f"ended {end}"


async def test_a_hangup_that_nobody_can_say_more_of_is_looked_at_again(tmp_path: Path) -> None:
    async with site(WALK, tmp_path) as here:
        here.fake.cause = AsteriskAway("away")
        await here.call(dies_at(4, b"HANGUP\n"))
        assert not [each for each in here.fake.told if each.startswith("ended")]
        assert here.server.serves(CALL)


BREAKS = {"end of the stream": b"EOF", "half a line": b"200 resEOF", "garbage": b"\xff\xfe\0\nEOF"}


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize("number", range(2, COMMANDS))
async def test_a_connection_that_breaks_leaves_the_call_to_the_front_door(
    tmp_path: Path, number: int, how: str
) -> None:
    async with site(WALK, tmp_path) as here:
        await here.call(dies_at(number, BREAKS[how]))
        told = here.fake.told
        assert not [each for each in told if each.startswith("ended")]
        assert [each for each in told if each.startswith("at main/")], "who adopts it knows where it is"
        assert CALL in here.server._left


async def test_a_call_that_broke_before_it_began_has_no_record(tmp_path: Path) -> None:
    async with site(WALK, tmp_path) as here:
        await here.call(dies_at(1, b"HANGUP\n"))
        await here.call(dies_at(1, b"EOF"))
        assert here.fake.told == []


ESCALATES = """\
steps:
  hear: {play: hello, next: chief}
  chief: {escalate: {queue: chiefs, reason: he wants to}}
"""


BEYOND = [
    "{escalate: {queue: q, reason: r}}",
    "{queue: q}",
    "{transfer: {agent: bob}}",
    "{transfer: '+49301'}",
]


@pytest.mark.parametrize("step", BEYOND)
async def test_what_agi_cannot_do_begins_anew_at_the_front_door(tmp_path: Path, step: str) -> None:
    text = f"steps:\n  hear: {{play: hello, next: there}}\n  there: {step}\n"
    async with site(text, tmp_path) as here:
        pbx = await here.call()
        assert pbx.commands == [MARKED, ANSWERED, streamed("hello")]
        assert here.fake.told[-2:] == ["step main/hear done", "at main/there"], "nothing of the step is told"
        assert CALL in here.server._left


async def test_the_answer_is_told_though_the_step_is_not(tmp_path: Path) -> None:
    async with site("steps: {there: {queue: sales}}", tmp_path) as here:
        await here.call()
        assert here.fake.told == ["arrived 4930 100 web pbx", "at main/there", "answered"]


async def test_while_redis_is_away_nobody_is_handed_over(tmp_path: Path) -> None:
    async with site(ESCALATES, tmp_path) as here:
        listened = 0

        def answer(command: str) -> bytes | None:
            nonlocal listened
            here.fake.away = here.fake.away or command.startswith("STREAM")
            if command.startswith(DIGIT):
                listened += 1
                here.fake.away = listened < 3
                return b"200 result=0\n"
            return None

        pbx = await here.call(answer)
        assert waits(pbx.commands)[-2:] == ["SET MUSIC ON default", "SET MUSIC OFF"]
        assert listened == 3
        assert here.fake.told[-1] == "replayed"


async def test_who_hangs_up_while_redis_is_away_has_his_end(tmp_path: Path) -> None:
    async with site(ESCALATES, tmp_path) as here:

        def answer(command: str) -> bytes | None:
            here.fake.away = here.fake.away or command.startswith("STREAM")
            return b"HANGUP\n" if command.startswith(DIGIT) else None

        await here.call(answer)
        assert here.fake.told[-1] == "ended |caller-hangup|caller"
        assert CALL not in here.server._left


@pytest.mark.parametrize("away", [False, True], ids=["", "while Redis is away"])
async def test_a_worker_that_leaves_writes_first_and_lets_go_then(tmp_path: Path, away: bool) -> None:
    async with site(WALK, tmp_path) as here:
        asked = asyncio.Event()

        def answer(command: str) -> bytes | None:
            if command.startswith(DIGIT):
                asked.set()
                return b""  # it waits for a key
            return None

        call = asyncio.ensure_future(here.call(answer))
        await asked.wait()
        here.fake.away = away
        async with asyncio.timeout(5):
            await here.server.leave()
        pbx = await call
        assert pbx.gone.is_set()
        assert here.fake.told[-2:] == ["step main/hear done", "at main/choose"]
        assert CALL in here.server._left


async def test_keys_are_kept_while_a_server_is_asked(tmp_path: Path) -> None:
    text = """\
steps:
  ask: {http: "http://192.0.2.1/", next: {done: choose, failed: choose}}
  choose: {menu: {play: ask, timeout_s: 1, retries: 0}, next: {1: end, invalid: end, timeout: end}}
  end: {hangup: }
"""
    async with site(text, tmp_path) as here:

        def answer(command: str) -> bytes | None:
            if command.startswith(DIGIT):
                here.fake.replies[0].set_result(Reply(200, b"{}"))
                return b"200 result=49\n"
            return None

        pbx = await here.call(answer)
        assert f"{DIGIT} 50" in pbx.commands
        assert streamed("ask") not in pbx.commands, "he has answered before he was asked"
        assert "step main/choose 1" in here.fake.told


async def test_who_hangs_up_gives_up_what_was_asked_for(tmp_path: Path) -> None:
    text = 'steps: {ask: {http: "http://192.0.2.1/", next: {done: end, failed: end}}, end: {hangup: }}'
    async with site(text, tmp_path) as here:
        await here.call(keyed({DIGIT: [b"HANGUP\n"]}))
        assert here.fake.replies[0].cancelled()
        assert here.fake.told[-1] == "ended |caller-hangup|caller"


async def test_before_the_answer_he_is_let_hear_once(tmp_path: Path) -> None:
    text = """\
steps:
  a: {play: {files: hello, answer: no}, next: b}
  b: {play: {files: bye, answer: no}, next: c}
  c: {hangup: congestion}
"""
    async with site(text, tmp_path) as here:
        pbx = await here.call()
        progress = ["EXEC Progress", streamed("hello"), streamed("bye")]
        assert pbx.commands == [MARKED, *progress, "EXEC Hangup 42"]


async def test_a_sound_that_cannot_be_played_is_a_failed_step(tmp_path: Path) -> None:
    text = "steps: {a: {play: hello, next: {done: b, failed: c}}, b: {hangup: }, c: {hangup: busy}}"
    async with site(text, tmp_path) as here:
        pbx = await here.call(keyed({"STREAM": [b"200 result=-1 endpos=0\n"]}))
        assert pbx.commands[-3:] == [streamed("hello"), "CHANNEL STATUS", "EXEC Hangup 17"]


RECORDS = """\
steps:
  say: {record: {into: said, max_s: 9, silence_s: 3, min_s: 1}, next: {done: a, empty: b, failed: c}}
  a: {hangup: normal}
  b: {hangup: busy}
  c: {hangup: congestion}
"""
KEPT, EMPTY, FAILED = "EXEC Hangup 16", "EXEC Hangup 17", "EXEC Hangup 42"


def kept_by(here: Site) -> list[Path]:
    return list((here.fake.data / "recordings").glob("*.wav"))


def recording(here: Site, reply: bytes, said_s: float) -> Answer:
    """Asterisk records: so long he speaks, and then he is silent."""

    def answer(command: str) -> bytes | None:
        if not command.startswith("RECORD"):
            return None
        if said_s:
            spool = here.fake.data / "spool" / "recording"
            write_wav(spool / "pbx-1.7-r1.wav", [*speech(7, said_s), *[0] * RATE])
        return reply

    return answer


@pytest.mark.parametrize(
    ("reply", "said_s", "outcome"),
    [
        (b"200 result=35 (dtmf) endpos=32000\n", 3.0, KEPT),
        (b"200 result=35 (dtmf) endpos=12000\n", 0.4, EMPTY),
        (b"200 result=0 (timeout) endpos=72000\n", 3.0, KEPT),
        (b"200 result=0 (timeout) endpos=9000\n", 0.1, EMPTY),  # a second of it is the silence that ended it
        (b"200 result=35 (randomerror) endpos=0\n", 0, EMPTY),
        (b"200 result=-1 (writefile)\n", 0, FAILED),
    ],
)
async def test_what_comes_of_a_recording(tmp_path: Path, reply: bytes, said_s: float, outcome: str) -> None:
    async with site(RECORDS, tmp_path) as here:
        pbx = await here.call(recording(here, reply, said_s))
        file = here.fake.data / "spool" / "recording" / "pbx-1.7-r1"
        assert f'RECORD FILE "{file}" wav "#" 9000 0 BEEP s=3' in pbx.commands
        assert pbx.commands[-1] == outcome
        assert bool(kept_by(here)) is (outcome == KEPT)


async def test_a_recording_without_tone_and_without_silence(tmp_path: Path) -> None:
    text = RECORDS.replace("silence_s: 3", "silence_s: 0, beep: no")
    async with site(text, tmp_path) as here:
        pbx = await here.call(recording(here, b"200 result=0 (timeout) endpos=16000\n", 2.0))
        assert [each.partition(" wav ")[2] for each in pbx.commands if " wav " in each] == ['"#" 9000 0']


async def test_what_he_said_until_he_hung_up_is_kept(tmp_path: Path) -> None:
    async with site(RECORDS, tmp_path) as here:
        await here.call(recording(here, b"200 result=-1 (hangup) endpos=8000\nHANGUP\n", 2.0))
        assert len(kept_by(here)) == 1
        assert here.fake.told[-1] == "ended |caller-hangup|caller"


async def test_an_error_of_ours_gives_the_caller_to_the_fallback(tmp_path: Path) -> None:
    text = "steps: {a: {play: hello, next: b}, b: {hours: office, next: {open: c, closed: c}}, c: {hangup: }}"
    async with site(text, tmp_path) as here:
        pbx = await here.call()
        assert pbx.commands[-3:] == ["SET CONTEXT fallback", "SET EXTENSION s", "SET PRIORITY 1"]
        assert here.fake.told[-1] == "ended failed|internal-error|system"


async def test_one_call_after_the_other(tmp_path: Path) -> None:
    async with site(WALK, tmp_path, most=3) as here:
        pbxs = [await here.call(keyed({DIGIT: [b"200 result=49\n"]})) for _ in range(4)]
        assert {len(pbx.commands) for pbx in pbxs} == {COMMANDS}
        assert len(here.server) == 0


async def test_a_name_with_a_line_end_is_one_environment(tmp_path: Path) -> None:
    """What is no `agi_…` line in it ends it: nothing that a phone has sent is taken for Asterisk's word."""
    told = environment(calleridname="Ada\nHANGUP\nx")
    async with site(WALK, tmp_path) as here:
        assert (await here.call(told=told)).commands == []
