"""Today's figures are those of the archive for the same time, however they were come by."""

from pathlib import Path
from typing import Any

import pytest

from calllog.archive.database import connect
from calllog.archive.writer import Writer
from calllog.columns.reading import opened
from calllog.errors import ArchiveAway
from calllog.figures.period import Period
from calllog.figures.queues import queue_figures
from calllog.figures.thresholds import Thresholds
from calllog.today import QueueToday
from ivr.api import past
from tests.api.desk import HOUR_MS, ApiDesk
from tests.api.test_reading import counted

SHARED = set(QueueToday._fields) - {"in_time"}
"""Figures that the archive has, too, under the same names."""


async def a_call(desk: ApiDesk, call: str, queue: str, end: str) -> None:
    post = desk._posts[0]
    handle = await desk.wait_in(queue, call)
    if end == "answered":
        offer = next(offer for offer in post.offers if offer.call == call)
        assert await post.store.settle(handle, offer.agent, offer.attempt)
        await post.store.connected(handle, offer.agent, offer.attempt)
        await post.store.unbridged(handle, "caller")
    elif end != "abandoned":
        await post.store.leave(handle, end)
    if end != "waits":
        await post.checkpoint.ended(handle, reason="caller-hangup", ended_by="caller", cause=16)


async def morning(desk: ApiDesk, name: str) -> None:
    """Calls of every kind."""
    ends = ("answered", "abandoned", "timeout", "system_error", "exit_key", "answered")
    for number, end in enumerate(ends):
        await a_call(desk, f"pbx-{name}.{number}", "sales" if number % 2 else "support", end)
    await desk._posts[0].store.join(
        await desk._posts[0].arrive(f"pbx-{name}.9"), "sales", ways=["closed"], closed=True
    )


async def archive(desk: ApiDesk, place: Path) -> None:
    """Bring what is in the log into an archive."""
    writer = Writer(connect(place), desk.site)
    writer.open()
    writer.write([line async for line in desk.stream.read(writer.position or "0-0")])
    writer.close()
    writer.engine.dispose()


def measured(place: Path, desk: ApiDesk) -> dict[str, Any]:
    engine = connect(place, read_only=True)
    period = Period(desk.begins_at, desk.begins_at + 24 * HOUR_MS)
    columns = opened(engine, period)
    rows = queue_figures(columns, period, "whole", "queue", Thresholds())
    columns.dispose()
    engine.dispose()
    return {row.key: {name: row.values[name] for name in SHARED} for row in rows}


def live(desk: ApiDesk) -> dict[str, Any]:
    figures = {name: desk.watch.today.figures(name)._asdict() for name in ("sales", "support")}
    return {queue: {name: found[name] for name in SHARED} for queue, found in figures.items()}


async def test_the_same_figures_as_of_the_archive(desk: ApiDesk) -> None:
    await desk.opened()
    await morning(desk, "1")
    place = desk.folder / "archive.db"
    await archive(desk, place)
    await morning(desk, "2")
    await desk.wait_in("sales", "pbx-3.1")
    await counted(desk)
    async with ApiDesk(desk.redis, desk.site, desk.folder / "two", past.Archive(str(place)).today) as later:
        later.begins_at = desk.begins_at
        client = desk.redis.client()
        position = past.Archive(str(place)).today(0, 1)
        assert position is not None
        client.xtrim(f"{{{desk.site}}}:log", minid=position.position, approximate=False)
        await counted(later)
        assert live(later) == live(desk), "though the first half is in the archive only"
        assert live(later)["sales"]["waiting"] == 1
        await archive(desk, place)
        whole = measured(place, desk)
        for queue, figures in live(later).items():
            assert figures == pytest.approx(whole[queue], abs=0.5), queue
            assert figures["offered"] > 4


async def test_an_archive_that_is_not_there_or_is_none(desk: ApiDesk) -> None:
    assert past.Archive(str(desk.folder / "nothing.db")).today(0, 1) is None
    broken = desk.folder / "broken.db"
    broken.write_bytes(b"this is no database" * 100)
    with pytest.raises(ArchiveAway, match="cannot be read"):
        past.Archive(str(broken)).today(0, 1)
    async with ApiDesk(desk.redis, desk.site, desk.folder / "two", past.Archive(str(broken)).today) as later:
        await later.opened()
        assert not later.board.today_complete
        assert (await later.get("/v1/queues/sales"))["today_complete"] is False
