"""The site that is lived through in a test: its queues and people, and one of its workers."""

from pathlib import Path

from ivr.checkpoint import Checkpoint
from queues.store import Offer, Store
from tests.queues.redis_process import RedisProcess
from tests.queues.reference import Rules

QUEUES = {
    "gold": Rules(
        wrapup_s=0,
        dispositions={"1": "sold", "2": "lost"},
        disposition_required=True,
        disposition_limit_s=4,
        callers_per_agent=1.5,
    ),
    "sales": Rules(
        wrapup_s=3,
        cooldown_s=1,
        wrapup_extend_s=2,
        wrapup_max_s=4,
        dispositions={"7": "other"},
        refuse_if=("offline", "paused"),
        leave_if=("offline", "ringing"),
    ),
    "tech": Rules(
        cooldown_s=2,
        after_busy_s=4,
        after_unreachable_s=1,
        pause_after=2,
        max_waiting=2,
        leave_if=("offline", "unreachable", "wrapup", "talking"),
    ),
}
AGENTS: dict[str, tuple[tuple[str, ...], int | None, dict[str, int]]] = {
    "ann": (("gold", "sales"), None, {"gold": 2}),
    "bob": (("sales",), None, {}),
    "cat": (("sales", "tech"), 1, {}),
    "dan": (("tech", "gold"), 0, {}),
}
WORKERS = ("hf-1", "hf-2")


class Post:
    """A worker: what dies with it when it is killed."""

    def __init__(self, redis: RedisProcess, site: str, name: str, folder: Path) -> None:
        self.name = name
        self.store = Store(redis.url, site, name, journal=folder / f"{site}-{name}")
        self.checkpoint = Checkpoint(self.store)
        self.store.operations.patience_s = {}  # alone, an operation would only wait
        self.told: dict[str, int] = {}
        """Call → last attempt that it was told to ring, or learned of by adopting the call."""
        self.store.on_offer = self._on_offer

    def _on_offer(self, offer: Offer) -> None:
        assert self.told.get(offer.call, 0) < offer.attempt, "told twice"
        self.told[offer.call] = offer.attempt

    async def barrier(self) -> None:
        """Until everything that was sent to this worker has been dealt with."""
        operations = self.store.operations
        await operations.link.call("PING")
        if operations._returning is not None:
            await operations._returning
