"""`http`: ask another server, and remember what it answers."""

import logging
from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from ivr.flow.expressions import SecretTemplate, VariableName
from ivr.flow.line import Line
from ivr.flow.requests import Address, Header, SecretSent, Within, request_of, values_of
from ivr.flow.step import Step
from ivr.flow.web import Method, WebFailed, WebTimeout

log = logging.getLogger(__name__)


class Http(Step):
    """Ask a server, such as the customer database, while the caller waits; its answer goes into variables."""

    outcomes: ClassVar = ("done", "not_found", "rejected", "timeout", "failed")
    otherwise: ClassVar = {"not_found": "failed", "rejected": "failed", "timeout": "failed"}
    main: ClassVar = "url"
    counted: ClassVar = True
    while_waiting: ClassVar = True
    example: ClassVar[str] = """\
steps:
  look-up:
    http:
      url: https://shop.example.com/customers/{caller.number}
      save: {name: customer.name, open: orders.count}
    next:
      done: greet
      not_found: welcome
      failed: welcome
  greet:
    say: Hello {name}. You have {open:number} open orders.
    next: end
  welcome:
    say: Welcome.
    next: end
  end: {hangup: }
"""

    url: Address
    """The address that is asked. Values in it, such as `{caller.number}`, are escaped."""
    method: Method = "get"
    """How it is asked: `get`, `post`, `put`, `patch` or `delete`."""
    headers: Annotated[Mapping[Header, SecretTemplate], Field(max_length=20)] = {}
    """Further HTTP headers, such as `Authorization`. Sensitive values may be in them."""
    send: Annotated[Mapping[str, SecretSent], Field(max_length=100)] = {}
    """What is sent as JSON: names and values; `{…}` alone keeps its type. Sensitive values may be in it."""
    save: Annotated[Mapping[VariableName, Within], Field(max_length=50)] = {}
    """Variable → where its value stands in the JSON answer: `customer.name`, `orders.0.price`."""
    timeout_s: Annotated[float, Field(gt=0, le=10)] = 5.0
    """Seconds until the caller goes on with `timeout`, whatever is being tried."""
    retries: Annotated[int, Field(ge=0, le=5)] = 1
    """How often it is asked again, within that time, if no answer comes or an error of the server (5xx)."""

    @property
    def needs_answer(self) -> bool:
        return False

    def sets(self) -> Iterable[str]:
        return self.save

    def nonsense(self) -> str | None:
        return "a `get` sends nothing: write `method: post`" if self.send and self.method == "get" else None

    async def run(self, line: Line) -> str:
        request = await request_of(
            line, self.key(line), self.method, self.url, self.headers, self.send, self.timeout_s, self.retries
        )
        try:
            reply = await line.ask(request)
            if reply.status == 404:
                return "not_found"
            if not 200 <= reply.status < 300:
                return "failed" if reply.passing else "rejected"
            line.variables.update(dict(values_of(reply, self.save)))
        except WebTimeout:
            return "timeout"
        except WebFailed as error:
            log.warning("%s: %s", line.path, error, extra={"call": line.call})
            return "failed"
        return "done"
