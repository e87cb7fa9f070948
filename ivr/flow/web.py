"""What a flow asks of somebody else's HTTP server, and what comes of it. Pure: no I/O."""

# ruff: noqa: N818  (an error is named by what is the matter: WebFailed)

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from calllog.errors import HoldfastError

Method = Literal["get", "post", "put", "patch", "delete"]

MAX_REPLY = 100_000
"""Bytes of an answer that are read at most; a longer one is an error."""


class WebFailed(HoldfastError):
    """No usable answer came. The text names the server at most: an address can hold a person's number."""

    reason: str = "web-failed"


class WebTimeout(WebFailed):
    """No answer came in time, whatever was tried."""

    reason: str = "web-timeout"


@dataclass(frozen=True, slots=True)
class Request:
    """One question. Personal: `url`, `headers`, `body`: it does not show them."""

    method: Method
    url: str = field(repr=False)
    key: str
    """Sent as `Idempotency-Key`, the same at each attempt: the server can recognise a repetition."""
    body: bytes = field(default=b"", repr=False)
    """JSON in UTF-8, or nothing."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 5.0
    """For all attempts together."""
    retries: int = 0
    secret: bool = False
    """Something sensitive is in `headers` or `body`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered, whatever the status."""

    status: int
    body: bytes = b""

    @property
    def passing(self) -> bool:
        """The server says that it may answer otherwise if asked again."""
        return self.status >= 500 or self.status in (408, 425, 429)
