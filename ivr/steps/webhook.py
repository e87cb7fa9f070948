"""`webhook`: tell another server something, for certain, without waiting for it."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ivr.flow.expressions import Template
from ivr.flow.line import Line
from ivr.flow.requests import Address, Header, Sent, request_of
from ivr.flow.step import Step


class Webhook(Step):
    """Tell a server something, at least once: for a day, it is tried again. The caller goes on at once.

    The server recognises a repetition by the header `Idempotency-Key`, the same at each attempt.
    """

    outcomes: ClassVar = ("done",)
    main: ClassVar = "url"
    counted: ClassVar = True
    while_waiting: ClassVar = True
    example: ClassVar[str] = """\
steps:
  tell:
    webhook:
      url: https://shop.example.com/calls
      send: {caller: "{caller.number}", wish: call me back}
    next: thanks
  thanks:
    say: We will call you back.
    next: end
  end: {hangup: }
"""

    url: Address
    """The address that is told. Values in it, such as `{caller.number}`, are escaped."""
    send: Annotated[Mapping[str, Sent], Field(min_length=1, max_length=100)]
    """What is sent as JSON: names and values; `{…}` alone keeps its type. Nothing sensitive may be in it."""
    method: Literal["post", "put", "patch"] = "post"
    """How it is told: `post`, `put` or `patch`."""
    headers: Annotated[Mapping[Header, Template], Field(max_length=20)] = {}
    """Further HTTP headers, such as `Authorization`."""

    @property
    def needs_answer(self) -> bool:
        return False

    async def run(self, line: Line) -> str:
        line.post(await request_of(line, self.key(line), self.method, self.url, self.headers, self.send))
        return "done"
