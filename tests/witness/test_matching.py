"""The comparison: equal accounts match, and each kind of difference that is planted is found and named."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.witness.facts import CALLER, NOBODY, By, Fact, What
from tests.witness.matching import Matched, match

NUMBER = "4930000001"
T0 = 1_795_367_000_000.0

Calls = dict[str, list[Fact]]


def story(late_ms: float = 0) -> list[Fact]:
    """A caller waits, talks to alice, is put on hold by her twice, holds once himself, hangs up."""
    lines: list[tuple[What, str, float]] = [
        ("arrived", CALLER, 0),
        ("answered", CALLER, 5),
        ("music", CALLER, 8),
        ("rung", "alice", 20),
        ("picked up", "alice", 1_000),
        ("music over", CALLER, 1_004),
        ("bridged", "alice", 1_005),
        ("hold", "alice", 2_000),
        ("unhold", "alice", 3_000),
        ("hold", CALLER, 4_000),
        ("unhold", CALLER, 4_500),
        ("hold", "alice", 6_000),
        ("unhold", "alice", 6_700),
    ]
    facts = [Fact(what, who, T0 + at + late_ms) for what, who, at in lines]
    facts.append(Fact("leg over", "alice", T0 + 9_000 + late_ms, "us"))
    facts.append(Fact("ended", CALLER, T0 + 9_000 + late_ms, "self"))
    return facts


@dataclass
class World:
    """What each witness tells."""

    phones: Calls = field(
        default_factory=lambda: {
            NUMBER: [f for f in story() if f.what not in ("music", "music over", "bridged")]
        }
    )
    log: Calls = field(default_factory=lambda: {NUMBER: [f for f in story(2) if f.what != "picked up"]})
    asterisk: Calls = field(default_factory=lambda: {NUMBER: story(3)})

    def matched(self) -> Matched:
        return match({"phones": self.phones, "log": self.log, "asterisk": self.asterisk})


def texts(world: World) -> list[str]:
    return [str(difference) for difference in world.matched().unmatched]


def drop(calls: Calls, what: What, who: str, nth: int = 0) -> Fact:
    """Take the nth such fact out."""
    own = [fact for fact in calls[NUMBER] if (fact.what, fact.who) == (what, who)]
    calls[NUMBER].remove(own[nth])
    return own[nth]


def test_the_same_story_told_by_three_matches() -> None:
    matched = World().matched()
    assert matched.unmatched == []
    assert (matched.calls, matched.fleeting) == (1, 0)
    assert matched.apart_ms[("phones", "log"), "hold"] == [2, 2, 2]
    assert matched.apart_ms[("log", "asterisk"), "music"] == [1]
    assert (("phones", "log"), "music") not in matched.apart_ms, "a telephone cannot see it"
    assert (("phones", "log"), "picked up") not in matched.apart_ms, "the log does not tell it"


def test_the_order_in_which_they_tell_does_not_matter() -> None:
    world = World()
    world.asterisk[NUMBER].reverse()
    assert world.matched().unmatched == []


@pytest.mark.parametrize("lacks", ["phones", "log", "asterisk"])
@pytest.mark.parametrize(
    ("what", "who"), [("hold", "alice"), ("unhold", CALLER), ("ended", CALLER), ("leg over", "alice")]
)
def test_what_one_witness_lacks_is_missing_there(lacks: str, what: What, who: str) -> None:
    world = World()
    drop(getattr(world, lacks), what, who)
    found = world.matched().unmatched
    assert {(each.what, each.who) for each in found} == {(what, who)}
    assert len(found) == 2, "both others have it"
    assert all(each.text.endswith(f"{lacks} does not") for each in found)


def test_it_is_the_right_one_of_two_holds_that_is_missing() -> None:
    world = World()
    gone = drop(world.log, "hold", "alice", nth=0)
    first, second = world.matched().unmatched
    assert f"phones has it ({gone.at - 2:.0f}), log does not" in first.text
    assert f"asterisk has it ({gone.at + 1:.0f}), log does not" in second.text
    assert max(world.matched().apart_ms[("phones", "log"), "hold"]) == 2, (
        "the second one is paired with its own"
    )


def test_a_hold_of_the_other_party_is_no_hold_of_this_one() -> None:
    world = World()
    hold = drop(world.log, "hold", "alice", nth=1)
    world.log[NUMBER].append(hold._replace(who=CALLER))
    assert {(each.what, each.who) for each in world.matched().unmatched} == {
        ("hold", "alice"),
        ("hold", CALLER),
    }


def test_an_instant_too_far_away_is_named_with_its_distance() -> None:
    world = World()
    end = drop(world.log, "ended", CALLER)
    world.log[NUMBER].append(end._replace(at=end.at + 300))
    assert texts(world) == [
        f"{NUMBER}: ended of caller: log says +302 ms beside phones",
        f"{NUMBER}: ended of caller: asterisk says -299 ms beside log",
    ]


def test_an_instant_at_the_border_is_near_enough() -> None:
    world = World()
    end = drop(world.phones, "ended", CALLER)
    world.phones[NUMBER].append(end._replace(at=end.at - 247))
    assert texts(world) == []
    world.phones[NUMBER][-1] = end._replace(at=end.at - 248)
    assert texts(world) == [f"{NUMBER}: ended of caller: asterisk says +251 ms beside phones"]


@pytest.mark.parametrize(("what", "who", "by"), [("ended", CALLER, "us"), ("leg over", "alice", "self")])
def test_the_other_party_hung_up(what: What, who: str, by: str) -> None:
    world = World()
    fact = drop(world.log, what, who)
    world.log[NUMBER].append(fact._replace(by=by))  # type: ignore[arg-type]
    assert texts(world) == [
        f"{NUMBER}: {what} of {who}: phones says by {fact.by}, log by {by}",
        f"{NUMBER}: {what} of {who}: log says by {by}, asterisk by {fact.by}",
    ]


def test_who_cannot_tell_contradicts_nobody() -> None:
    world = World()
    end = drop(world.phones, "ended", CALLER)
    world.phones[NUMBER].append(end._replace(by=""))
    assert texts(world) == []


def test_a_transfer_is_our_hangup_for_asterisk_but_not_for_the_phone() -> None:
    world = World()
    for calls in (world.phones, world.log):
        calls[NUMBER].append(drop(calls, "leg over", "alice")._replace(by="gave"))
    assert texts(world) == []
    world.log[NUMBER][-1] = world.log[NUMBER][-1]._replace(by="us")
    assert texts(world) == [f"{NUMBER}: leg over of alice: phones says by gave, log by us"]


@pytest.mark.parametrize("lacks", ["phones", "log", "asterisk"])
def test_a_call_that_one_does_not_know(lacks: str) -> None:
    world = World()
    getattr(world, lacks).clear()
    assert texts(world) == [f"{NUMBER}: {lacks} knows nothing of this call"]
    assert world.matched().calls == 0


def fleeting(world: World) -> None:
    """The log has an offer to bob that was taken back after 4 ms."""
    world.log[NUMBER].append(Fact("rung", "bob", T0 + 500))
    world.log[NUMBER].append(Fact("leg over", "bob", T0 + 504, "us", fleeting=True))


def test_an_offer_taken_back_before_the_phone_was_dialled_is_counted() -> None:
    world = World()
    fleeting(world)
    matched = world.matched()
    assert (matched.unmatched, matched.fleeting) == ([], 1)


def rings_for_long(world: World) -> None:
    world.log[NUMBER][-1] = world.log[NUMBER][-1]._replace(at=T0 + 2_500)


def is_the_agents_fault(world: World) -> None:
    world.log[NUMBER][-1] = world.log[NUMBER][-1]._replace(fleeting=False)


def rang_at_asterisk(world: World) -> None:
    world.asterisk[NUMBER].append(Fact("rung", "bob", T0 + 505))


@pytest.mark.parametrize("but", [rings_for_long, is_the_agents_fault, rang_at_asterisk])
def test_any_other_offer_that_no_phone_has_seen_is_a_difference(but: Callable[[World], None]) -> None:
    world = World()
    fleeting(world)
    but(world)
    matched = world.matched()
    assert matched.fleeting == 0
    assert ("rung", "bob") in {(each.what, each.who) for each in matched.unmatched}


# What crosses on its way


def dialled_for_nobody(world: World) -> None:
    """The caller hung up as bob's phone was dialled."""
    fleeting(world)
    world.phones[NOBODY] = [Fact("rung", "bob", T0 + 503), Fact("leg over", "bob", T0 + 504, "us")]
    world.asterisk[NUMBER] += [Fact("rung", "bob", T0 + 503), Fact("leg over", "bob", T0 + 505, "us")]


