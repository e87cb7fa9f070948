"""What the wallboard shows: it fits, is in order, and nothing in it is anybody's escape sequence."""

import pytest
from rich.console import Console

from ivr.api.models import Agent, Alarm, LiveMessage, Queue, Staff, Today
from ivr.top import once
from ivr.top.rows import AGENTS, QUEUES, Order, Table, clock, notes, ordered, spark, waited_ms
from ivr.top.source import State

LONG = "Breakdown help for business customers of the northern region"
NOW = 1_795_356_228_000


def queue(name: str, waiting: int = 0, waited_s: int = 0, **more: object) -> Queue:
    fields = {
        "queue": name,
        "title": name.title(),
        "waiting": waiting,
        "oldest_joined_at": NOW - waited_s * 1000 if waiting else None,
        "service_level_s": 20,
        "staff": Staff(ready=1, talking=2),
        "today": Today(offered=10, answered=8, in_time=8, service_level=0.8, abandoned=2, abandon_rate=0.2),
        "curve": [0, 1, waiting],
    }
    return Queue.model_validate(fields | more)


def agent(name: str, state: str = "ready", since_s: int = 10, **more: object) -> Agent:
    fields = {
        "agent": name,
        "name": name.title(),
        "state": state,
        "reason": "",
        "since_at": NOW - since_s * 1000,
        "device": f"{name}-phone",
        "queues": ["sales"],
        "call": "",
        "wish": "",
        "calls": 3,
        "talk_ms": 0,
    }
    return Agent.model_validate(fields | more)


def state(queues: list[Queue], agents: list[Agent]) -> State:
    made = State()
    head = {"at": NOW, "seq": 1, "age_ms": 0, "alarms": [], "today_from": 0, "today_complete": True}
    made.take(LiveMessage.model_validate({**head, "type": "snapshot", "queues": queues, "agents": agents}))
    return made


@pytest.mark.parametrize("width", [80, 100, 132, 160, 200])
def test_every_line_fits_the_terminal(width: int) -> None:
    wide = Today(
        **dict.fromkeys(("offered", "answered", "abandoned"), 99_999), service_level=1.0, asa_ms=3_599_000
    )
    line = Table(QUEUES, width)
    for each in (
        queue("sales"),
        queue("support", 12_345, 3 * 86_400, today=wide, title=LONG),
    ):
        assert line.line(each, NOW).cell_len <= width
    desk = Table(AGENTS, width)
    someone = agent(
        "x" * 30, "paused", 10**6, reason="r" * 60, wish="paused:" + "w" * 60, queues=["q" * 40] * 9
    )
    assert desk.line(someone, NOW).cell_len <= width
    for number in range(len(QUEUES)):
        assert line.head(Order(number)).cell_len <= width
        assert line.head(Order(number)).cell_len == line.line(queue("sales"), NOW).cell_len


def test_eighty_columns_have_what_matters() -> None:
    titles = [column.title for column in Table(QUEUES, 80).columns]
    assert titles == ["queue", "wait", "longest", "30 min", "free", "talk", "wrap", "paus", "in time", "lost"]
    assert len(Table(QUEUES, 160).columns) == len(QUEUES)


def test_colours_have_a_meaning() -> None:
    table = Table(QUEUES, 80)

    def style(each: Queue, title: str) -> str:
        column = next(column for column in table.columns if column.title == title)
        return str(column.cell(each, NOW).style)

    assert style(queue("a", 1, 5), "longest") == "green"
    assert style(queue("a", 1, 15), "longest") == "yellow"
    assert style(queue("a", 1, 21), "longest") == "bold red"
    assert style(queue("a", 1, 1, staff=Staff(ready=0)), "free") == "bold red"
    assert style(queue("a"), "in time") == "green"
    assert style(queue("a"), "lost") == "red"


