"""What goes wrong with a request, told as RFC 9457 asks, and so that somebody can mend it."""

# ruff: noqa: N818  (an error is named by what is the matter: Refusal)

from collections.abc import Mapping

from aiohttp import web
from pydantic import ValidationError

from calllog.errors import HoldfastError
from ivr.api.models import Problem

MEDIA_TYPE = "application/problem+json"

TITLES = {
    400: "Not understood",
    401: "Who asks?",
    403: "Not allowed",
    404: "Not there",
    405: "Not done here",
    409: "Not now",
    413: "Too much",
    415: "Wrong kind of content",
    421: "Not this host",
    422: "Cannot be so",
    426: "Needs a WebSocket",
    429: "Too many wrong tokens",
    500: "An error of ours",
    503: "Away",
}


class Refusal(HoldfastError):
    """A request is not carried out; the answer says place, problem and mend."""

    def __init__(
        self,
        status: int,
        reason: str,
        place: str,
        problem: str,
        mend: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{place}: {problem}")
        self.status, self.reason, self.headers = status, reason, headers or {}
        self.body = Problem(
            type=f"urn:holdfast:{reason}",
            title=TITLES[status],
            status=status,
            detail=f"{place}: {problem}; {mend}",
            place=place,
            problem=problem,
            mend=mend,
        )

    def response(self) -> web.Response:
        return web.Response(
            status=self.status,
            body=self.body.model_dump_json(),
            content_type=MEDIA_TYPE,
            headers=self.headers,
        )


def unfit(error: ValidationError, where: str) -> Refusal:
    """What the models say about what we were told. Values are not repeated: they may be personal."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join((where, *(str(part) for part in first["loc"])))
    return Refusal(422, "unfit", place, first["msg"], "see /v1/openapi.json for what it may be")


def away(what: str) -> Refusal:
    return Refusal(
        503,
        "away",
        "redis",
        what,
        "ask again in some seconds; /readyz says what is wrong",
        {"Retry-After": "2"},
    )
