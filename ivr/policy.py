"""Which telephone numbers flows may call, and by which trunk: `policy.yaml`. Without it, none."""

# ruff: noqa: N818  (an error is named by what is the matter: NotAllowed)

import re
from dataclasses import dataclass
from typing import Annotated

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from queues.settings import Name

COSTLY = (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST)

MAX_WRITTEN = 40
"""Characters of a number as somebody writes it."""


OWN = "caller"
"""For `shown`: whom we call sees the number of the caller."""


class NotAllowed(Exception):
    """The number may not be called; the text says why, without the number."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A number that may be called. Personal: `number`, `endpoint`."""

    number: str
    endpoint: str
    per_hour: int
    """How many calls outside may begin within any hour."""
    shown: str | None = None
    """The number he who is called sees; empty: none. None: that of the caller."""


def _shown(text: str) -> str:
    digits = re.sub(r"[ ()/.-]", "", text)
    if text != OWN and not re.fullmatch(r"\+?[0-9]{2,20}", digits):
        raise ValueError(f"`{text[:20]}` cannot be shown: write a number of yours in quotes, or `{OWN}`")
    return text if text == OWN else digits


Shown = Annotated[str, AfterValidator(_shown)]
"""A number of ours as it is dialled, or `caller`."""


def _country(text: str) -> str:
    if text not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"there is no country `{text[:20]}`: write two capital letters, such as DE")
    return text


def _beginning(text: str) -> str:
    if not (text.startswith("+") and text[1:].isascii() and text[1:].isdigit() and len(text) <= 16):
        raise ValueError(f"`{text[:20]}` cannot begin a number: write it as +49 or +4930, in quotes")
    return text


Country = Annotated[str, AfterValidator(_country)]
Beginning = Annotated[str, AfterValidator(_beginning)]


class DialPolicy(BaseModel):
    """What `policy.yaml` says of calls to numbers outside."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trunk: Name
    """Trunk of `trunks.yaml` by which calls go out; it needs an `address`."""
    country: Country
    """Country in which a number without + is read, as two letters: `DE`."""
    allow: Annotated[tuple[Beginning, ...], Field(min_length=1, max_length=200)]
    """Beginnings of numbers that may be called, such as `+49`."""
    deny: Annotated[tuple[Beginning, ...], Field(max_length=200)] = ()
    """Beginnings of numbers that may not although they are allowed."""
    premium: bool = False
    """Whether numbers may be called for which the called one is paid."""
    per_hour: Annotated[int, Field(ge=1, le=100_000)] = 60
    """How many calls to numbers outside may begin within any hour, all flows together."""

    def number(self, written: str) -> str:
        """The number as +49…, if it may be called. Raises `NotAllowed`."""
        found = self._read(written)
        dialled = phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
        if phonenumbers.number_type(found) in COSTLY and not self.premium:
            raise NotAllowed("it costs more than a call (`premium`)")
        if not dialled.startswith(self.allow):
            raise NotAllowed("no beginning under `allow` fits")
        if dialled.startswith(self.deny):
            raise NotAllowed("it is under `deny`")
        return dialled

    def _read(self, written: str) -> PhoneNumber:
        if len(written) > MAX_WRITTEN:
            raise NotAllowed("it is too long")
        try:
            found = phonenumbers.parse(written, self.country)
        except phonenumbers.NumberParseException:
            raise NotAllowed("it is no telephone number") from None
        if found.extension or not phonenumbers.is_valid_number(found):
            raise NotAllowed("it is no telephone number")
        return found

    def destination(self, written: str, address: str, shown: str | None = None) -> Destination:
        """Where to call it, by the trunk at that address, showing that number. Raises `NotAllowed`."""
        number = self.number(written)
        return Destination(number, f"{self.trunk}/sip:{number}@{address}", self.per_hour, shown)
