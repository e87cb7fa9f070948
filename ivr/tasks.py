"""What a worker does at the same time: calls, keepers, and what may fail without harm to the others."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from calllog.errors import HoldfastError
from ivr.ari import AsteriskAway
from queues.errors import Fenced, StoreAway

log = logging.getLogger(__name__)


class Tasks:
    """A group of tasks, as `async with`: it is left when all are over."""

    def __init__(self) -> None:
        self.group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self.group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.group.__aexit__(kind, error, trace)

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do it beside the others. An error that it raises ends them all."""
        return self.group.create_task(work)

    def attempt(self, work: Awaitable[None]) -> None:
        """Do it beside the others; if it fails, that is logged."""
        self.start(self._attempt(work))

    async def _attempt(self, work: Awaitable[None]) -> None:
        try:
            await work
        except (StoreAway, AsteriskAway) as error:
            log.warning("put off: %s", error)
        except HoldfastError as error:
            log.error("%s", error)

    def keep(self, period_s: float, work: Callable[[], Awaitable[object]]) -> asyncio.Task[Any]:
        """Do it every `period_s` seconds, for ever; if it fails, that is logged. Only `Fenced` ends all."""
        return self.start(self._keep(period_s, work))

    async def _keep(self, period_s: float, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            await asyncio.sleep(period_s)
            try:
                await work()
            except StoreAway:
                log.debug("Redis is away")
            except Fenced:
                raise
            except HoldfastError as error:
                log.error("%s: %s", getattr(work, "__name__", "keeper"), error)
