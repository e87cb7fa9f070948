"""A call that comes to the front door from AGI: whose it is, where it goes on, and what is told meanwhile."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ivr.ari.events import Channel, ChannelHangupRequest, Dialplan, StasisStart
from ivr.caller import Vanished
from ivr.mailbox import Mailbox
from ivr.place import FLOW_MARK
from ivr.switchboard import Switchboard
from ivr.tasks import Tasks

CALL = "pbx-1.9"
CHANNEL = Channel(id=CALL, dialplan=Dialplan(context="front-door", exten="100"))
STARTED = StasisStart(channel=CHANNEL, args=["call", "sales"])
HUNG_UP = ChannelHangupRequest(channel=CHANNEL)


class Board(Switchboard):
    """A switchboard whose sessions are mailboxes. `made`: what was made of calls, in order."""

    def __init__(self, tasks: Tasks, record: object = None, holds: bool = True, mark: str = "") -> None:
        self._name, self._tasks, self._parked = "hf-1", tasks, None
        self.sessions, self.routes = {}, {}
        self.made: list[str] = []
        self.kept, self.asked, self.mark = record, asyncio.Event(), mark
        self.checkpoint = cast(Any, SimpleNamespace(record=self._look, adopt=self._take))
        self.nailed = cast(Any, SimpleNamespace(heard=lambda _: None, waits=lambda _: False))
        self.asterisk = cast(
            Any,
            SimpleNamespace(
                holds=self._answer(holds), fall_back=self._fall_back, read_mark=self._read, hang_up=None
            ),
        )

    async def _look(self, _: str) -> object:
        await self.asked.wait()
        return self.kept

    async def _take(self, call: str, owner: str, epoch: int, worker: str) -> object:
        self.made.append(f"adopted {call} from {owner} {epoch} by {worker}")
        return self.kept if owner != "gone" else None

    def _answer(self, value: bool) -> Any:
        async def answer(_: str) -> bool:
            return value

        return answer

    async def _fall_back(self, channel: str) -> None:
        self.made.append(f"to the fallback {channel}")

    async def _read(self, _: str, name: str) -> str:
        return self.mark if name == FLOW_MARK else "sales,5,main/wait"

    def resume(self, record: Any) -> Any:
        return self._session(f"resumed {record.call}")

    def _arrive(self, channel: Channel, *rest: Any, **more: Any) -> None:
        place, flow = [*rest[2:], None, ""][:2]
        place = more.get("place", place)
        self._session(f"arrived {channel.id} on {flow} at {place.path if place else ''}")

    def _session(self, made: str) -> Any:
        self.made.append(made)
        session = cast(Any, SimpleNamespace(call=CALL, mailbox=Mailbox()))
        self.sessions[CALL], self.routes[CALL] = session, session.mailbox
        return session

    async def told(self) -> list[object]:
        """What the session was told."""
        mailbox = self.sessions[CALL].mailbox
        return [await mailbox.take() for _ in range(len(mailbox))]


def record(**fields: Any) -> object:
    return SimpleNamespace(**({"call": CALL, "owner": "hf-2", "epoch": 3, "state": "flow"} | fields))


async def come(board: Board) -> None:
    """He comes in and hangs up while his record is read."""
    board.on_event(STARTED)
    board.on_event(HUNG_UP)
    board.asked.set()


@pytest.mark.parametrize(
    ("kept", "made"),
    [
        (record(), [f"adopted {CALL} from hf-2 3 by hf-1", f"resumed {CALL}"]),
        (None, [f"arrived {CALL} on sales at "]),
    ],
    ids=["in a flow", "without a record"],
)
async def test_what_is_told_while_his_record_is_read_is_kept(kept: object, made: list[str]) -> None:
    async with Tasks() as tasks:
        board = Board(tasks, kept)
        await come(board)
    assert board.made == made
    assert await board.told() == [HUNG_UP]


async def test_who_was_let_out_again_unheard_is_gone() -> None:
    async with Tasks() as tasks:
        board = Board(tasks, record(), holds=False)
        board.on_event(STARTED)
        board.asked.set()
    (gone,) = await board.told()
    assert isinstance(gone, Vanished)
    assert not gone.lost


async def test_a_call_that_ended_while_he_is_here_is_an_error_of_ours() -> None:
    async with Tasks() as tasks:
        board = Board(tasks, record(state="ended"))
        await come(board)
    assert board.made == [f"to the fallback {CALL}"]
    assert board.routes == {}


async def test_a_call_that_somebody_else_was_quicker_with_is_his() -> None:
    async with Tasks() as tasks:
        board = Board(tasks, record(owner="gone"))
        await come(board)
    assert not board.sessions
    assert not board.routes


async def test_a_channel_without_a_record_keeps_flow_and_place() -> None:
    """Redis was lost: what is left of the call stands on its channel."""
    async with Tasks() as tasks:
        board = Board(tasks, None, mark=":sales")
        board.asked.set()
        await board.arrive_late(CHANNEL)
        assert board.made == [f"arrived {CALL} on sales at main/wait"]
        board.made.clear()
        await board.arrive_late(CHANNEL)
        assert board.made == [], "it is here already"


async def test_a_channel_that_was_never_on_agi_begins_as_ever() -> None:
    async with Tasks() as tasks:
        board = Board(tasks, record())
        await board.arrive_late(CHANNEL)
    assert board.made == [f"arrived {CALL} on  at main/wait"]
