"""A call's log is readable: by people who see no colours, in 80 columns, and whatever callers are called."""

import time
from collections.abc import Sequence
from io import StringIO
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console

from calllog.call_events import AnyCallEvent, Arrived, CallEvent, Input
from calllog.events import Disposition
from calllog.phases import bar, spans
from calllog.printable import duration, printable, printable_json
from calllog.table import CallTable
from calllog.words import line
from tests.unit.calllog.centre import made_log
from tests.unit.calllog.held_call import BEGAN_AT, CALL, held_call

SHOWN = """\
Call hf-1795309698.12 · 22 Nov 2026, 01:08:18 UTC · 25.3 s · completed

  ────────░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░██████████▒▒▒▒▒▒█████████████████─
  ─ in the flow 2.8 s   ░ waiting 11.2 s   █ talking 9.2 s   ▒ on hold 2.0 s

  +0.000 s  ─  arrived       from 1001 to 100, campaign web
  +0.006 s  ─  answered
  +2.840 s  ─  input         main/menu_1: pressed 1
  +2.841 s  ─  step          main/menu_1 → 1, took 2.8 s
  +2.843 s  ░  joined        queue sales, place 2
            ░  hold started  by the queue (music)
  +5.120 s  ░  offered       to alice (longest idle)
 +11.200 s  ░  declined      by alice: busy, rang 6.1 s
            ░  offered       to bob (longest idle), attempt 2
 +14.021 s  ░  hold ended    by the queue (music), after 11.2 s
            █  queue left    queue sales: answered, waited 11.2 s, place 1
                             (joined at 2)
            █  bridged       with bob
 +17.500 s  ▒  hold started  by the agent
 +19.502 s  █  hold ended    by the agent, after 2.0 s
 +25.250 s  ─  unbridged     from bob: talked 9.2 s, held 2.0 s; caller hung up
 +25.251 s     ended         completed: caller hung up

✓ It adds up: 25.3 s = flow 2.8 s + wait 11.2 s + hold 2.0 s + talk 9.2 s
"""


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def shown(events: Sequence[AnyCallEvent | Disposition], width: int = 80, redact: bool = False) -> str:
    console = Console(width=width, record=True, file=StringIO())
    console.print(CallTable(events, redact=redact))
    return "\n".join(row.rstrip() for row in console.export_text().splitlines()) + "\n"


def test_a_call_with_a_hold_reads_like_this() -> None:
    assert shown(held_call()) == SHOWN


def test_what_an_agent_says_of_the_call_stands_where_he_said_it() -> None:
    events, at = held_call(), BEGAN_AT + 30_000
    about = Disposition(
        id="agent:bob:9",
        site="main",
        at=at,
        logged_at=at,
        source="observed",
        agent="bob",
        call=CALL,
        queue="sales",
        code="sold",
    )
    rows = shown([*events, about, replace(about, code="")]).splitlines()
    assert rows[-4:-2] == [
        " +30.000 s     disposition   sold, by bob",
        "               disposition   not given, by bob",
    ]
    assert rows[-1].startswith("✓ It adds up")
    talking = shown([*events[:14], replace(about, at=events[13].at), *events[14:]])
    assert "           █  disposition   sold, by bob\n" in talking


def test_redacted_it_tells_no_number_and_no_digit() -> None:
    text = shown(held_call(), redact=True)
    assert "1001" not in text
    assert "pressed (hidden)" in text
    assert "from (hidden) to 100" in text


def test_a_call_that_goes_on_says_so() -> None:
    assert shown(held_call()[:8]).endswith("\nThe call goes on.\n")


def test_a_broken_log_says_what_is_wrong_with_it() -> None:
    events = held_call()
    del events[7]
    text = shown(events)
    assert "This log breaks" in text
    assert "✗ seq is 9, 8 was due" in text


def test_nothing_to_show_shows_nothing() -> None:
    assert shown([]).strip() == ""


@given(name=st.text(max_size=60), digits=st.text(min_size=1, max_size=5), width=st.sampled_from([80, 100]))
def test_no_name_reaches_the_terminal_unescaped(name: str, digits: str, width: int) -> None:
    events = held_call()
    arrived, pressed = events[0], events[2]
    assert isinstance(arrived, Arrived)
    assert isinstance(pressed, Input)
    events[0], events[2] = replace(arrived, from_=name), replace(pressed, digits=digits)
    text = shown(events, width)
    assert all(char.isprintable() or char == "\n" for char in text)
    assert line(events[0]).isprintable()
    assert line(events[2]).isprintable()


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("+44 20 7946 0001", "+44 20 7946 0001"),
        ("", ""),
        ("Zoë", "Zoë"),
        ("a\nb", r'"a\nb"'),
        ('say "hi"', r'"say \"hi\""'),
        ("back\\slash", r'"back\\slash"'),
        ("\x1b[31mred", r'"\x1b[31mred"'),
        ("\x9b31m", r'"\x9b31m"'),
        ("right\u202eleft", r'"right\u202eleft"'),
        ("[bold]x[/bold]", '"[bold]x[/bold]"'),
        ("&${EXTEN}", '"&${EXTEN}"'),
        ("\udce9", r'"\udce9"'),
        ("4" * 4096, "4" * 48 + "… (4096 characters)"),
    ],
)
def test_what_is_odd_is_quoted_and_escaped(text: str, safe: str) -> None:
    assert printable(text) == safe


def test_json_means_the_same_and_obeys_nobody() -> None:
    odd = '{"from":"é \\u001b \x7f\x9b\u202e😀\U000e0001"}'
    safe = printable_json(odd)
    assert safe == '{"from":"é \\u001b \\u007f\\u009b\\u202e😀\\udb40\\udc01"}'
    assert safe.isprintable()


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "0 s"),
        (840, "840 ms"),
        (3210, "3.2 s"),
        (59_960, "1 min 00 s"),
        (125_000, "2 min 05 s"),
        (3_720_000, "1 h 02 min"),
    ],
)
def test_durations_read_well(ms: int, words: str) -> None:
    assert duration(ms) == words


@given(seed=st.integers(min_value=0, max_value=2**32), width=st.integers(min_value=10, max_value=120))
def test_the_bar_has_its_width_and_the_spans_tile(seed: int, width: int) -> None:
    log = [event for event in made_log(seed, 1) if isinstance(event, CallEvent)]
    assert len(bar(log, width)) == width
    life = spans(log)
    assert sum(span.end - span.begin for span in life) == log[-1].at - log[0].at
    assert all(one.end == two.begin for one, two in pairwise(life))
