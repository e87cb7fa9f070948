"""Days of a made-up contact centre, as they would stand on the stream. The same seed, the same day.

`day(seed)` is the log, `setting(seed)` says which day it is, in which zone, and when it was looked at: what
had not been written by then is not in it, so callers still wait and talk. Every log is sound.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from tests.figures.callers import Caller, Centre
from tests.figures.stream import HOUR, MINUTE, Agent, Fields, Stream
from tests.figures.talks import live

DAY = 24 * HOUR
CROWD = 11 * HOUR
"""So long after the beginning many call at once."""

PLACES = (
    ("UTC", "2026-06-15"),
    ("Europe/Berlin", "2026-11-22"),
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Asia/Kolkata", "2026-12-31"),
    ("Asia/Kathmandu", "2024-02-29"),
    ("Australia/Adelaide", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Asia/Beirut", "2026-03-29"),
    ("Asia/Beirut", "2026-10-24"),
    ("America/Havana", "2026-11-01"),
)
"""Zones and days: ordinary ones, both changes of the clock, by half an hour too, and about midnight."""

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy")


@dataclass(frozen=True)
class Setting:
    """The period [from_at, to_at), ms, and what is drawn for it. `now`: the last instant that was written."""

    zone: str
    date: str
    from_at: int
    to_at: int
    now: int
    calls: int
    agents: int
    later: bool
    """Some come again after days, just in time to count as a repeat, or just too late."""
    faults: bool


def setting(
    seed: int,
    *,
    zone: str | None = None,
    day: str | None = None,
    days: int | None = None,
    calls: int | None = None,
    agents: int | None = None,
    later: bool | None = None,
    faults: bool | None = None,
    now: int | None = None,
) -> Setting:
    """What day of that seed it is. Whatever is given is not drawn; `days`: how many the period has."""
    rng = Random(f"setting {seed}")
    drawn_zone, drawn_day = rng.choice(PLACES)
    zone, day = zone or drawn_zone, day or drawn_day
    drawn_days = rng.choice((1, 1, 1, 1, 1, 2, 3, 9, 33))
    from_at, to_at = local_days(zone, day, days or drawn_days)
    drawn_calls = rng.choice((0, 1, *range(2, 26)))
    drawn_agents, drawn_later = rng.randint(1, 5), rng.random() < 0.5
    end = to_at + 9 * DAY if drawn_later else to_at + rng.choice((0, 2 * HOUR))
    drawn_now = rng.choice(
        (end, end, rng.randint(from_at, to_at), from_at + CROWD + rng.randint(0, 8 * MINUTE))
    )
    drawn_faults = rng.random() < 0.7
    return Setting(
        zone=zone,
        date=day,
        from_at=from_at,
        to_at=to_at,
        now=drawn_now if now is None else now,
        calls=drawn_calls if calls is None else calls,
        agents=drawn_agents if agents is None else agents,
        later=drawn_later if later is None else later,
        faults=drawn_faults if faults is None else faults,
    )


def day(seed: int, **options: object) -> list[bytes]:
    """The log of that seed, JSON lines in the order of the stream. `options`: those of `setting`."""
    chosen = setting(seed, **options)  # type: ignore[arg-type]  # they are checked there
    return _Day(Random(f"day {seed}"), chosen).lines()


def local_days(zone: str, day: str, days: int = 1) -> tuple[int, int]:
    """The first instants of that local day and of the one so many days later, ms."""
    begin = date.fromisoformat(day)
    return _midnight(zone, begin), _midnight(zone, begin + timedelta(days=days))


def _midnight(zone: str, day: date) -> int:
    """The first instant of a local day, also where the clock is put forward at midnight."""
    naive = datetime(day.year, day.month, day.day)
    at = int(naive.replace(tzinfo=ZoneInfo("UTC")).timestamp() * 1000) - 26 * HOUR
    while datetime.fromtimestamp(at / 1000, ZoneInfo(zone)).date() < day:
        at += 15 * MINUTE
    return at


class _Day:
    def __init__(self, rng: Random, chosen: Setting) -> None:
        self.rng, self.chosen = rng, chosen
        self.stream = Stream()
        self.begin = chosen.from_at - 2 * HOUR
        agents = [
            Agent(self.stream, rng, name, self.begin + rng.randint(0, 3 * HOUR))
            for name in NAMES[: chosen.agents]
        ]
        numbers = [f"+4930{rng.randint(10**6, 10**7)}" for _ in range(max(2, chosen.calls // 3))] + [""]
        changed_at = rng.randint(chosen.from_at, chosen.to_at)
        self.centre = Centre(self.stream, rng, agents, numbers, changed_at)

    def lines(self) -> list[bytes]:
        arrivals = sorted(self.arrival() for _ in range(self.chosen.calls))
        callers = [self.caller(number, at) for number, at in enumerate(arrivals, 1)]
        if self.chosen.later:
            for caller in self.rng.sample(callers, len(callers) // 2):
                self.comes_again(caller, len(callers) + 1)
        self.overtaken()
        self.system()
        return self.stream.lines(self.chosen.now)

    def arrival(self) -> int:
        """Anywhere, but mostly where it hurts: at midnight, at a change of the clock, in a crowd."""
        chosen, rng = self.chosen, self.rng
        at = rng.randint(self.begin + HOUR, chosen.to_at + HOUR)
        where = rng.randint(0, 5)
        if where == 0:
            at = rng.choice((chosen.from_at, chosen.to_at)) - rng.choice((0, 1, rng.randint(0, 20 * MINUTE)))
        elif where == 1:
            at = chosen.from_at + rng.randint(0, 4 * HOUR)
        elif where in (2, 3):
            at = chosen.from_at + CROWD + rng.randint(0, 2 * MINUTE)
        elif where == 4:
            at -= at % (15 * MINUTE)
        return at

    def caller(self, number: int, at: int, who: str | None = None) -> Caller:
        who = self.rng.choice(self.centre.numbers) if who is None else who
        caller = Caller(self.centre, f"hf-{self.begin // 1000}.{number}", at, who)
        live(caller)
        return caller

    def comes_again(self, caller: Caller, number: int) -> None:
        """The same person, days after his call was over: on either side of what counts as a repeat."""
        after = self.rng.choice((7 * DAY, 7 * DAY + 1, 7 * DAY - 1, DAY, 1, self.rng.randint(0, 8 * DAY)))
        self.caller(1000 * number + int(caller.call.rpartition(".")[2]), caller.now + after, caller.number)

    def overtaken(self) -> None:
        """Whoever had joined a queue earlier and still waits when another is connected is told."""
        waits, rng = self.centre.waits, self.rng
        for wait in waits:
            passed = [
                other
                for other in waits
                if wait.bridged
                and other.queue == wait.queue
                and other.call != wait.call
                and other.joined_at < wait.joined_at
                and other.left_at > wait.left_at
            ]
            for other in passed:
                reason = rng.choice(("priority", "vip", "needs", "rung", "weight"))
                said: Fields = {"queue": wait.queue, "by_call": wait.call, "reason": reason}
                self.stream.write(
                    wait.left_at, "overtaken", other.call, **said, head_start_s=rng.choice((0, 30.5))
                )
            if wait.bridged and passed:
                wait.bridged["overtook"] = len(passed)

    def system(self) -> None:
        """Workers, flows, and an Asterisk that is lost: of two workers, each tells of it."""
        write, rng, chosen = self.stream.write, self.rng, self.chosen
        for worker in ("hf-1", "hf-2"):
            owner = f"worker:{worker}:1"
            write(self.begin, "worker_started", owner, worker=worker, inc=1, pid=7)
            write(self.begin, "asterisk_connected", owner, worker=worker, asterisk="pbx-1")
        write(
            self.centre.changed_at, "flow_published", "worker:hf-1:1", version="2b", by="admin", worker="hf-1"
        )
        for at in self.centre.crashes:
            said: Fields = {"gap_ms": 900, "adopted": 1, "lost": 0, "worker": "hf-2", "peer": "hf-1"}
            write(at, "worker_recovered", "worker:hf-2:1", **said)
        for _ in range(rng.randint(0, 3) if chosen.faults else 0):
            self.outage(rng.choice(("pbx-1", "pbx-2")), rng.randint(self.begin, chosen.to_at))

    def outage(self, asterisk: str, at: int) -> None:
        write, rng = self.stream.write, self.rng
        for worker in rng.sample(("hf-1", "hf-2"), rng.randint(1, 2)):
            said: Fields = {"asterisk": asterisk, "worker": worker}
            lost_at = at + rng.randint(0, 2000)
            back_at = lost_at + rng.choice((rng.randint(1, MINUTE), rng.randint(1, 3 * HOUR), 0))
            write(lost_at, "asterisk_lost", f"worker:{worker}:1", **said, reason="closed")
            if back_at > lost_at:
                write(back_at, "asterisk_connected", f"worker:{worker}:1", **said)
        for _ in range(rng.choice((0, 1, 2))):
            call: Fields = {
                "asterisk": asterisk,
                "to": "100",
                "from": rng.choice(self.centre.numbers),
                "worker": "hf-2",
            }
            write(at + rng.randint(1, MINUTE), "fallback_taken", "worker:hf-2:1", **call, result="message")
