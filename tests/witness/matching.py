"""Three witnesses of the same calls compared, one call, one kind of fact and two witnesses at a time. Pure.

Facts of one kind about one party are paired in their order in time. Where one witness has more of them, those
are paired that lie nearest, and the others are missing at the other one.

What happens nearer to each other than the accuracy that was promised may be told in either order. So a hold
that crosses the hangup of its leg is none for whom the hangup came first; a telephone that is picked up as
we stop ringing it never was for whom our CANCEL came first; if caller and agent hang up at once, each of
them may have ended the agent's leg; and if the caller hangs up as the flow ends, he or we the call. An
agent's leg that is dialled as the caller hangs up has nobody's number. These are counted, and no differences.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from tests.witness.facts import CALLER, NOBODY, SEES, By, Fact, Told, What

MOST_MS = 250.0
"""Facts further apart than this are not the same one told by two."""

CROSSING_MS = 20.0
"""The accuracy: what is nearer to each other has crossed on its way."""

ENDS: Mapping[What, What | None] = {
    "hold": "unhold",
    "music": "music over",
    "bridged": None,
    "picked up": None,
}
"""What can begin as a leg ends, and how it ends; a bridge and a taken call end with the leg."""

Pair = tuple[str, str]


class Difference(NamedTuple):
    """One thing that two witnesses tell differently."""

    number: str
    what: str
    who: str
    text: str

    def __str__(self) -> str:
        return ": ".join((self.number, *([f"{self.what} of {self.who}"] if self.who else ()), self.text))


class Matched(NamedTuple):
    """What came of it."""

    apart_ms: dict[tuple[Pair, What], list[float]]
    """Two witnesses and a kind → by how much the second one is later, of each fact that both have."""
    unmatched: list[Difference]
    calls: int
    """Of which all witnesses know."""
    fleeting: int
    """Offers that were taken back before the phone was dialled: only the log has them."""
    crossed: int
    """Holds, pick-ups, hangups and rings that crossed a hangup."""


def match(told: Mapping[str, Told], most_ms: float = MOST_MS) -> Matched:
    """Compare what each witness (a key of `SEES`) has told."""
    told, crossed = _named(told)
    numbers = sorted({number for calls in told.values() for number in calls})
    apart: dict[tuple[Pair, What], list[float]] = defaultdict(list)
    unmatched: list[Difference] = []
    calls = fleeting = 0
    for number in numbers:
        without = [witness for witness, own in told.items() if number not in own]
        if without:
            know = "knows" if len(without) == 1 else "know"
            unmatched.append(Difference(number, "call", "", f"{_names(without)} {know} nothing of this call"))
            continue
        calls += 1
        facts = {witness: list(own[number]) for witness, own in told.items()}
        fleeting += _passed_over(facts)
        crossed += _crossed_begins(facts) + _crossed_hangups(facts) + _crossed_ends(facts)
        for pair in combinations(facts, 2):
            unmatched += _compare(number, pair, facts, most_ms, apart)
    return Matched(dict(apart), unmatched, calls, fleeting, crossed)


def _named(told: Mapping[str, Told]) -> tuple[Mapping[str, Told], int]:
    """Give what telephones say of nobody's legs to the calls for which the log had them rung; how many legs.

    A telephone knows of such a leg nothing but who was rung when: for whomever he was offered last before.
    """
    if NOBODY not in told.get("phones", {}):
        return told, 0
    phones = {number: [*own] for number, own in told["phones"].items()}
    offers = [
        (fact, number) for number, own in told.get("log", {}).items() for fact in own if fact.what == "rung"
    ]
    named = 0
    for fact in phones.pop(NOBODY, []):
        own = ((offer.at, number) for offer, number in offers if offer.who == fact.who)
        offered_at, number = max((pair for pair in own if pair[0] <= fact.at), default=(0, ""))
        is_known = fact.at - offered_at <= MOST_MS
        phones.setdefault(number if is_known else NOBODY, []).append(fact)
        named += is_known and fact.what == "rung"
    return {**told, "phones": phones}, named


def _compare(
    number: str,
    pair: Pair,
    facts: Mapping[str, Sequence[Fact]],
    most_ms: float,
    apart: dict[tuple[Pair, What], list[float]],
) -> Iterator[Difference]:
    first, second = pair
    both = SEES[first] & SEES[second]
    left, right = (_sorted(facts[witness], both) for witness in pair)
    for key in sorted(left.keys() | right.keys()):
        what, who = key
        for one, other in _paired(left.get(key, []), right.get(key, [])):
            if one is None or other is None:
                has, lacks = (second, first) if one is None else (first, second)
                at = (one or other).at  # type: ignore[union-attr]
                yield Difference(number, what, who, f"{has} has it ({at:.0f}), {lacks} does not")
                continue
            late = other.at - one.at
            apart[pair, what].append(late)
            if abs(late) > most_ms:
                yield Difference(number, what, who, f"{second} says {late:+.0f} ms beside {first}")
            if not _same_party(one.by, other.by, "asterisk" in pair):
                yield Difference(number, what, who, f"{first} says by {one.by}, {second} by {other.by}")


def _same_party(one: By, other: By, loosely: bool) -> bool:
    if not one or not other:
        return True
    if loosely:  # CEL has no word for a transfer that somebody else than Asterisk does
        one, other = ("us" if by == "gave" else by for by in (one, other))
    return one == other


def _sorted(facts: Sequence[Fact], kinds: frozenset[What]) -> dict[tuple[What, str], list[Fact]]:
    found: dict[tuple[What, str], list[Fact]] = defaultdict(list)
    for fact in sorted(facts, key=lambda fact: fact.at):
        if fact.what in kinds:
            found[fact.what, fact.who].append(fact)
    return found


def _paired(left: Sequence[Fact], right: Sequence[Fact]) -> Iterator[tuple[Fact | None, Fact | None]]:
    """In order; of the longer side those stay alone whose being left out keeps the others nearest."""
    if len(left) == len(right):
        yield from zip(left, right, strict=True)
        return
    swap = len(left) > len(right)
    few, many = (right, left) if swap else (left, right)
    chosen = min(
        combinations(range(len(many)), len(few)),
        key=lambda places: sum(abs(many[at].at - own.at) for at, own in zip(places, few, strict=True)),
    )
    partner = dict(zip(chosen, few, strict=True))
    for place, fact in enumerate(many):
        own = partner.get(place)
        yield (fact, own) if swap else (own, fact)


def _passed_over(facts: dict[str, list[Fact]]) -> int:
    """Take offers from the log that ended before any phone was dialled, if nobody else has them; how many."""
    log = facts.get("log", [])
    seen = (fact for witness, own in facts.items() if witness != "log" for fact in own)
    others = [fact for fact in seen if fact.what == "rung"]
    gone = 0
    for over in [fact for fact in log if fact.fleeting]:
        rung = max(
            (fact for fact in log if fact.what == "rung" and fact.who == over.who and fact.at <= over.at),
            key=lambda fact: fact.at,
            default=None,
        )
        near = rung and any(fact.who == over.who and abs(fact.at - rung.at) <= MOST_MS for fact in others)
        if rung and not near and over.at - rung.at <= MOST_MS:
            log.remove(rung)
            log.remove(over)
            gone += 1
    return gone


def _crossed_begins(facts: dict[str, list[Fact]]) -> int:
    """Take begins (`ENDS`) out that crossed the end of their leg, if not all have them; how many."""
    gone = 0
    parties = sorted({(fact.what, fact.who) for own in facts.values() for fact in own if fact.what in ENDS})
    for what, who in parties:
        holds = {witness: _of(own, what, who) for witness, own in facts.items() if what in SEES[witness]}
        fewest = min(len(own) for own in holds.values())
        crossing = False
        for witness, own in holds.items():
            if len(own) > fewest and (late := _at_the_end(facts[witness], own[-1])):
                facts[witness] = [fact for fact in facts[witness] if fact not in late]
                crossing = True
        gone += crossing
    return gone


def _at_the_end(own: Sequence[Fact], begun: Fact) -> list[Fact]:
    """This and what ends it, if a leg in it was over as soon as it had begun; else nothing."""
    legs = [*_of(own, "leg over", begun.who), *_of(own, "ended", CALLER)]
    if begun.who != CALLER and begun.what != "bridged":
        legs = _of(own, "leg over", begun.who)
    if not any(0 <= over.at - begun.at <= CROSSING_MS for over in legs):
        return []
    closing = ENDS[begun.what]
    ends = [fact for fact in _of(own, closing, begun.who) if fact.at >= begun.at] if closing else []
    return [begun, *ends[:1]]


def _crossed_hangups(facts: dict[str, list[Fact]]) -> int:
    """Who ended an agent's leg cannot be told where both phones hung up at once; in how many legs it is so.

    Both phones themselves must say so: what the others tell of it is what is looked at.
    """
    phones = facts.get("phones", [])
    gone = [fact.at for fact in phones if fact.what == "ended" and fact.by == "self"]
    both = [
        fact
        for fact in phones
        if fact.what == "leg over" and fact.by == "self" and any(_near(fact.at, at) for at in gone)
    ]
    for own in facts.values():
        for place, fact in enumerate(own):
            if any(
                (fact.what, fact.who) == (over.what, over.who) and _near(fact.at, over.at) for over in both
            ):
                own[place] = fact._replace(by="")
    return len(both)


def _crossed_ends(facts: dict[str, list[Fact]]) -> int:
    """Who ended the call cannot be told where the caller hung up as the flow ended: 1, else 0.

    That the flow had just ended must be in the log by itself: a step that was over.
    """
    log = facts.get("log", [])
    steps = [fact.at for fact in log if fact.what == "step over"]
    theirs = [fact.at for fact in facts.get("phones", []) if fact.what == "ended" and fact.by == "self"]
    for place, fact in enumerate(log):
        ours = (
            fact.what == "ended" and fact.by == "us" and any(0 <= fact.at - at <= CROSSING_MS for at in steps)
        )
        if ours and any(_near(fact.at, at) for at in theirs):
            log[place] = fact._replace(by="")
            return 1
    return 0


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= CROSSING_MS


def _of(own: Sequence[Fact], what: What, who: str) -> list[Fact]:
    """In order of time."""
    return sorted((fact for fact in own if (fact.what, fact.who) == (what, who)), key=lambda fact: fact.at)


def _names(witnesses: Sequence[str]) -> str:
    return " and ".join(witnesses)
