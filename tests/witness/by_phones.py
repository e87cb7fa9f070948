"""What the telephones say of each call: SIPp's own record of its messages. Pure."""

from collections.abc import Iterable

from tests.witness.dialogs import Message, dialogs, facts_of
from tests.witness.facts import Fact


def by_phones(phones: Iterable[Iterable[Message]]) -> dict[str, list[Fact]]:
    """Caller's number → what all phones in his call say of it. `phones`: the record of each SIPp."""
    told: dict[str, list[Fact]] = {}
    for messages in phones:
        for leg in dialogs(messages).values():
            told.setdefault(leg.number, []).extend(facts_of(leg))
    return told
