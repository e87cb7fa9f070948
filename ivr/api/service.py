"""Requests and their answers: who may ask (`Guard`), what (`ROUTES`), from where it is answered (`Board`)."""

# ruff: noqa: ARG002  (all that serve have one signature: the request, and whose it is)

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from calllog.errors import HoldfastError
from calllog.printable import printable
from ivr.api import alarms, models, openapi
from ivr.api.board import Board, Card, array, json_of
from ivr.api.guard import Guard
from ivr.api.live import Live
from ivr.api.metrics import Exposition, Traffic
from ivr.api.problems import Refusal, away, unfit
from ivr.api.routes import ROUTES, AgentsWanted, CallersWanted, CallsWanted, Route
from ivr.api.tokens import Token
from ivr.api.watch import Watch
from ivr.asked_of_agents import objection
from queues.errors import (
    DeviceTaken,
    NotNow,
    NotWaiting,
    StoreAway,
    UnknownAgent,
    UnknownCall,
    UnknownDevice,
    UnknownQueue,
)
from queues.store import AgentAction, Store

log = logging.getLogger(__name__)

MOST_BYTES = 16_384
"""Of what a request may hold."""
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
ACTIONS: dict[str, AgentAction] = {"ready": "ready", "paused": "pause", "offline": "offline"}
CONFLICTS = (NotWaiting, NotNow, DeviceTaken)
UNKNOWN = (UnknownAgent, UnknownCall, UnknownQueue)
WHICH = "/v1/queues, /v1/agents and /v1/calls say which there are"

Told = TypeVar("Told", bound=BaseModel)
Answer = web.StreamResponse


