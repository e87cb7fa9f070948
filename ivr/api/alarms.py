"""What must be right for calls to be taken and figures to be current, and the alarms if it is not.

| alarm | |
|---|---|
| redis-away | Redis does not answer; the figures are those of before |
| no-worker | no worker has a lease: Asterisk serves callers alone |
| worker-away | one of the workers has none |
| asterisk-away | Asterisk is connected to no worker |
| asterisk-partly | Asterisk is not connected to every live worker |
| archive-late | the archive is behind the call log |
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from calllog.stream import ArchiveState
from ivr.api.models import Alarm, Check
from ivr.checkpoint import Peer

STALE_MS = 3_000
"""Older figures are not live any more."""
ARCHIVE_LATE_MS = 60_000
SILENT_MS = 15_000
"""An archiver tells of itself every second."""
MISSED_MS = 600_000
"""So long a worker that does not come back is an alarm, if it has left no calls."""


class Findings(NamedTuple):
    """What is known of the server's parts."""

    redis_problem: str
    age_ms: int
    peers: Sequence[Peer]
    archives: Sequence[ArchiveState] = ()
    now: int = 0
    """Ms since the epoch."""

    @property
    def archive_lag_ms(self) -> int | None:
        """How far the archive that is furthest behind is behind the log; None: there is none."""
        return max((state.lag_ms for state in self.archives), default=None)


def problems(found: Findings) -> Iterator[tuple[str, str, str]]:
    """Name, problem and mend of each alarm."""
    if found.redis_problem:
        yield (
            "redis-away",
            f"Redis does not answer: {found.redis_problem}",
            "it is started again by itself; if it stays away, see log/redis and the disk's free space",
        )
        return  # of all else nothing is known
    alive = [peer for peer in found.peers if peer.alive]
    if not alive:
        yield "no-worker", "no worker is there: Asterisk serves callers alone", "see log/worker-1"
        return
    if away := [peer.name for peer in found.peers if not peer.alive and _is_missed(peer, found.now)]:
        names = ", ".join(away)
        yield "worker-away", f"{names} is not there", f"see its log; calls are with {len(alive)} others"
    without = [peer.name for peer in alive if not peer.connected]
    if len(without) == len(alive):
        yield "asterisk-away", "Asterisk is connected to no worker: no calls", "see log/asterisk"
    elif without:
        names = ", ".join(without)
        yield "asterisk-partly", f"Asterisk is not connected to {names}", "see log/asterisk and its own log"
    for state in found.archives:
        late = (
            f"is {round(state.lag_ms / 1000)} s behind the call log" if state.lag_ms > ARCHIVE_LATE_MS else ""
        )
        gone = "has nobody who writes it" if found.now - state.seen_at > SILENT_MS else ""
        if wrong := state.alarm or gone or late:
            yield "archive-late", f"the archive: {wrong}", "the log waits in Redis; see log/archiver"
            return


def _is_missed(peer: Peer, now: int) -> bool:
    """A name that nobody has had for long is one of a site that had more workers."""
    return bool(peer.calls) or now - peer.seen_at < MISSED_MS


def alarms(found: Findings, before: Sequence[Alarm]) -> list[Alarm]:
    """The alarms of now; one that goes on keeps the instant it began at."""
    since = {alarm.alarm: alarm.since_at for alarm in before}
    return [
        Alarm(alarm=name, since_at=since.get(name, found.now), problem=problem, mend=mend)
        for name, problem, mend in problems(found)
    ]


def checks(found: Findings) -> list[Check]:
    """What /readyz says. A late archive is told, but calls are taken and figures are live without it."""
    there = {name: (problem, mend) for name, problem, mend in problems(found)}
    of = {
        "redis": ("redis-away",),
        "workers": ("no-worker",),
        "asterisk": ("no-worker", "asterisk-away"),
        "archive": ("archive-late",),
    }
    made = []
    for check, names in of.items():
        told = next((there[name] for name in names if name in there), ("", ""))
        made.append(Check(check=check, right=not told[0], problem=told[0], mend=told[1]))
    stale = f"figures are {found.age_ms} ms old" if found.age_ms > STALE_MS else ""
    made.append(Check(check="figures", right=not stale, problem=stale, mend="see log/api" if stale else ""))
    return made


def ready(made: Sequence[Check]) -> bool:
    """Whether calls are taken and figures are current."""
    return all(check.right for check in made if check.check != "archive")
