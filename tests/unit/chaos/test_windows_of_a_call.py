"""In which window of its life a call is, point by point."""

from tests.chaos.windows import BRIDGE, CLAIM, RESERVE, RING, SETTLE, Windows

WAY = [
    ("event CallBroadcast before", []),
    ("ari POST events/claim before", [CLAIM]),
    ("event StasisStart before", [CLAIM]),
    ("script arrive after", [CLAIM]),
    ("script join before", []),
    ("reserved", [RESERVE]),
    ("ari POST channels/*/dial sent", [RESERVE]),
    ("event Ringing before", [RESERVE, RING]),
    ("event Up after", [RING]),
    ("script settle before", [RING, SETTLE]),
    ("script connected after", [SETTLE, BRIDGE]),
    ("event ChannelHold before", [BRIDGE]),
    ("script ended after", [BRIDGE]),
    ("event ChannelDestroyed before", []),
]


def test_a_call_comes_through_every_window() -> None:
    windows = Windows()
    passed = [(point, [window for window, _ in windows.pass_by("c", point)]) for point, _ in WAY]
    assert passed == WAY


def test_a_declined_offer_ends_its_window_and_the_next_one_begins_anew() -> None:
    windows = Windows()
    for point in ("reserved", "event Ringing before", "script decline after"):
        list(windows.pass_by("c", point))
    assert windows.open("c") == ""
    assert list(windows.pass_by("c", "reserved")) == [(RESERVE, True)]


def test_calls_do_not_meet() -> None:
    windows = Windows()
    list(windows.pass_by("one", "ari POST events/claim before"))
    assert windows.open("one") == CLAIM
    assert windows.open("two") == ""
