"""The rules that let callers wait no longer: one bounded look a second for all calls of a worker.

Who is concerned is told to look for himself (`Look`): he decides together with his place, in one script.
"""

from collections.abc import Iterable, Mapping

from ivr.alarm import Alarm
from ivr.caller import Look
from ivr.switchboard import Switchboard
from ivr.tasks import Tasks
from queues.results import Crowd
from queues.store import Store

DOORS_S = 1.0
HURRY_S = 0.05
"""News that agents have left comes in swarms; one look is enough for all that comes within this time."""
AT_ONCE = 500
"""So many callers are told in one look; the others in the next ones."""


class Doors:
    """Looks after the waits of one worker's calls."""

    def __init__(self, store: Store, board: Switchboard, tasks: Tasks) -> None:
        """`tasks`: where a look runs that does not wait for its second."""
        self._store = store
        self._board = board
        self.alarm = Alarm(lambda: tasks.attempt(self.look()))
        store.operations.on_doors = lambda: self.alarm.set(HURRY_S)

    def published(self) -> None:
        """Settings have changed: whoever waits counts by the new ones."""
        for session in self._board.sessions.values():
            if session.wait is not None:
                session.mailbox.put(Look())

    async def look(self) -> None:
        """Tell whom it concerns. Raises StoreAway: then nobody has to leave."""
        closed = self._board.callflows.closed(self._board.house.now())
        crowds = {crowd.queue: crowd for crowd in await self._store.doors()}
        if not closed and not crowds:
            return
        told = 0
        for call, session in self._board.sessions.items():
            wait = session.wait
            if wait is None or not wait.joined_at:
                continue
            reason = _concerned(call, wait.queue, wait.exits, closed, crowds)
            if reason:
                session.mailbox.put(Look(reason))
                told += 1
            if told >= AT_ONCE:
                return


def _concerned(
    call: str, queue: str, exits: Iterable[str], closed: Iterable[str], crowds: Mapping[str, Crowd]
) -> str:
    """Why he may have to leave; empty: he may stay, or has no way to go."""
    if queue in closed and "closed" in exits:
        return "closed"
    crowd = crowds.get(queue)
    if crowd is None or crowd.reason not in exits or (crowd.calls and call not in crowd.calls):
        return ""
    return crowd.reason
