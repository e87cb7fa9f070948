"""From what an admin writes to an HTTP request, and from its JSON answer to variables."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from pydantic import AfterValidator, BeforeValidator

from ivr.flow.expressions import SecretTemplate, Template, written_in
from ivr.flow.line import Line
from ivr.flow.values import MAX_TEXT, Value, as_text, bounded
from ivr.flow.web import Method, Reply, Request, WebFailed

_SERVER = re.compile(r"https?://[A-Za-z0-9._-]+(:[0-9]{1,5})?([/?].*)?", re.S)
_SERVER_V6 = re.compile(r"https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?([/?].*)?", re.S)
_OURS = ("connection", "content-length", "host", "idempotency-key", "transfer-encoding")


def _with_server(url: Template) -> Template:
    if not _SERVER.fullmatch(url.written) and not _SERVER_V6.fullmatch(url.written):
        raise ValueError("an address begins with `https://` and a server's name, without any `{…}` in it")
    return url


def _header(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,60}", name):
        raise ValueError(f"`{name[:60]}` cannot be a header: use letters, digits and -")
    if name.lower() in _OURS:
        raise ValueError(f"the header `{name}` is written by us")
    return name


def _within(within: str) -> str:
    if not re.fullmatch(r"[\w-]+(\.[\w-]+)*", within) or len(within) > 200:
        raise ValueError(f"`{within[:60]}` is no place in an answer: write names with dots between them")
    return within


def _sent(kind: type[Template], value: object) -> Any:
    match value:
        case str():
            return kind(value)
        case Mapping():
            return {str(name): _sent(kind, each) for name, each in value.items()}
        case list() | tuple():
            return tuple(_sent(kind, each) for each in value)
    return value


Address = Annotated[Template, AfterValidator(_with_server)]
"""An HTTP address. What is put into it is escaped, and cannot choose another server."""
Header = Annotated[str, AfterValidator(_header)]
Sent = Annotated[Any, BeforeValidator(lambda value: _sent(Template, value))]
"""JSON of templates. One that is a number, `yes`, `no` or nothing but `{…}` is no text there."""
SecretSent = Annotated[Any, BeforeValidator(lambda value: _sent(SecretTemplate, value))]
"""The same for what is told to the receiver and kept nowhere."""
Within = Annotated[str, AfterValidator(_within)]
"""Where in an answer a value stands: `customer.name`, `orders.0.price`."""


async def request_of(
    line: Line,
    key: str,
    method: Method,
    url: Template,
    headers: Mapping[str, Template],
    send: Mapping[str, object],
    timeout_s: float = 0,
    retries: int = 0,
) -> Request:
    """The request as it is on this line, now. `key`: names it, whatever is in it."""
    return Request(
        method,
        await url.text(line, _escaped),
        quote(key, safe=":/"),
        msgspec.json.encode(await _json(line, send)) if send else b"",
        {name: await value.text(line) for name, value in headers.items()},
        timeout_s,
        retries,
        any(name in line.secrets for written in written_in((headers, send)) for name in written.reads),
    )


def _escaped(value: Value, _: str) -> str:
    return quote(as_text(value), safe="")


async def _json(line: Line, sent: object) -> Any:
    match sent:
        case Template():
            return await sent.value(line)
        case Mapping():
            return {name: await _json(line, each) for name, each in sent.items()}
        case tuple():
            return [await _json(line, each) for each in sent]
    return sent


def values_of(reply: Reply, save: Mapping[str, str]) -> Iterator[tuple[str, Value]]:
    """Each variable and its value; one that is not in the answer is not known. Raises `WebFailed`."""
    try:
        whole = msgspec.json.decode(reply.body) if save else None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise WebFailed("the answer is not JSON") from None
    for name, within in save.items():
        yield name, _value(whole, within)


def _value(found: Any, within: str) -> Value:
    for part in within.split("."):
        match found:
            case dict():
                found = found.get(part)
            case list():
                found = (
                    found[int(part)] if part.isascii() and part.isdigit() and int(part) < len(found) else None
                )
            case _:
                return None
    match found:
        case dict() | list():
            raise WebFailed(f"`{within}` in the answer is not a single value")
        case str():
            if len(found) > MAX_TEXT:
                raise WebFailed(f"`{within}` in the answer is longer than {MAX_TEXT} characters")
            return found
        case bool() | None:
            return found
    return bounded(found)
