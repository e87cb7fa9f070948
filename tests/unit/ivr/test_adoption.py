"""Which of our calls a reconcile believes to have died with Asterisk."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from ivr.adoption import Adoption
from ivr.ari import Asterisk
from ivr.ari.events import Application, Channel
from ivr.caller import Vanished
from ivr.checkpoint import Checkpoint
from ivr.mailbox import Mailbox
from ivr.session import Session


@dataclass
class Call:
    begun: bool = True
    mailbox: Mailbox[Any] = field(default_factory=Mailbox)


class Deaf:
    """An Asterisk that has no channels; something happens between its two answers."""

    def __init__(self, between: Callable[[], None]) -> None:
        self._between = between

    async def channels(self) -> dict[str, Channel]:
        return {}

    async def application(self) -> Application:
        self._between()
        return Application("hf-1")


class Empty:
    async def owned(self, worker: str) -> list[str]:  # noqa: ARG002  (of nobody)
        return []


async def nobody(_: Channel) -> None:
    raise AssertionError("no channel is there")


async def reconciled(sessions: dict[str, Call], between: Callable[[], None]) -> None:
    adoption = Adoption(
        "hf-1",
        cast(Asterisk, Deaf(between)),
        cast(Checkpoint, Empty()),
        cast(dict[str, Session], sessions),
        lambda _: cast(Session, None),
        nobody,
    )
    await adoption.reconcile()


async def test_a_call_whose_channel_is_gone_died_with_asterisk() -> None:
    sessions = {"pbx-1.1": Call()}
    await reconciled(sessions, lambda: None)
    told = await sessions["pbx-1.1"].mailbox.take()
    assert isinstance(told, Vanished)
    assert told.lost


async def test_a_call_that_came_behind_the_list_of_channels_lives() -> None:
    sessions: dict[str, Call] = {}
    await reconciled(sessions, lambda: sessions.update({"pbx-1.2": Call()}))
    assert not len(sessions["pbx-1.2"].mailbox)
