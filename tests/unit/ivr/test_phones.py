"""Phones are asked once a second: who can be rung, who talks without us; each change is told once."""

from collections import Counter
from typing import cast

import pytest

from ivr.ari import Asterisk
from ivr.ari.events import Channel, Dialplan, Endpoint
from ivr.phones import Phones
from queues.store import Store


class Exchange:
    """Asterisk and the store as far as they matter here."""

    def __init__(self) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self.live: dict[str, Channel] = {}
        self.asked: Counter[str] = Counter()
        self.told: list[tuple[str, bool, bool]] = []

    def phone(self, name: str, *channels: str, state: str = "online") -> None:
        self.endpoints[name] = Endpoint(name, state=state, channel_ids=list(channels))

    def dials(self, channel: str, context: str, exten: str, app: str = "Dial") -> None:
        self.live[channel] = Channel(channel, dialplan=Dialplan(context, exten, app))

    async def phones(self) -> list[Endpoint]:
        return list(self.endpoints.values())

    async def channel(self, name: str) -> Channel | None:
        self.asked[name] += 1
        return self.live.get(name)

    async def reach(self, device: str, reachable: bool, in_use: bool) -> None:
        self.told.append((device, reachable, in_use))


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def phones(exchange: Exchange) -> Phones:
    return Phones(cast(Asterisk, exchange), cast(Store, exchange), lambda name: name.endswith("-phone"))


async def test_what_has_changed_is_told_once(exchange: Exchange, phones: Phones) -> None:
    exchange.phone("ann-phone")
    exchange.phone("bob-phone", state="offline")
    exchange.phone("carrier", "pbx-1.9")  # a trunk: nobody works there
    await phones.look()
    await phones.look()
    assert exchange.told == [("ann-phone", True, False), ("bob-phone", False, False)]
    exchange.phone("bob-phone")
    await phones.look()
    assert exchange.told[2:] == [("bob-phone", True, False)]
    phones.forget()
    await phones.look()
    assert len(exchange.told) == 5
    assert not exchange.asked


async def test_a_private_call_is_asked_after_once(exchange: Exchange, phones: Phones) -> None:
    exchange.dials("pbx-1.7", "elsewhere", "4930")
    exchange.phone("ann-phone", "pbx-1.7")
    await phones.look()
    await phones.look()
    assert exchange.told == [("ann-phone", True, True)]
    assert exchange.asked == {"pbx-1.7": 1}
    exchange.phone("ann-phone")
    await phones.look()
    assert exchange.told[1:] == [("ann-phone", True, False)]


@pytest.mark.parametrize("channel", ["pbx-1.7-a1", "pbx-1.7-a12", "pbx-1.8", "pbx-1.9", "pbx-2.1"])
async def test_our_legs_and_codes_are_no_private_calls(
    exchange: Exchange, phones: Phones, channel: str
) -> None:
    exchange.dials("pbx-1.8", "agents", "*45")  # a code; pbx-1.9 has gone meanwhile
    exchange.dials("pbx-2.1", "agents", "3881", "StasisBroadcast")  # he asks somebody about his caller
    exchange.phone("ann-phone", channel)
    await phones.look()
    assert exchange.told == [("ann-phone", True, False)]


async def test_a_code_beside_a_private_call(exchange: Exchange, phones: Phones) -> None:
    exchange.dials("pbx-1.8", "agents", "*45")
    exchange.dials("pbx-1.9", "agents", "4930")
    exchange.phone("ann-phone", "pbx-1.8", "pbx-1.9", "pbx-1.7-a1")
    await phones.look()
    assert exchange.told == [("ann-phone", True, True)]