def test_a_leg_dialled_as_the_caller_hung_up_is_his() -> None:
    world = World()
    dialled_for_nobody(world)
    world.log["4930000002"] = world.phones["4930000002"] = world.asterisk["4930000002"] = [
        Fact("rung", "bob", T0 + 505),
        Fact("leg over", "bob", T0 + 520, "us"),
    ]
    matched = world.matched()
    assert (matched.unmatched, matched.calls, matched.fleeting, matched.crossed) == ([], 2, 0, 1)


def offered_long_before(world: World) -> None:
    world.log[NUMBER] = [
        fact._replace(at=fact.at - 300) if fact.who == "bob" else fact for fact in world.log[NUMBER]
    ]


def offered_to_another(world: World) -> None:
    world.log[NUMBER] = [
        fact._replace(who="eve") if fact.who == "bob" else fact for fact in world.log[NUMBER]
    ]


@pytest.mark.parametrize("but", [offered_long_before, offered_to_another])
def test_a_phone_that_rings_for_nobody_is_a_difference(but: Callable[[World], None]) -> None:
    world = World()
    dialled_for_nobody(world)
    but(world)
    assert f"{NOBODY}: log and asterisk know nothing of this call" in texts(world)


def late_hold(world: World, before_end_ms: float) -> None:
    """Phones and Asterisk saw alice hold just before her leg ended, the log did not."""
    for calls in (world.phones, world.asterisk):
        over = next(fact.at for fact in calls[NUMBER] if fact.what == "leg over")
        calls[NUMBER] += [
            Fact("hold", "alice", over - before_end_ms),
            Fact("unhold", "alice", over),
        ]


