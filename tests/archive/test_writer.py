"""The writer of the archive: whatever order, repetition or interruption, the same rows."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest
from sqlalchemy import Connection
from sqlalchemy import event as hooks

from calllog.archive import database
from calllog.archive import writer as writing
from calllog.archive.database import connect
from calllog.archive.writer import Writer
from calllog.errors import ArchiveAway, ArchiveHeld
from calllog.events import AnyEvent, decode, encode
from calllog.stream import Entry
from calllog.stream import entries as of_entry
from tests.archive.rows import archived, day, derived, entries, expected, put_aside
from tests.unit.calllog.centre import made_log

SITE = "main"


class BrokenOffError(Exception):
    """As if the process had ended here."""


def parts(log: list[Entry], rng: Random, most: int = 40) -> Iterator[list[Entry]]:
    first = 0
    while first < len(log):
        size = rng.randint(1, most)
        yield log[first : first + size]
        first += size


@pytest.mark.parametrize("seed", range(3))
def test_events_in_any_batches_give_the_rows_of_all(
    writer: Writer, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when live calls are many more than fit into memory."""
    rng = Random(seed)
    log = day(seed, calls=30)
    for part in parts(entries(log), rng):
        monkeypatch.setattr(writing, "MOST_EVENTS", rng.choice((0, 20, 1000)))
        writer.write(part)
    assert archived(writer.engine) == [encode(event) for event in log]
    assert derived(writer.engine) == expected(log)
    assert (writer.lines, writer.kept_aside) == (len(log), 0)
    assert set(writer.live) == {row[0] for row in derived(writer.engine)["calls"] if row[3] is None}


@pytest.mark.parametrize("seed", range(3))
def test_what_breaks_off_anywhere_and_is_repeated_changes_nothing(writer: Writer, seed: int) -> None:
    """Each batch may fail at any statement; then it, or some more before it, is written again."""
    rng = Random(seed)
    log = day(seed, calls=40)
    waiting = entries(log)
    fails_in = 0

    @hooks.listens_for(writer.engine, "before_cursor_execute")
    def fail(connection: Connection, *_: object) -> None:  # noqa: ARG001
        nonlocal fails_in
        fails_in -= 1
        if fails_in == 0:
            raise BrokenOffError

    first, broken = 0, 0
    while first < len(waiting):
        size = rng.randint(1, 40)
        fails_in = rng.randint(1, 20)
        try:
            writer.write(waiting[max(0, first - rng.randint(0, 30)) : first + size])
            first += size
        except BrokenOffError:
            broken += 1
        if rng.random() < 0.2:
            fails_in = 0
            writer.open()
    fails_in = 0
    assert broken > 10
    assert archived(writer.engine) == [encode(event) for event in log]
    assert derived(writer.engine) == expected(log)
    assert writer.lines == len(log)


def test_events_of_one_owner_in_the_wrong_order_give_the_same(writer: Writer) -> None:
    log = day(5, calls=6)
    mixed = list(log)
    Random(5).shuffle(mixed)
    for part in parts(entries(mixed), Random(6), most=7):
        writer.write(part)
    assert derived(writer.engine) == expected(log)


def arrived(**more: object) -> bytes:
    common = {"id": "c-1:1", "site": SITE, "at": 1_795_305_600_000, "logged_at": 1_795_305_600_000}
    said = {"kind": "arrived", "call": "c-1", "seq": 1, "source": "observed", "from": "1", "to": "100"}
    return msgspec.json.encode(common | said | more)


def read(position: str, *lines: bytes) -> list[Entry]:
    return of_entry(position, {b"e": b"\n".join(lines)})


