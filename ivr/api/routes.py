"""What can be asked: one table, which serves requests and describes them (OpenAPI). Pure: no I/O."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from ivr.api import models
from ivr.api.models import Role, Said, Told
from queues.settings import Name

READING = "reading"
ACTING = "acting"
SERVER = "server"


@dataclass(frozen=True)
class Route:
    """One thing that can be asked. `name`: of the operation, and of the method that serves it."""

    name: str
    method: Literal["GET", "POST", "PUT"]
    path: str
    summary: str
    answer: type[Said] | str
    """What a 200 holds: a model, or a media type."""
    role: Role | None = "viewer"
    """Who may ask at least; None: anybody."""
    tag: str = READING
    query: type[Told] | None = None
    body: type[Told] | None = None
    refusals: tuple[int, ...] = ()
    """Statuses of problems besides those that any request can meet."""
    other_answers: dict[int, type[Said]] = field(default_factory=dict)
    details: str = ""


class CallsWanted(Told):
    """Which live calls."""

    limit: int = Field(200, ge=1, le=10_000)
    """At most so many."""
    queue: str = Field("", max_length=60)
    """Only those whose queue this is."""
    state: models.CallState | None = None
    """Only those in this state."""


class CallersWanted(Told):
    """Which part of a line."""

    limit: int = Field(100, ge=1, le=10_000)
    """At most so many."""
    offset: int = Field(0, ge=0, le=1_000_000)
    """Behind the first so many."""


class AgentsWanted(Told):
    """Which agents."""

    queue: Name | None = None
    """Only those who serve this queue."""


ROUTES = (
    Route("queues", "GET", "/v1/queues", "Every queue now", models.Queues),
    Route("queue", "GET", "/v1/queues/{queue}", "One queue now", models.OneQueue, refusals=(404,)),
    Route(
        "callers",
        "GET",
        "/v1/queues/{queue}/callers",
        "Who waits in a queue, in order",
        models.Callers,
        query=CallersWanted,
        refusals=(404,),
    ),
    Route("agents", "GET", "/v1/agents", "Every agent now", models.Agents, query=AgentsWanted),
    Route("agent", "GET", "/v1/agents/{agent}", "One agent now", models.OneAgent, refusals=(404,)),
    Route("calls", "GET", "/v1/calls", "Live calls, the oldest first", models.Calls, query=CallsWanted),
    Route("call", "GET", "/v1/calls/{call}", "One live call", models.OneCall, refusals=(404,)),
    Route(
        "live",
        "GET",
        "/v1/live",
        "Live figures over a WebSocket",
        models.LiveMessage,
        role=None,
        refusals=(401, 426, 429),
        details=(
            "A WebSocket. The client says first what it wants (schema `LiveRequest`), with its token unless "
            "the header `Authorization` has it. Every message of ours is a `LiveMessage`: a snapshot first, "
            "then what is new, at least once a second. A refusal is a `Problem`, and the end."
        ),
    ),
    Route(
        "move",
        "POST",
        "/v1/calls/{call}/move",
        "Put a waiting caller into another queue, to a place in line, or give him a priority",
        models.Moved,
        role="supervisor",
        tag=ACTING,
        body=models.Move,
        refusals=(404, 409),
    ),
    Route(
        "set_state",
        "PUT",
        "/v1/agents/{agent}/state",
        "Make an agent ready, pause him, or log him out",
        models.AgentStatus,
        role="supervisor",
        tag=ACTING,
        body=models.StateWish,
        refusals=(404, 409),
        details="During a call it happens when the call is over: `wish` says so. No call is cut.",
    ),
    Route("openapi", "GET", "/v1/openapi.json", "This document", "application/json", role=None, tag=SERVER),
    Route("healthz", "GET", "/healthz", "Whether the API runs", models.Health, role=None, tag=SERVER),
    Route(
        "readyz",
        "GET",
        "/readyz",
        "Whether calls are taken and figures are current",
        models.Readiness,
        role=None,
        tag=SERVER,
        other_answers={503: models.Readiness},
    ),
    Route("metrics", "GET", "/metrics", "Everything for Prometheus", "text/plain", tag=SERVER),
)
