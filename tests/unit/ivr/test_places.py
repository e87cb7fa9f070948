"""Places are asked for together, so many at a time, and nobody waits for ever."""

import asyncio
from collections.abc import Sequence

from ivr.places import AT_ONCE, Places
from queues.errors import StoreAway


class FakeStore:
    """Each caller's place is the number in his name."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.away = False

    async def places(self, callers: Sequence[tuple[str, str]]) -> list[int]:
        self.asked.append(len(callers))
        if self.away:
            raise StoreAway("Redis")
        return [int(call) for _, call in callers]


async def test_one_question_for_all_who_want_to_know() -> None:
    store = FakeStore()
    places = Places(store)  # type: ignore[arg-type]
    await places.look()
    assert store.asked == [], "nobody wants to know"
    asking = [asyncio.ensure_future(places.of("sales", str(number))) for number in range(AT_ONCE + 3)]
    await asyncio.sleep(0)
    await places.look()
    await places.look()
    assert store.asked == [AT_ONCE, 3]
    assert await asyncio.gather(*asking) == [*range(AT_ONCE + 3)]


async def test_without_redis_no_place_is_known() -> None:
    store = FakeStore()
    store.away = True
    places = Places(store)  # type: ignore[arg-type]
    asking = asyncio.ensure_future(places.of("sales", "4"))
    await asyncio.sleep(0)
    await places.look()
    assert await asking == 0


async def test_who_gives_up_asking_leaves_the_others_alone() -> None:
    places = Places(FakeStore())  # type: ignore[arg-type]
    gone, stays = (asyncio.ensure_future(places.of("sales", "7")) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    await places.look()
    assert await stays == 7
    assert gone.cancelled()
    assert not places._asked, "nothing is kept"
