"""What goes over an AGI connection, either way: pyst2 between our wire and a scripted Asterisk."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ivr.agi.wire import (
    LONGEST_COMMAND,
    LONGEST_REPLY,
    MOST_LINES,
    Conversation,
    LineLost,
    Refused,
    Result,
    quoted,
    text_of,
)
from ivr.flow.line import Hangup


class Far:
    """The other end: answers each command with the next of its replies."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.commands: list[str] = []
        self.replies: list[bytes] = []
        self.closed = False
        self.asked = asyncio.Event()
        self.talk = Conversation(self._command, self._close, threads)

    def _command(self, data: bytes) -> None:
        self.commands.append(data.decode())
        self.asked.set()
        if self.replies:
            self.say(self.replies.pop(0))

    def _close(self) -> None:
        self.closed = True

    def say(self, data: bytes) -> None:
        for line in data.splitlines(keepends=True):
            self.talk.wire.told(line)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
async def far(threads: ThreadPoolExecutor) -> AsyncIterator[Far]:
    end = Far(threads)
    yield end
    end.talk.close()


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        (b"200 result=0\n", Result(0)),
        (b"200 result=49 endpos=3200\n", Result(49, 3200)),
        (b"200 result=35 (dtmf) endpos=800\n", Result(35, 800, "dtmf")),
        (b"200 result=0 (timeout) endpos=16000\r\n", Result(0, 16000, "timeout")),
    ],
)
async def test_a_reply_is_taken_apart(far: Far, reply: bytes, result: Result) -> None:
    far.replies = [reply]
    assert await far.talk.do("STREAM FILE", quoted("/x/y"), quoted("12"), 0) == result
    assert far.commands == ['STREAM FILE "/x/y" "12" 0\n']


def test_the_key_of_a_result() -> None:
    assert Result(35).key == "#"
    assert Result(0).key == Result(-1).key == Result(1000).key == ""


@pytest.mark.parametrize("end", ["\n", "\r", "\0"])
async def test_no_value_is_a_second_command(far: Far, end: str) -> None:
    far.replies = [b"200 result=0\n"]
    with pytest.raises(Refused, match="second command"):
        await far.talk.do("SET VARIABLE", "A", quoted(f"x{end}HANGUP"))
    assert far.commands == ["CHANNEL STATUS\n"], "only the question whether he is there"


async def test_no_command_is_so_long_that_its_rest_is_another(far: Far) -> None:
    far.replies = [b"200 result=1\n"] * 2
    room = LONGEST_COMMAND - len("SET VARIABLE A \n")
    await far.talk.do("SET VARIABLE", "A", "x" * room)
    with pytest.raises(Refused, match="too long"):
        await far.talk.do("SET VARIABLE", "A", "x" * (room + 1))


def test_a_quoted_word_is_one_word() -> None:
    assert quoted('a "b" \\ c') == '"a \\"b\\" \\\\ c"'


async def test_pyst2_quotes_with_our_quotes(far: Far) -> None:
    assert far.talk._agi._quote('a" b') == '"a\\" b"'


def test_whatever_a_phone_sends_is_text() -> None:
    assert text_of("Zoë\n".encode()) == "Zoë\n"
    assert text_of("Zoë\n".encode("latin-1")) == "Zoë\n"
    assert text_of(bytes(range(256)))


async def test_a_reply_in_latin_1_is_read(far: Far) -> None:
    far.replies = ["200 result=1 (Zoë)\n".encode("latin-1")]
    assert (await far.talk.do("GET VARIABLE", "CALLERID(name)")).data == "Zoë"


async def test_a_hangup_between_commands_is_raised_by_the_next(far: Far) -> None:
    far.say(b"HANGUP\n")
    with pytest.raises(Hangup) as caught:
        await far.talk.do("NOOP")
    assert caught.value.by == "caller"


async def test_a_hangup_during_a_command_is_raised(far: Far) -> None:
    far.replies = [b"HANGUP\n"]
    with pytest.raises(Hangup):
        await far.talk.do("WAIT FOR DIGIT", 5000)


