"""When a caller who waits is told what."""

import itertools

import pytest

from ivr.programme import Programme
from queues.heard import Announce, Heard, PositionNews, Reminders

BOTH = Announce(
    position=PositionNews(first_s=10, every_s=60),
    reminders=Reminders(sounds=(Heard(play=("a",)), Heard(play=("b",))), first_s=30, every_s=30),
    gap_s=5,
)


def walked(announce: Announce, until_s: float, lasts_s: float = 3.0, since_s: float = 0.0) -> list[str]:
    """What is told until then, if every sound lasts so long."""
    programme, told = Programme(since_s=since_s), []
    while (item := programme.next(announce)) is not None and item.at_s < until_s:
        told.append(f"{item.at_s:g} {item.kind} {item.number}")
        programme.passed(item, announce, item.at_s)
        programme.told(item, item.at_s + lasts_s, announce)
    return told


def test_each_has_its_own_times() -> None:
    assert walked(BOTH, 100) == [
        "10 position 0",
        "30 reminder 0",
        "60 reminder 1",
        "70 position 0",
        "90 reminder 0",
    ]


def test_nothing_comes_close_after_another() -> None:
    close = BOTH.model_copy(update={"position": PositionNews(first_s=29, every_s=60)})
    assert walked(close, 40) == ["29 position 0", "37 reminder 0"]
    assert walked(close.model_copy(update={"gap_s": 0}), 40) == ["29 position 0", "32 reminder 0"]


def test_what_a_long_sound_covers_is_left_out() -> None:
    assert walked(BOTH, 130, lasts_s=65) == ["10 position 0", "80 reminder 0"]


def test_whoever_takes_over_goes_on() -> None:
    assert walked(BOTH, 95, since_s=65) == ["70 position 0", "90 reminder 0"]


def test_nothing_is_told_without_settings() -> None:
    assert Programme().next(Announce()) is None


def test_at_random_no_sound_comes_twice_in_a_row() -> None:
    sounds = tuple(Heard(play=(name,)) for name in "abc")
    announce = Announce(reminders=Reminders(sounds=sounds, order="random", first_s=0, every_s=10), gap_s=0)
    numbers = [line.rpartition(" ")[2] for line in walked(announce, 600)]
    assert len(numbers) == 60
    assert set(numbers) == {"0", "1", "2"}
    assert all(one != other for one, other in itertools.pairwise(numbers))


@pytest.mark.parametrize(
    ("news", "told"),
    [
        (PositionNews(), [5, 5, 4, 6, 2]),
        (PositionNews(when="improved"), [5, 4, 2]),
        (PositionNews(up_to=4), [4, 2]),
        (PositionNews(when="improved", up_to=3), [2]),
    ],
)
def test_which_places_are_told(news: PositionNews, told: list[int]) -> None:
    programme = Programme()
    assert [place for place in (0, 5, 5, 4, 6, 2, 0) if programme.worth(place, news)] == told


def test_whoever_takes_over_says_nothing_at_once_and_no_place_twice() -> None:
    improved = BOTH.model_copy(update={"position": PositionNews(when="improved", first_s=10, every_s=60)})
    programme = Programme()
    programme.take_over(88.0, improved)
    item = programme.next(improved)
    assert item is not None
    assert (item.at_s, item.kind) == (93.0, "reminder"), "5 s of music first"
    assert improved.position is not None
    assert [programme.worth(place, improved.position) for place in (3, 3, 2)] == [False, False, True]


def test_who_was_told_nothing_yet_is_told_by_whoever_takes_over() -> None:
    improved = BOTH.model_copy(update={"position": PositionNews(when="improved", first_s=10, every_s=60)})
    programme = Programme()
    programme.take_over(9.0, improved)
    assert improved.position is not None
    assert programme.worth(3, improved.position)


def test_a_longer_time_between_two_is_no_longer_wait_for_the_next() -> None:
    often = BOTH.model_copy(update={"position": PositionNews(first_s=0, every_s=5), "reminders": None})
    seldom = BOTH.model_copy(update={"position": PositionNews(first_s=0, every_s=60), "reminders": None})
    programme = Programme()
    for _ in range(10):
        item = programme.next(often)
        assert item is not None
        programme.passed(item, often, item.at_s)
    assert item is not None
    assert item.at_s == 45
    following = programme.next(seldom)
    assert following is not None
    assert following.at_s == 60