def test_rows_are_in_order() -> None:
    queues = [queue("b", 1, 5), queue("a", 3, 60), queue("c")]
    assert [q.queue for q in ordered(queues, QUEUES, Order(2), NOW)] == ["a", "b", "c"]
    assert [q.queue for q in ordered(queues, QUEUES, Order(2, True), NOW)] == ["c", "b", "a"]
    assert [q.queue for q in ordered(queues, QUEUES, Order(0), NOW)] == ["a", "b", "c"]
    assert [q.queue for q in ordered(queues, QUEUES, Order(0, True), NOW)] == ["c", "b", "a"]
    agents = [agent("zoe", "paused"), agent("amy"), agent("bea", "talking"), agent("abe", "offline")]
    assert [a.agent for a in ordered(agents, AGENTS, Order(1), NOW)] == ["bea", "amy", "zoe", "abe"]
    assert [a.agent for a in ordered(agents, AGENTS, Order(1), NOW, "free")] == ["amy"]
    assert ordered([], QUEUES, Order(2), NOW) == []


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (0, "0:00"),
        (7_999, "0:07"),
        (754_000, "12:34"),
        (3_723_000, "1:02:03"),
        (360_000_000, "4 d 04 h"),
        (-5, "0:00"),
    ],
)
def test_clock(ms: int, shown: str) -> None:
    assert clock(ms) == shown


def test_spark() -> None:
    assert spark([], 4) == "    "
    assert spark([0, 0], 4) == "    "
    assert spark([0, 1, 8], 4) == "  ▁█"
    assert spark([9, 9, 1, 2, 3, 4], 4) == "▂▄▆█"
    assert waited_ms(queue("a", 1, -5), NOW) == 0, "a clock that is a little behind"


def test_names_cannot_speak_to_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J"
    made = state([queue("a", title=evil)], [agent(evil), agent("b", "paused", reason=evil)])
    console = Console(width=120, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as said:
        once.show(made, console, True, "")
    assert "\x1b" not in said.get()
    assert "\x07" not in said.get()


def test_one_frame_as_text() -> None:
    made = state(
        [queue("sales", 2, 75), queue("office")], [agent("alice", "talking"), agent("bob", "offline")]
    )
    console = Console(width=80, no_color=True)
    with console.capture() as said:
        once.show(made, console, False, "")
    lines = said.get().splitlines()
    assert lines[0].startswith("Holdfast   2 waiting, the longest 1:15   0 free   1 talking")
    assert [line.split()[:3] for line in lines if line.startswith("Sales")] == [["Sales", "2", "1:15"]]
    assert "Alice" in said.get()
    assert "Bob" not in said.get()
    assert max(map(len, lines)) <= 80


def test_what_somebody_has_to_know_is_said() -> None:
    alarm = Alarm(alarm="asterisk-away", since_at=NOW, problem="no calls", mend="see log/asterisk")
    assert [note.plain for note in notes([alarm], "", 0, "", True)] == [" no calls; see log/asterisk "]
    (away,) = notes([alarm], "nobody answers", 12_000, "14:03:48", False)
    assert away.plain == " waiting for 0:12: nobody answers; what you see is of 14:03:48 "
    assert len(notes([], "", 0, "", False)) == 1


def test_a_client_that_knows_what_is_gone() -> None:
    made = state([queue("a"), queue("b")], [agent("x")])
    head = {"at": NOW + 1, "seq": 2, "age_ms": 0, "alarms": [], "today_from": 0, "today_complete": True}
    gone = {"queues": ["b"], "agents": ["x"], "calls": ["c"]}
    change = {**head, "type": "change", "queues": [queue("a", 3, 1)], "gone": gone}
    made.take(LiveMessage.model_validate(change))
    assert (made.queues["a"].waiting, list(made.queues), list(made.agents)) == (3, ["a"], [])
    made.is_away("gone")
    assert made.now == NOW + 1, "clocks stand still while nothing is known"


@pytest.mark.parametrize("width", [79, 80, 89, 99, 109, 119, 129, 139, 169, 200])
def test_a_line_is_no_wider_than_its_room(width: int) -> None:
    """Of 80 columns a scroll bar takes one: the last digit of the last column must not be under it."""
    now = 1_795_356_228_000
    assert Table(QUEUES, width).line(queue("sales", 1234, 75), now).cell_len <= width
    assert Table(QUEUES, width).head(Order(2)).cell_len <= width
    assert Table(AGENTS, width).line(agent("zoe", "ready"), now).cell_len <= width
