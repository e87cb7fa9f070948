"""What a worker is told of its calls goes to the call it is about."""

import asyncio
from types import SimpleNamespace
from typing import cast

from ivr.caller import Message, Moved
from ivr.mailbox import Mailbox
from ivr.switchboard import Switchboard
from ivr.wait import Wait
from queues.store import Offer

CALL = "pbx-1.1"


def told(queue: str, offered_in: str, waits: bool = True) -> list[Message]:
    """What a caller who waits in a queue is told, by an offer that was made in this one."""

    async def whole() -> list[Message]:
        mailbox: Mailbox[Message] = Mailbox()
        wait = Wait(queue, "main/wait", None, frozenset()) if waits else None
        session = SimpleNamespace(mailbox=mailbox, wait=wait)
        board = cast(Switchboard, SimpleNamespace(sessions={CALL: session}))
        Switchboard.on_offer(board, Offer(CALL, "bob", "bob-phone", 1, offered_in, 20))
        return mailbox.empty()

    return asyncio.run(whole())


def test_an_offer_is_for_who_waits() -> None:
    (offer,) = told("sales", "sales")
    assert isinstance(offer, Offer)
    (early,) = told("sales", "gold", waits=False)
    assert isinstance(early, Offer), "he joins just now"


def test_an_offer_in_another_queue_tells_of_a_move_whose_news_was_lost() -> None:
    moved, offer = told("sales", "gold")
    assert isinstance(moved, Moved)
    assert moved.queue == "gold"
    assert isinstance(offer, Offer)


def test_a_move_is_told_to_who_is_here() -> None:
    async def whole() -> list[Message]:
        mailbox: Mailbox[Message] = Mailbox()
        board = cast(Switchboard, SimpleNamespace(sessions={CALL: SimpleNamespace(mailbox=mailbox)}))
        Switchboard.on_moved(board, CALL, "gold", 7)
        Switchboard.on_moved(board, "pbx-9.9", "gold", 8)
        return mailbox.empty()

    assert asyncio.run(whole()) == [Moved("gold", 7)]