def test_a_hold_that_crosses_the_hangup_need_not_be_one_for_all() -> None:
    world = World()
    late_hold(world, 15)
    matched = world.matched()
    assert (matched.unmatched, matched.crossed) == ([], 1)


def test_a_longer_one_must() -> None:
    world = World()
    late_hold(world, 25)
    matched = world.matched()
    assert {(each.what, each.who) for each in matched.unmatched} == {("hold", "alice"), ("unhold", "alice")}
    assert matched.crossed == 0


def test_a_short_one_in_the_middle_of_a_talk_must() -> None:
    world = World()
    for calls in (world.phones, world.asterisk):
        calls[NUMBER] += [Fact("hold", "alice", T0 + 8_000), Fact("unhold", "alice", T0 + 8_010)]
    matched = world.matched()
    assert len(matched.unmatched) == 4
    assert matched.crossed == 0


def test_music_that_the_caller_did_not_live_to_hear_crossed_his_hangup() -> None:
    """He was given to another queue, and hung up before its music had begun."""
    world = World()
    for late_ms, crossed in ((0, 1), (30, 0)):
        world.log[NUMBER] += [
            Fact("music", CALLER, T0 + 9_002 - late_ms),
            Fact("music over", CALLER, T0 + 9_002),
        ]
        matched = world.matched()
        assert (len(matched.unmatched), matched.crossed) == (2 * (1 - crossed), crossed)
        del world.log[NUMBER][-2:]


