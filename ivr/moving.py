"""A caller who waits was put into another queue: from now on he hears and may do what it says there."""

from ivr.beside import Beside
from ivr.caller import Caller, Moved
from ivr.place import MARK, Place
from ivr.wait import Wait


async def move(caller: Caller, wait: Wait, beside: Beside, moved: Moved) -> None:
    """What he was being told is over; music, announcements, menu and longest wait are the new queue's."""
    asterisk = caller.house.asterisk
    await beside.hush()
    wait.move(moved.queue, moved.joined_at)
    await asterisk.start_music(caller.call, caller.house.queue(moved.queue).music)
    await asterisk.mark(caller.call, MARK, Place(wait.queue, wait.joined_at, wait.path).write())
    await beside.begin_anew()