def test_what_is_no_event_of_this_site_is_kept_aside_with_the_reason(writer: Writer) -> None:
    lines = [
        b"nothing",
        arrived(),
        arrived(site="other"),
        arrived(call="c-2"),
        arrived(seq=0, id="c-1:0"),
        arrived(to="200"),
        msgspec.json.encode({"kind": "unheard_of"}),
        b'{"kind":"agent_state","id":"agent:bob:1","site":"main","at":1,"logged_at":1,"source":"observed",'
        b'"agent":"eve","from":"","to":"ready"}',
    ]
    for _ in range(2):
        writer.write(read("5-0", *lines))
        writer.write([Entry("6-1", b"", None, "not an event: it has no field `e`")])
    writer.write(read("7-0", arrived(to="300")))
    kept = put_aside(writer.engine)
    assert [(position, line) for position, line, _, _ in kept] == [
        *(("5-0", line) for line in (1, 3, 4, 5, 6, 7, 8)),
        ("6-1", 1),
        ("7-0", 1),
    ]
    assert [raw for _, _, raw, _ in kept[:7]] == [lines[0], *lines[2:]]
    reasons = [reason for _, _, _, reason in kept]
    assert reasons[0].startswith("not an event")
    assert reasons[1:5] == [
        "an event of another site",
        "its id is not of its call (or worker) and number",
        "its id is not of its call (or worker) and number",
        "another event with this id is archived",
    ]
    assert "unheard_of" in reasons[5]
    assert reasons[6:] == [
        "its id is not of its agent",
        "not an event: it has no field `e`",
        "another event with this id is archived",
    ]
    assert archived(writer.engine) == [arrived()]
    assert (writer.lines, writer.kept_aside) == (10, 9)
    assert writer.position == "7-0"


def test_an_event_that_fits_into_no_column_keeps_no_other_one_out(writer: Writer) -> None:
    huge = arrived(at=2**70, id="c-9:1", call="c-9")
    log = made_log(1, calls=5)
    some = entries(log, 100)
    some[len(some) // 2 : len(some) // 2] = read("150-1", arrived(), huge)
    told = writer.write(some)
    assert (told.events, told.aside, told.position) == (len(log), 2, some[-1].position)
    assert derived(writer.engine) == expected(log)
    assert [line[:2] for line in put_aside(writer.engine)] == [("150-1", 1), ("150-1", 2)]


def test_texts_that_a_database_cannot_hold(writer: Writer) -> None:
    raw = arrived(**{"from": "1\x002", "campaign": "ü\U0001f600"})
    assert b"\\u0000" in raw
    writer.write(read("1-0", raw))
    assert archived(writer.engine) == [raw]
    [row] = derived(writer.engine)["calls"]
    assert "1\ufffd2" in row
    assert "ü\U0001f600" in row
    event = decode(arrived(id="c-1:2", seq=2))
    writer.write(entries([event], 2))
    writer.open()
    writer.write(entries([decode(arrived(id="c-1:3", seq=3))], 3))
    assert writer.kept_aside == 0


def test_an_archive_has_one_archiver(writer: Writer, archive: str) -> None:
    other = Writer(connect(archive), SITE)
    with pytest.raises(ArchiveHeld, match="another archiver writes to"):
        other.open()
    writer.close()
    other.open()
    assert other.archive == writer.archive
    with pytest.raises(ArchiveAway, match="another archiver"):
        writer.open()
    other.close()
    other.engine.dispose()
    writer.open()


def test_an_archive_is_of_one_site(writer: Writer, archive: str) -> None:
    writer.close()
    other = Writer(connect(archive), "second")
    with pytest.raises(ArchiveAway, match="is that of site main: site second needs one of its own"):
        other.open()
    other.close()
    other.engine.dispose()
    writer.open()


def test_who_goes_on_is_known_after_a_start(writer: Writer) -> None:
    """But not who has never ended, long ago: the log would wait for him for ever."""
    now = 1_795_305_600_000
    calls = {"long-ago": now - 100 * 86_400_000, "lives": now - 60_000, "new": now}
    said = [arrived(call=call, id=f"{call}:1", at=at, logged_at=at) for call, at in calls.items()]
    writer.write(read("1-0", *said))
    writer.open()
    assert writer.live == {"lives": now - 60_000, "new": now}


def test_a_database_that_somebody_else_keeps_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_MS", 50)
    made = Writer(connect(tmp_path / "archive.db"), SITE)
    made.open()
    other = connect(tmp_path / "archive.db")
    log: list[AnyEvent] = made_log(2, calls=2)
    with other.begin(), pytest.raises(ArchiveAway, match="another program has been writing"):
        made.write(entries(log))
    made.write(entries(log))
    assert derived(made.engine) == expected(log)
    made.close()
    made.engine.dispose()
    other.dispose()