def test_a_bridge_that_the_caller_did_not_live_to_enter_crossed_his_hangup() -> None:
    """He hung up while bob's phone was being connected with him."""
    for before_ms, crossed in ((6, 1), (30, 0)):
        world = World()
        for calls in (world.phones, world.log, world.asterisk):
            calls[NUMBER] += [
                Fact("rung", "bob", T0 + 8_000),
                Fact("leg over", "bob", T0 + 9_006, "us"),
            ]
        for calls in (world.phones, world.asterisk):
            calls[NUMBER].append(Fact("picked up", "bob", T0 + 8_900))
        world.asterisk[NUMBER].append(Fact("bridged", "bob", T0 + 9_003 - before_ms))
        matched = world.matched()
        assert (len(matched.unmatched), matched.crossed) == (1 - crossed, crossed)


@pytest.mark.parametrize(("before_ms", "crossed"), [(15, 1), (25, 0)])
def test_a_phone_that_is_picked_up_as_we_stop_ringing_it_need_not_be_for_asterisk(
    before_ms: float, crossed: int
) -> None:
    """The caller has hung up, bob's 200 and our CANCEL meet on the wire."""
    world = World()
    for calls in (world.phones, world.log, world.asterisk):
        calls[NUMBER] += [Fact("rung", "bob", T0 + 8_700), Fact("leg over", "bob", T0 + 9_020, "us")]
    world.phones[NUMBER].append(Fact("picked up", "bob", T0 + 9_020 - before_ms))
    matched = world.matched()
    assert (len(matched.unmatched), matched.crossed) == (1 - crossed, crossed)


def test_a_pick_up_before_the_callers_hangup_is_one_though_that_came_soon() -> None:
    """Only the end of his own phone's leg crosses it."""
    world = World()
    for calls in (world.phones, world.log, world.asterisk):
        calls[NUMBER] += [Fact("rung", "bob", T0 + 8_700), Fact("leg over", "bob", T0 + 9_100, "us")]
    world.phones[NUMBER].append(Fact("picked up", "bob", T0 + 8_990))
    assert [each.what for each in world.matched().unmatched] == ["picked up"]


def hung_up(calls: Calls, by: By, at: float) -> None:
    """Alice's leg ends so."""
    drop(calls, "leg over", "alice")
    calls[NUMBER].append(Fact("leg over", "alice", at, by))


def test_if_both_phones_hang_up_at_once_either_may_have_been_first() -> None:
    world = World()
    hung_up(world.phones, "self", T0 + 9_004)
    hung_up(world.asterisk, "self", T0 + 9_006)
    matched = world.matched()
    assert (matched.unmatched, matched.crossed) == ([], 1), "the log says that the caller was first"


def test_but_not_if_one_of_them_was_clearly_first() -> None:
    world = World()
    hung_up(world.phones, "self", T0 + 8_960)
    hung_up(world.asterisk, "self", T0 + 8_962)
    assert {each.text for each in world.matched().unmatched} == {
        "phones says by self, log by us",
        "log says by us, asterisk by self",
    }


def test_nor_if_only_the_log_says_that_the_agent_hung_up() -> None:
    world = World()
    hung_up(world.log, "self", T0 + 9_003)
    assert len(world.matched().unmatched) == 2
    assert world.matched().crossed == 0


def flow_ends(world: World, step_ms_before: float) -> None:
    """By the log we hung up 4 ms after the caller did by his own words, and a step was over before."""
    end = drop(world.log, "ended", CALLER)
    world.log[NUMBER].append(end._replace(by="us", at=T0 + 9_004))
    world.log[NUMBER].append(Fact("step over", CALLER, T0 + 9_004 - step_ms_before))


def test_if_the_caller_hangs_up_as_the_flow_ends_either_may_have_been_first() -> None:
    world = World()
    flow_ends(world, 3)
    matched = world.matched()
    assert (matched.unmatched, matched.crossed) == ([], 1)


def test_but_not_if_the_flow_had_not_just_ended() -> None:
    world = World()
    flow_ends(world, 30)
    assert {each.text for each in world.matched().unmatched} == {
        "phones says by self, log by us",
        "log says by us, asterisk by self",
    }


def test_nothing_to_compare() -> None:
    assert match({"phones": {}, "log": {}, "asterisk": {}}) == ({}, [], 0, 0, 0)