class Service:
    """The application. `exposition`: the text of /metrics."""

    def __init__(
        self,
        board: Board,
        watch: Watch,
        store: Store,
        guard: Guard,
        traffic: Traffic,
        exposition: Exposition,
    ) -> None:
        self._board, self._watch, self._store = board, watch, store
        self._guard, self._traffic, self._exposition = guard, traffic, exposition
        self.watchers = Live(board, guard, traffic)
        self._document = openapi.document()

    def application(self) -> web.Application:
        """What aiohttp serves."""
        application = web.Application(middlewares=[self._served], client_max_size=MOST_BYTES)
        for route in ROUTES:
            application.router.add_route(route.method, route.path, self._handler(route), name=route.name)
        return application

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[Answer]]:
        serve: Callable[[web.Request, Token | None], Awaitable[Answer]] = getattr(self, f"_{route.name}")

        async def handle(request: web.Request) -> Answer:
            token = self._guard.token(request) if route.role else None
            if route.role == "supervisor" and token and not token.may_act:
                raise Refusal(
                    403,
                    "not-allowed",
                    "token",
                    f"{token.name} has the role {token.role}, which looks and changes nothing",
                    "use a token made with `holdfast token create --role supervisor`",
                )
            if route.role and route.name != "metrics" and not self._board.at:
                raise away("there are no figures yet")
            return await serve(request, token)

        return handle

    @web.middleware
    async def _served(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[Answer]]
    ) -> Answer:
        """Whatever comes of it is an answer of ours, counted, and with a problem's place and mend."""
        try:
            self._guard.host(request)
            answer = await handler(request)
        except Refusal as refused:
            answer = refused.response()
        except web.HTTPException as error:
            answer = _of_aiohttp(error).response()
        except UNKNOWN as error:
            answer = Refusal(404, error.reason, "path", str(error), WHICH).response()
        except CONFLICTS as error:
            answer = Refusal(
                409, error.reason, "state", str(error), "look at its state, and ask again"
            ).response()
        except StoreAway as error:
            answer = away(str(error)).response()
        except HoldfastError as error:
            log.error("%s: %s", request.method, error)
            answer = Refusal(500, error.reason, "server", "an error of ours", "see log/api").response()
        name = request.match_info.route.name or "(none)"
        self._traffic.requests[name, str(answer.status)] += 1
        if not answer.prepared:
            answer.headers.update(HEADERS)
        return answer

    # Reading

    async def _queues(self, request: web.Request, token: Token | None) -> Answer:
        return self._said(b'"queues":' + array(self._board.queues.all(), _is_redacted(token)))

    async def _queue(self, request: web.Request, token: Token | None) -> Answer:
        return self._said(b'"queue":' + self._queue_card(request).full)

    async def _callers(self, request: web.Request, token: Token | None) -> Answer:
        wanted = _query(request, CallersWanted)
        line = self._board.line(self._queue_card(request).thing.queue)
        some = line[wanted.offset : wanted.offset + wanted.limit]
        placed = (
            f'{{"position":{place},'.encode() + card.json(_is_redacted(token))[1:]
            for place, card in enumerate(some, wanted.offset + 1)
        )
        return self._said(f'"total":{len(line)},"callers":['.encode() + b",".join(placed) + b"]")

    async def _agents(self, request: web.Request, token: Token | None) -> Answer:
        wanted = _query(request, AgentsWanted)
        cards = self._board.agents.all()
        some = [card for card in cards if wanted.queue is None or wanted.queue in card.thing.queues]
        return self._said(b'"agents":' + array(some, _is_redacted(token)))

    async def _agent(self, request: web.Request, token: Token | None) -> Answer:
        name = request.match_info["agent"]
        card = self._board.agents.cards.get(name)
        if card is None:
            raise UnknownAgent(f"no agent is called {printable(name)}")
        return self._said(b'"agent":' + card.full)

    async def _calls(self, request: web.Request, token: Token | None) -> Answer:
        wanted = _query(request, CallsWanted)
        found = [
            card
            for card in self._board.calls.cards.values()
            if wanted.queue in ("", card.thing.queue) and wanted.state in (None, card.thing.state)
        ]
        found.sort(key=lambda card: (card.thing.arrived_at, card.thing.call))
        some = array(found[: wanted.limit], _is_redacted(token))
        return self._said(f'"total":{len(found)},"calls":'.encode() + some)

    async def _call(self, request: web.Request, token: Token | None) -> Answer:
        name = request.match_info["call"]
        card = self._board.calls.cards.get(name)
        if card is None:
            raise UnknownCall(f"no call {printable(name)} is live")
        return self._said(b'"call":' + card.json(_is_redacted(token)))

    async def _live(self, request: web.Request, token: Token | None) -> Answer:
        return await self.watchers.serve(request)

    def _queue_card(self, request: web.Request) -> Card[models.Queue]:
        name = request.match_info["queue"]
        card = self._board.queues.cards.get(name)
        if card is None:
            raise UnknownQueue(f"no queue is called {printable(name)}")
        return card

    def _said(self, fields: bytes) -> Answer:
        """Fields of an object, behind those that tell how current it is."""
        return web.Response(body=self._board.head() + b"," + fields + b"}", content_type="application/json")

    # Acting

    async def _move(self, request: web.Request, token: Token | None) -> Answer:
        wish, call = await _body(request, models.Move), request.match_info["call"]
        if wish.queue is None and wish.position is None and wish.priority_s is None:
            raise Refusal(
                422, "unfit", "body", "says nothing", "give at least one of queue, position and priority_s"
            )
        assert token is not None
        try:
            moved = await self._store.move(
                call, wish.queue or "", wish.position or 0, wish.priority_s, token.name
            )
        except UnknownQueue as error:  # the path is right: it names the call
            raise Refusal(404, error.reason, "body.queue", str(error), WHICH) from error
        log.info("token %s has moved call %s: %s", token.name, call, wish.model_dump(exclude_none=True))
        return _json(models.Moved(call=call, **moved._asdict()))

    async def _set_state(self, request: web.Request, token: Token | None) -> Answer:
        wish, agent = await _body(request, models.StateWish), request.match_info["agent"]
        assert token is not None
        by, action = token.name if wish.force else "", ACTIONS[wish.state]
        if wrong := objection(action, wish.reason, wish.device, wish.force, by):
            raise Refusal(422, "unfit", "body.reason", wrong, "send a reason with `paused`, and only there")
        try:
            status = await self._store.agent(agent, action, wish.reason, wish.device, by)
        except UnknownDevice as error:  # the path is right: it names the agent
            mend = "leave it out, and he stays where he is"
            raise Refusal(404, error.reason, "body.device", str(error), mend) from error
        self._watch.refresh(agent)
        log.info("token %s has made agent %s %s", token.name, agent, wish.state)
        return _json(models.AgentStatus(agent=agent, **status._asdict()))

    # About the server

    async def _openapi(self, request: web.Request, token: Token | None) -> Answer:
        return web.json_response(self._document)

    async def _healthz(self, request: web.Request, token: Token | None) -> Answer:
        return _json(models.Health())

    async def _readyz(self, request: web.Request, token: Token | None) -> Answer:
        made = alarms.checks(self._watch.findings())
        said = models.Readiness(ready=alarms.ready(made), checks=made)
        return _json(said, 200 if said.ready else 503)

    async def _metrics(self, request: web.Request, token: Token | None) -> Answer:
        return web.Response(
            body=self._exposition.text(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )


def _is_redacted(token: Token | None) -> bool:
    return token is None or token.redacted


def _json(said: models.Said, status: int = 200) -> Answer:
    return web.Response(status=status, body=json_of(said), content_type="application/json")


def _query(request: web.Request, model: type[Told]) -> Told:
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise unfit(error, "query") from None


async def _body(request: web.Request, model: type[Told]) -> Told:
    if request.content_type != "application/json":
        raise Refusal(
            415, "no-json", "header Content-Type", "is not application/json", "send JSON, and say so"
        )
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise unfit(error, "body") from None


def _of_aiohttp(error: web.HTTPException) -> Refusal:
    """What the server itself has found wrong."""
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return Refusal(413, "too-much", "body", f"has more than {MOST_BYTES} bytes", "send less")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        mend = f"use {allowed}"
        return Refusal(405, "wrong-method", "method", "is not for this path", mend, {"Allow": allowed})
    if error.status == 404:
        return Refusal(404, "no-path", "path", "there is nothing", "/v1/openapi.json says what there is")
    return Refusal(400, "not-understood", "request", error.reason, "see /v1/openapi.json")