async def test_a_command_that_fails_with_the_hangup_behind_it_is_a_hangup(far: Far) -> None:
    far.replies = [b"200 result=-1 endpos=800\nHANGUP\n"]
    with pytest.raises(Hangup):
        await far.talk.do("STREAM FILE", "x", '""')


async def test_a_command_that_fails_while_he_is_there_is_refused(far: Far) -> None:
    far.replies = [b"200 result=-1 endpos=0\n", b"200 result=0\n"]
    with pytest.raises(Refused):
        await far.talk.do("STREAM FILE", "missing", '""')
    far.replies = [b"200 result=0\n"]
    assert await far.talk.do("NOOP") == Result(0), "the call goes on"


async def test_a_hung_up_recording_is_a_hangup(far: Far) -> None:
    far.replies = [b"200 result=-1 (hangup) endpos=800\n"]
    with pytest.raises(Hangup):
        await far.talk.do("RECORD FILE", "x")


async def test_a_dead_channel_is_a_hangup(far: Far) -> None:
    """A dialplan can have switched the line HANGUP off (AGISIGHUP)."""
    far.replies = [b"511 Command Not Permitted on a dead channel or intercept routine\n"]
    with pytest.raises(Hangup):
        await far.talk.do("EXEC", "Answer", ",i")


async def test_an_unknown_command_is_refused(far: Far) -> None:
    far.replies = [b"510 Invalid or unknown command\n", b"200 result=0\n"]
    with pytest.raises(Refused):
        await far.talk.do("FLY")


async def test_a_complaint_about_a_command_is_read_to_its_end(far: Far) -> None:
    far.replies = [b"520-Invalid command syntax.\nUsage: NOOP\n520 End of proper usage.\n", b"200 result=0\n"]
    with pytest.raises(Refused):
        await far.talk.do("STREAM FILE")
    far.replies = [b"200 result=7\n"]
    assert (await far.talk.do("NOOP")).number == 7


GARBAGE = {
    "no number": b"hello\n",
    "another protocol": b"HTTP/1.1 200 OK\n",
    "no result": b"200 result=abc\n",
    "a number without end": b"9" * 900 + b"\n",
    "an empty line": b"\n",
    "zeros": b"\0\0\0\n",
    "too long": b"200 result=0 (" + b"x" * LONGEST_REPLY + b")\n",
    "too many lines": b"520-no end\n" + b"x\n" * (2 * MOST_LINES),
}


@pytest.mark.parametrize("reply", GARBAGE.values(), ids=list(GARBAGE))
async def test_garbage_ends_the_conversation(far: Far, reply: bytes) -> None:
    far.replies = [reply]
    with pytest.raises(LineLost):
        async with asyncio.timeout(5):
            await far.talk.do("NOOP")


async def test_brackets_without_end_take_no_time(far: Far) -> None:
    loop = asyncio.get_running_loop()
    far.replies = [b"200 result=0 " + b"(a=b" * 240 + b"\n"]
    begun = loop.time()
    await far.talk.do("NOOP")
    assert loop.time() - begun < 0.2


async def test_the_end_of_the_connection_frees_who_waits(far: Far) -> None:
    waiting = asyncio.ensure_future(far.talk.do("WAIT FOR DIGIT", -1))
    await far.asked.wait()
    far.talk.wire.end(LineLost("gone"))
    with pytest.raises(LineLost):
        async with asyncio.timeout(5):
            await waiting
    with pytest.raises(LineLost):
        await far.talk.do("NOOP")


async def test_closing_lets_go_of_the_channel_and_of_the_thread(far: Far) -> None:
    waiting = asyncio.ensure_future(far.talk.do("WAIT FOR DIGIT", -1))
    await far.asked.wait()
    far.talk.close()
    assert far.closed
    with pytest.raises(LineLost):
        async with asyncio.timeout(5):
            await waiting


async def test_pyst2_tells_nobody_what_it_reads(far: Far, capfd: pytest.CaptureFixture[str]) -> None:
    far.replies = [b"200 result=49\n"]
    await far.talk.do("WAIT FOR DIGIT", 10)
    told = capfd.readouterr()
    assert told.out == told.err == ""
