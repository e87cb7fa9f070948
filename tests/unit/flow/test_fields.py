"""Every field of every step: changing it changes what happens. A field without a case fails the last test."""

import dataclasses
from dataclasses import dataclass

import pytest

from ivr.flow.script import Party
from ivr.flow.values import Value
from ivr.flow.web import Reply
from ivr.steps import verbs
from tests.unit.flow.calls import Agents, Script, call
from tests.unit.flow.test_deciding import FIELDS

OFFERED = "next: {accepted: a, declined: b, skipped: c}"
FAILING = "next: {done: a, failed: b}"
NEXT = {
    "menu": "next: {1: a, 12: b, invalid: c, timeout: d}",
    "gather": "next: {done: a, invalid: b, timeout: c}",
    "record": "next: {done: a, empty: b}",
    "voicemail": "next: {done: a, empty: b}",
    "survey": "next: {done: a, invalid: b, timeout: c, skipped: d}",
    "hangup": "",
    "http": FAILING,
    "transfer": FAILING,
    "offer": OFFERED,
}
R = "into: n, "
RECORDED = "test-1-1-1"
Q = "play: m, into: n, "
NOTICE = (
    '{"box":"z","message":"test-1-1-1","call":"test-1.1","caller":"030123456","called":"100","length_s":10.0}'
)
ENDS = "\n".join(f"  {name}: {{hangup: }}" for name in "abcd")


@dataclass(frozen=True)
class Case:
    """Two values of a field, and how the two calls begin or end because of it."""

    verb: str
    field: str
    fields: str
    """The verb's other fields."""
    values: tuple[str, str]
    """Two values; empty: the field is not written."""
    expected: tuple[str, str]
    """One line of the story that only this value's call has."""
    script: Script = dataclasses.field(default_factory=Script)


URL = "url: https://x.test/"
AGAIN = Script(replies=[Reply(503), Reply(200)])
ASK, TELL = "0.0 ask get https://x.test/", '0.0 post post https://x.test/ {"a":"b"}'
LIST = Script(replies=[Reply(200, b'{"a":[]}')])
HOOK = f"{URL}, send: {{a: b}}"
OUT = Script(outside={"1": Party(after_s=10)})
DECLINED = Script(outside={"1": Party("declined", after_s=10)})
ASKED, PRESSES = "number: 1, announce: who", "the other presses"
GOODS = "when: yes, say: x"
OFFERING = [
    Case("offer", "name", GOODS, ("a", "b"), ("0.0 play say:x", "-"), Script(known=["offer b"])),
    Case("offer", "when", "name: a, say: x", ("yes", "no"), ("0.0 play say:x", "0.0 step main/c")),
    Case("offer", "play", "name: a, when: yes", ("m", "n"), ("0.0 play en/m", "0.0 play en/n")),
    Case("offer", "say", "name: a, when: yes", ("m", "n"), ("0.0 play say:m", "0.0 play say:n")),
    Case(
        "offer",
        "accept",
        f"name: a, {GOODS}",
        ("2", ""),
        ("1.0 step main/a", "1.0 step main/b"),
        Script({1.0: "2"}),
    ),
    Case("offer", "timeout_s", f"name: a, {GOODS}", ("1", ""), ("3.0 step main/b", "7.0 step main/b")),
    Case(
        "offer",
        "again_days",
        f"name: a, {GOODS}",
        ("0", ""),
        ("0.0 play say:x", "0.0 step main/c"),
        Script(known=["offer a"]),
    ),
]
Z = "box: z, say: g, "
HASH = Script({4.0: "#"})
LEAVING = [
    Case("voicemail", "box", "say: g", ("x", "y"), ("- box=x", "- box=y")),
    Case("voicemail", "play", "box: z", ("m", "n"), ("0.0 play en/m", "0.0 play en/n")),
    Case("voicemail", "say", "box: z", ("m", "n"), ("0.0 play say:m", "0.0 play say:n")),
    Case(
        "voicemail",
        "notify",
        Z,
        ("https://x.test/", "https://y.test/"),
        (
            "12.0 post post https://x.test/ " + NOTICE,
            "12.0 post post https://y.test/ " + NOTICE,
        ),
    ),
    Case("voicemail", "max_s", Z, ("3", "7"), ("5.0 step main/a", "9.0 step main/a"), Script(speaks_s=20)),
    Case("voicemail", "silence_s", Z, ("2", "4"), ("9.0 step main/a", "11.0 step main/a")),
    Case("voicemail", "min_s", Z, ("6", "5"), ("12.0 step main/b", "12.0 step main/a")),
    Case("voicemail", "end_key", Z, ("", "none"), ("4.0 step main/a", "12.0 step main/a"), HASH),
    Case("voicemail", "beep", Z, ("yes", "no"), ("2.0 beep", "-")),
    Case("voicemail", "review", Z, ("", "r"), ("12.0 step main/a", "14.0 play en/r")),
    Case("voicemail", "retries", Z + "review: r", ("0", ""), ("12.0 step main/a", "14.0 play en/r")),
]
V = "name: s, ask: q, "
AGREED = {"survey s": "accepted"}


