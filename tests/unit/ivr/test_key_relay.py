"""Keys for the caller: in order, few at a time, never more than a talk can bear."""

from itertools import pairwise

from ivr.key_relay import AT_ONCE, LEAD_MS, MOST_WAITING, PAUSE_MS, PRESS_MS, KeyRelay


def busy_s(keys: str) -> float:
    return (LEAD_MS + len(keys) * (PRESS_MS + PAUSE_MS)) / 1000


def relayed(presses: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """What was sent, and when, if these are pressed at these times."""
    sent: list[tuple[float, str]] = []
    now = 0.0
    relay = KeyRelay(lambda keys: sent.append((now, keys)))
    for at, keys in [*presses, (float("inf"), "")]:
        while relay.until is not None and relay.until <= at:
            now = relay.until
            relay.go_on(now)
        if keys:
            now = at
            relay.press(keys, at)
    return sent


def test_who_types_slowly_is_heard_at_once() -> None:
    presses = [(float(number), key) for number, key in enumerate("12*#")]
    assert relayed(presses) == presses


def test_asterisk_has_few_keys_at_once_and_all_in_their_order() -> None:
    typed = "".join(str(number % 10) for number in range(20))
    sent = relayed([(number * 0.06, key) for number, key in enumerate(typed)])
    assert "".join(keys for _, keys in sent) == typed
    assert max(len(keys) for _, keys in sent) == AT_ONCE
    for (at, keys), (following, _) in pairwise(sent):
        assert following - at >= busy_s(keys) - 1e-9, "the last are played by then"


def test_who_leans_on_a_key_is_not_heard_for_minutes() -> None:
    sent = relayed([(number * 0.001, "7") for number in range(1000)])
    assert len("".join(keys for _, keys in sent)) <= MOST_WAITING + AT_ONCE * 5
    assert sent[-1][0] < 6


def test_nothing_is_sent_too_early_or_twice() -> None:
    sent: list[str] = []
    relay = KeyRelay(sent.append)
    relay.press("1", 0.0)
    relay.press("2", 0.01)
    relay.go_on(0.02)
    assert sent == ["1"]
    relay.go_on(1.0)
    relay.go_on(2.0)
    assert sent == ["1", "2"]
    assert relay.until is None


def test_what_is_forgotten_is_not_sent() -> None:
    sent: list[str] = []
    relay = KeyRelay(sent.append)
    relay.press("1", 0.0)
    relay.press("23", 0.0)
    relay.forget()
    relay.go_on(9.0)
    assert sent == ["1"]
