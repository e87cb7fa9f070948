"""Who may ask what: the token of a request, its host, and how often a wrong token may be tried."""

import time
from collections import OrderedDict
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from ivr.api.problems import Refusal
from ivr.api.tokens import LOCAL, Token, Tokens, id_of
from ivr.secret import SecretUnfit

MOST_WRONG = 10
WITHIN_S = 60.0
REMEMBERED = 4096
"""Addresses with wrong tokens; the oldest are forgotten beyond that."""


class Tries:
    """How often who comes from an address has shown a wrong token."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[tuple[str, str], list[float]] = OrderedDict()

    def wait_s(self, whose: tuple[str, str]) -> float:
        """For how long nothing more of his is looked at; 0: it may be."""
        now = time.monotonic()
        lately = [at for at in self._wrong.get(whose, ()) if now - at < WITHIN_S]
        return WITHIN_S - (now - lately[0]) if len(lately) >= MOST_WRONG else 0.0

    def wrong(self, whose: tuple[str, str]) -> None:
        tries = [*self._wrong.pop(whose, ()), time.monotonic()][-MOST_WRONG:]
        self._wrong[whose] = tries
        while len(self._wrong) > REMEMBERED:
            self._wrong.popitem(last=False)


class Guard:
    """Lets requests in, or raises Refusal."""

    def __init__(self, tokens: Tokens, hosts: list[str]) -> None:
        """`hosts`: names by which this server is reached, besides its addresses and `localhost`."""
        self.tokens = tokens
        self._hosts = {"localhost", *(host.lower() for host in hosts)}
        self._tries = Tries()

    def host(self, request: web.Request) -> None:
        """A page somewhere that has its own name lead here must not speak to us (DNS rebinding)."""
        if is_local(request):
            return
        host = request.headers.get("Host", "")
        if not self._is_ours(host):
            raise Refusal(
                421, "wrong-host", "header Host", "is no name of this server", "name it in HOLDFAST_API_HOSTS"
            )
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise Refusal(
                403,
                "wrong-origin",
                "header Origin",
                "pages of other servers may not ask",
                "serve the page from the same host and port as the API, through one proxy",
            )

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            if name in self._hosts:
                return True
            ip_address(name)
        except ValueError:
            return False
        return True

    def token(self, request: web.Request) -> Token:
        """Whose request it is."""
        if is_local(request):
            return LOCAL
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text:
            raise Refusal(
                401,
                "no-token",
                "header Authorization",
                "has no token",
                "send `Authorization: Bearer TOKEN`; `holdfast token create` makes one",
                {"WWW-Authenticate": "Bearer"},
            )
        return self.known(request, text.strip())

    def known(self, request: web.Request, text: str) -> Token:
        """Whose token that is. The text is in no error and no log."""
        ident = id_of(text)
        whose = (request.remote or "", ident)
        if wait_s := self._tries.wait_s(whose):
            raise Refusal(
                429,
                "too-many-tries",
                "token",
                f"{MOST_WRONG} were wrong within {WITHIN_S:.0f} s",
                "look which program sends a wrong one, and wait",
                {"Retry-After": str(int(wait_s) + 1)},
            )
        try:
            token = self.tokens.of(text)
        except SecretUnfit as error:
            raise Refusal(503, "secrets-unfit", "tokens", str(error), "mend it on the server") from error
        if token is None:
            self._tries.wrong(whose)
            raise Refusal(
                401,
                "wrong-token",
                "token",
                "is none of ours, or was revoked",
                "`holdfast token list` shows which there are; make another by `holdfast token create`",
                {"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        return token


def is_local(request: web.Request) -> bool:
    """Whether it comes by our Unix socket."""
    return request.transport is not None and not isinstance(
        request.transport.get_extra_info("sockname"), tuple
    )