def rated(key: str, **more: Value) -> Script:
    return Script({3.0: key}, variables={**AGREED, **more})


MUTE = Script(variables=AGREED)
SURVEYING = [
    Case("survey", "name", "ask: q", ("s", "t"), ("0.0 play en/q", "0.0 step main/d"), MUTE),
    Case("survey", "invite", "name: s", ("m", "n"), ("0.0 play en/m", "0.0 play en/n")),
    Case("survey", "ask", "name: s", ("m", "n"), ("0.0 play en/m", "0.0 play en/n"), MUTE),
    Case("survey", "lowest", V, ("", "2"), ("3.0 step main/a", "3.0 play en/q"), rated("1")),
    Case("survey", "highest", V, ("6", ""), ("3.0 step main/a", "3.0 play en/q"), rated("6")),
    Case("survey", "timeout_s", V + "retries: 0", ("3", ""), ("5.0 step main/c", "7.0 step main/c"), MUTE),
    Case("survey", "retries", V + "timeout_s: 1", ("0", ""), ("3.0 step main/c", "9.0 step main/c"), MUTE),
    Case("survey", "invalid", V, ("x", "{say: x}"), ("3.0 play en/x", "3.0 play say:x"), rated("9")),
    Case("survey", "uninvited", V, ("yes", ""), ("0.0 play en/q", "0.0 step main/d")),
]
ASKING = [
    Case("transfer", "number", "", ("1", '"{caller.number}"'), ("0.0 call 1", "0.0 call 030123456")),
    Case("transfer", "agent", "", ("alice", "bob"), ("0.0 wait for alice", "0.0 wait for bob")),
    Case("transfer", "ring_s", "number: 1", ("9", ""), ("9.0 step main/b", "10.0 talk"), OUT),
    Case("transfer", "announce", "number: 1", ("", "who"), ("10.0 talk", "13.0 talk"), OUT),
    Case("transfer", "accept", ASKED, ("", "5"), (f"13.0 {PRESSES} 1", f"13.0 {PRESSES} 5"), OUT),
    Case("transfer", "refuse", ASKED, ("", "5"), (f"13.0 {PRESSES} 2", f"13.0 {PRESSES} 5"), DECLINED),
    Case("transfer", "asked_s", ASKED, ("2", ""), ("12.0 step main/b", "13.0 talk"), OUT),
    Case("http", "url", "", ("https://x.test/", "https://y.test/"), (ASK, "0.0 ask get https://y.test/")),
    Case("http", "method", URL, ("", "delete"), (ASK, "0.0 ask delete https://x.test/")),
    Case("http", "headers", URL, ("", '{X-Me: "{caller.name}"}'), (ASK, f"{ASK} X-Me: Ada")),
    Case(
        "http",
        "send",
        f"{URL}, method: post",
        ("{a: x}", '{a: "{1}"}'),
        ('0.0 ask post https://x.test/ {"a":"x"}', '0.0 ask post https://x.test/ {"a":1}'),
    ),
    Case("http", "save", URL, ("", "{x: a}"), ("1.0 step main/a", "1.0 step main/b"), LIST),
    Case("http", "timeout_s", URL, ("0.5", ""), ("0.5 step main/b", "1.0 step main/a")),
    Case("http", "retries", URL, ("0", ""), ("1.0 step main/b", "2.0 step main/a"), AGAIN),
    Case(
        "webhook",
        "url",
        "send: {a: b}",
        ("https://x.test/", "https://y.test/"),
        (TELL, TELL.replace("x.test", "y.test")),
    ),
    Case("webhook", "send", URL, ("{a: b}", "{a: [b]}"), (TELL, TELL.replace('"b"', '["b"]'))),
    Case("webhook", "method", HOOK, ("", "put"), (TELL, TELL.replace("post post", "post put"))),
    Case("webhook", "headers", HOOK, ("", "{X-Me: c}"), (TELL, f"{TELL} X-Me: c")),
]
BUSY = Script(agents={"sales": Agents(after_s=20)})
CASES = [
    Case("play", "files", "", ("hello", "[other, hello]"), ("0.0 play en/hello", "2.0 play en/hello")),
    Case(
        "play", "interrupt", "files: x", ("yes", "no"), ("1.0 stop", "2.0 step main/end"), Script({1.0: "5"})
    ),
    Case("play", "answer", "files: x", ("yes", "no"), ("0.0 answer", "-"), Script()),
    Case("say", "text", "", ("Hello", "Good day"), ("0.0 play say:Hello", "0.0 play say:Good day")),
    Case("say", "interrupt", "text: x", ("yes", "no"), ("1.0 stop", "2.0 step main/end"), Script({1.0: "5"})),
    Case("say", "answer", "text: x", ("yes", "no"), ("0.0 answer", "-"), Script()),
    Case("queue", "name", "", ("sales", "support"), ("0.0 wait in sales", "0.0 wait in support")),
    Case("queue", "head_start_s", "name: s", ("", "30"), ("0.0 wait in s", "0.0 wait in s, 30 s ahead")),
    Case(
        "queue",
        "needs",
        "name: s",
        ("a", "anybody"),
        ("0.0 wait in s, needs 0:a", "0.0 wait in s, needs anybody"),
    ),
    Case(
        *("queue", "relax", "name: s, needs: a", ("", "[{after_s: 9, needs: anybody}]")),
        ("0.0 wait in s, needs 0:a", "0.0 wait in s, needs 0:a|9:"),
    ),
    Case("queue", "max_wait_s", "name: sales", ("15", "25"), ("15.0 step main/end", "20.0 talk"), BUSY),
    Case("hangup", "cause", "", ("busy", "congestion"), ("0.0 hangup busy", "0.0 hangup congestion")),
    *ASKING,
    *OFFERING,
    *LEAVING,
    *SURVEYING,
    Case("menu", "play", "", ("m", "n"), ("0.0 play en/m", "0.0 play en/n")),
    Case("menu", "say", "", ("m", "n"), ("0.0 play say:m", "0.0 play say:n")),
    Case(
        "menu", "digits", "play: m", ("1", "2"), ("2.5 step main/a", "2.5 step main/b"), Script({2.5: "12"})
    ),
    Case("menu", "timeout_s", "play: m, retries: 0", ("3", ""), ("5.0 step main/d", "7.0 step main/d")),
    Case(
        "menu",
        "between_s",
        "play: m, digits: 2",
        ("1", ""),
        ("4.0 step main/a", "6.0 step main/a"),
        Script({3.0: "1"}),
    ),
    Case("menu", "retries", "play: m, timeout_s: 1", ("0", ""), ("3.0 step main/d", "9.0 step main/d")),
    Case(
        "menu",
        "invalid",
        "play: m",
        ("oops", "{say: No}"),
        ("3.0 play en/oops", "3.0 play say:No"),
        Script({3.0: "9"}),
    ),
    Case("menu", "timeout", "play: m", ("oops", "{say: Yes?}"), ("7.0 play en/oops", "7.0 play say:Yes?")),
    Case(
        "menu",
        "barge_in",
        "play: m",
        ("yes", "no"),
        ("1.0 step main/a", "2.0 step main/a"),
        Script({1.0: "1"}),
    ),
    Case("gather", "play", "into: n", ("m", "n"), ("0.0 play en/m", "0.0 play en/n")),
    Case("gather", "say", "into: n", ("m", "n"), ("0.0 play say:m", "0.0 play say:n")),
    Case("gather", "into", "play: m, max_digits: 1", ("x", "y"), ("- x=1", "- y=1"), Script({2.5: "1"})),
    Case("gather", "timeout_s", Q + "retries: 0", ("3", ""), ("5.0 step main/c", "7.0 step main/c")),
    Case("gather", "between_s", Q, ("1", ""), ("4.0 step main/a", "6.0 step main/a"), Script({3.0: "1"})),
    Case("gather", "retries", Q + "timeout_s: 1", ("0", ""), ("3.0 step main/c", "9.0 step main/c")),
    Case("gather", "invalid", Q, ("x", "{say: x}"), ("3.0 play en/x", "3.0 play say:x"), Script({3.0: "#"})),
    Case("gather", "timeout", Q, ("x", "{say: x}"), ("7.0 play en/x", "7.0 play say:x")),
    Case("gather", "barge_in", Q, ("yes", "no"), ("1.0 step main/a", "2.0 step main/a"), Script({1.0: "1#"})),
    Case("gather", "flush", Q, ("no", "yes"), ("0.0 step main/a", "0.0 play en/m"), Script({0.0: "1#"})),
    Case("gather", "min_digits", Q, ("", "3"), ("3.0 step main/a", "3.0 play en/m"), Script({3.0: "12#"})),
    Case(
        "gather", "max_digits", Q, ("2", "3"), ("3.0 step main/a", "- n=123"), Script({3.0: "12", 3.5: "3"})
    ),
    Case("gather", "end_key", Q, ("", "'*'"), ("- n=12*", "- n=12"), Script({3.0: "12*#"})),
    Case("gather", "pattern", Q, ("12", "1"), ("3.0 step main/a", "3.0 play en/m"), Script({3.0: "12#"})),
    Case("gather", "confirm", Q, ("", "c"), ("3.0 step main/a", "5.0 play en/c"), Script({3.0: "1#"})),
    Case("gather", "sensitive", Q, ("no", "yes"), ("- n=1", "-"), Script({3.0: "1#"})),
    Case("record", "into", "", ("x", "y"), (f"- x={RECORDED}", f"- y={RECORDED}")),
    Case("record", "max_s", R, ("3", "7"), ("3.0 step main/a", "7.0 step main/a"), Script(speaks_s=20)),
    Case("record", "silence_s", R, ("2", "4"), ("7.0 step main/a", "9.0 step main/a")),
    Case("record", "min_s", R, ("6", "5"), ("10.0 step main/b", "10.0 step main/a")),
    Case("record", "end_key", R, ("", "none"), ("3.0 step main/a", "10.0 step main/a"), Script({3.0: "#"})),
    Case("record", "beep", R, ("yes", "no"), ("0.0 beep", "-")),
    Case("record", "review", R, ("", "r"), ("10.0 step main/a", "12.0 play en/r")),
    Case("record", "retries", R + "review: r", ("0", ""), ("10.0 step main/a", "12.0 play en/r")),
    Case("menu", "flush", "play: m", ("no", "yes"), ("0.0 step main/a", "0.0 play en/m"), Script({0.0: "1"})),
]


