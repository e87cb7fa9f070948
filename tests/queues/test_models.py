"""A static contact is one address and nothing else: it is written into Asterisk's configuration."""

import pytest
from pydantic import ValidationError

from queues.models import Device


@pytest.mark.parametrize("contact", ["sip:ann@127.0.0.1:6001", "sips:bob@phones.example", "sip:[::1]:5060"])
def test_an_address_is_taken(contact: str) -> None:
    assert Device(contact=contact).contact == contact


@pytest.mark.parametrize(
    "contact",
    [
        "sip:ann@127.0.0.1;a comment",
        "sip:ann@127.0.0.1,sip:eve@127.0.0.1",
        "sip:ann@127.0.0.1\nqualify_frequency = 1",
        "ann@127.0.0.1",
        "sip:",
    ],
)
def test_more_than_an_address_is_refused(contact: str) -> None:
    with pytest.raises(ValidationError):
        Device(contact=contact)