def _told(case: Case, value: str) -> list[str]:
    fields = ", ".join(
        part for part in (case.fields.removesuffix(", "), f"{case.field}: {value}" if value else "") if part
    )
    following = NEXT.get(case.verb, "next: end")
    if "invite" in (case.field, *fields.split(": ")):
        following = "next: {accepted: a, declined: b}"
    text = f"steps:\n  first:\n    {case.verb}: {{{fields}}}\n    {following}\n  end: {{hangup: }}\n{ENDS}"
    if value != "2" and case.field != "between_s":
        text = text.replace(" 12: b,", "")  # a choice that needs more than one key
    line = call(text, case.script)
    logged = [f"- box={fields['box']}" for kind, fields in line.notes if "box" in fields]
    known = [f"- {name}={value}" for name, value in line.variables.items()]
    return [f"{at} {what}" for at, what in line.told] + known + logged


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.verb}.{case.field}")
def test_changing_the_field_changes_what_happens(case: Case) -> None:
    one, other = (_told(case, value) for value in case.values)
    assert one != other
    for own, story, foreign in ((case.expected[0], one, other), (case.expected[1], other, one)):
        if own != "-":
            assert own in story
            assert own not in foreign


def test_every_field_has_a_case() -> None:
    mine = {verb: kind for verb, kind in verbs().items() if verb not in FIELDS}
    fields = {(verb, name) for verb, kind in mine.items() for name in kind.model_fields if name != "next"}
    assert fields == {(case.verb, case.field) for case in CASES}
