"""Who may ask what, and that nothing strange gets in."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ivr import preflight
from ivr.api import guard, tokens
from ivr.api.routes import ROUTES, Route
from ivr.secret import SecretUnfit
from tests.api.desk import ApiDesk

NEED_TOKEN = [route for route in ROUTES if route.role]
ACT = [route for route in ROUTES if route.role == "supervisor"]
PLACES = {"{queue}": "sales", "{agent}": "alice", "{call}": "pbx-1.1"}
BODIES: dict[str, Any] = {"move": {"position": 1}, "set_state": {"state": "offline"}}
WRONG = "hf_0badcafe_" + "a" * 43


def path_of(route: Route) -> str:
    path = route.path
    for name, value in PLACES.items():
        path = path.replace(name, value)
    return path


def body_of(route: Route) -> dict[str, Any]:
    return {"json": BODIES[route.name]} if route.body else {}


@pytest.mark.parametrize("route", NEED_TOKEN, ids=lambda route: route.name)
async def test_nothing_without_a_token(desk: ApiDesk, route: Route) -> None:
    await desk.opened()
    none = await desk.ask(route.method, path_of(route), **body_of(route))
    assert (none.status, none.body["type"]) == (401, "urn:holdfast:no-token")
    assert none.headers["WWW-Authenticate"].startswith("Bearer")
    wrong = await desk.ask(route.method, path_of(route), WRONG, **body_of(route))
    assert (wrong.status, wrong.body["type"]) == (401, "urn:holdfast:wrong-token")
    assert "cafe" not in str(wrong.body)


@pytest.mark.parametrize("route", ACT, ids=lambda route: route.name)
async def test_a_viewer_changes_nothing(desk: ApiDesk, route: Route) -> None:
    await desk.opened()
    await desk.wait_in("sales", "pbx-1.1")
    before = desk.log()
    for token in (desk.viewer, desk.blind):
        refused = await desk.ask(route.method, path_of(route), token, **body_of(route))
        assert (refused.status, refused.body["type"]) == (403, "urn:holdfast:not-allowed")
    assert desk.log() == before
    allowed = await desk.ask(route.method, path_of(route), desk.supervisor, **body_of(route))
    assert allowed.status == 200


async def test_wrong_tokens_are_not_tried_for_ever(desk: ApiDesk) -> None:
    await desk.opened()
    ident = tokens.id_of(desk.viewer)
    for number in range(guard.MOST_WRONG):
        guess = f"hf_{ident}_{number:043}"
        assert (await desk.ask("GET", "/v1/queues", guess)).status == 401
    refused = await desk.ask("GET", "/v1/queues", f"hf_{ident}_{99:043}")
    assert refused.status == 429
    assert 0 < int(refused.headers["Retry-After"]) <= guard.WITHIN_S + 1
    assert (await desk.ask("GET", "/v1/queues", desk.viewer)).status == 429, "nor the right one meanwhile"
    assert (await desk.ask("GET", "/v1/queues", desk.supervisor)).status == 200, "others are not concerned"


def test_who_tries_from_everywhere_fills_no_memory() -> None:
    tries = guard.Tries()
    for number in range(3 * guard.REMEMBERED):
        tries.wrong((f"address-{number}", ""))
    assert len(tries._wrong) == guard.REMEMBERED


async def test_a_token_is_good_at_once_and_no_longer_than_that(desk: ApiDesk) -> None:
    await desk.opened()
    text = desk.token("new", "viewer")
    assert (await desk.ask("GET", "/v1/queues", text)).status == 200
    assert [token.name for token in tokens.revoke(desk.secrets, "new")] == ["new"]
    assert (await desk.ask("GET", "/v1/queues", text)).status == 401


async def test_the_socket_of_this_machine_needs_no_token_and_the_port_does(desk: ApiDesk) -> None:
    await desk.opened()
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(desk.socket))) as http:
        async with http.get("http://holdfast/v1/queues") as answer:
            assert answer.status == 200
        async with http.ws_connect("http://holdfast/v1/live") as socket:
            await socket.send_json({})
            assert (await socket.receive_json(timeout=10))["type"] == "snapshot"
        wish = {"state": "paused", "reason": "lunch"}
        async with http.put("http://holdfast/v1/agents/bob/state", json=wish) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/queues/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/v1/queues/%00", 404),
        ("GET", "/v1/agents/%1b%5b2J", 404),
        ("GET", "/v1/calls/" + "x" * 4000, 404),
        ("GET", "/v1/calls/%f0%28%8c%28", 404),
        ("GET", "/v2/queues", 404),
        ("GET", "/", 404),
        ("DELETE", "/v1/queues", 405),
        ("GET", "/v1/calls/pbx-1.1/move", 405),
        ("GET", "/v1/calls?limit=0", 422),
        ("GET", "/v1/calls?limit=1e9", 422),
        ("GET", "/v1/calls?state=dead", 422),
        ("GET", "/v1/calls?token=abc", 422),
        ("GET", "/v1/queues/sales/callers?offset=-1", 422),
    ],
)
async def test_hostile_paths(desk: ApiDesk, method: str, path: str, status: int) -> None:
    from yarl import URL

    await desk.opened()
    async with desk.http.request(
        method, URL(desk.url + path, encoded=True), headers={"Authorization": f"Bearer {desk.supervisor}"}
    ) as answer:
        said = await answer.json(content_type="application/problem+json")
        assert answer.status == status, said
        assert said["problem"]
        assert said["mend"]
        assert "\x1b" not in str(said)


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("/v1/agents/bob/state", b"", "body"),
        ("/v1/agents/bob/state", b"[]", "body"),
        ("/v1/agents/bob/state", b'{"state": "dead"}', "body.state"),
        ("/v1/agents/bob/state", b'{"state": "paused"}', "body.reason"),
        ("/v1/agents/bob/state", b'{"state": "ready", "reason": "x"}', "body.reason"),
        ("/v1/agents/bob/state", b'{"state": "paused", "reason": "auto:busy"}', "body.reason"),
        ("/v1/agents/bob/state", b'{"state": "ready", "more": 1}', "body.more"),
        ("/v1/agents/bob/state", b'{"state": "ready", "device": "a b"}', "body.device"),
        ("/v1/agents/bob/state", b'{"state":' + b"[" * 5000, "body"),
    ],
)
async def test_hostile_bodies(desk: ApiDesk, path: str, body: bytes, place: str) -> None:
    await desk.opened()
    kind = {"Content-Type": "application/json"}
    said = await desk.ask("PUT", path, desk.supervisor, data=body, headers=kind)
    assert (said.status, said.body["place"]) == (422, place)
    assert "holdfast agent" not in said.body["problem"], "who asks by HTTP has no command line"
    assert (await desk.get("/v1/agents/bob"))["agent"]["state"] == "ready"


async def test_a_body_that_is_too_much_or_no_json(desk: ApiDesk) -> None:
    await desk.opened()
    path = "/v1/agents/bob/state"
    huge = await desk.ask("PUT", path, desk.supervisor, json={"state": "x" * 1_000_000})
    assert huge.status == 413
    form = await desk.ask("PUT", path, desk.supervisor, data={"state": "ready"})
    assert form.status == 415


async def test_hosts_and_origins_of_others(desk: ApiDesk) -> None:
    await desk.opened()
    wrong = await desk.ask("GET", "/v1/queues", desk.viewer, headers={"Host": "evil.example"})
    assert (wrong.status, wrong.body["place"]) == (421, "header Host")
    other = {"Origin": "https://evil.example"}
    async with desk.http.get(
        "/v1/queues", headers=other | {"Authorization": f"Bearer {desk.viewer}"}
    ) as said:
        assert said.status == 403
        assert "Access-Control-Allow-Origin" not in said.headers
    for host in ("localhost", "[::1]:7790", f"127.0.0.1:{desk.port}"):
        assert (await desk.ask("GET", "/v1/queues", desk.viewer, headers={"Host": host})).status == 200


async def test_no_token_and_no_number_is_logged(desk: ApiDesk, caplog: pytest.LogCaptureFixture) -> None:
    await desk.opened()
    await desk.wait_in("sales", "pbx-1.1", from_="+49301234567")
    await desk.wait_in("sales", "pbx-1.2", from_="+49301234567")
    await desk.wait_in("sales", "pbx-1.3", from_="+49301234567")
    with caplog.at_level(logging.DEBUG):
        await desk.ask("GET", "/v1/queues", WRONG)
        await desk.ask("POST", "/v1/calls/pbx-1.3/move", desk.supervisor, json={"position": 1})
        await desk.ask("PUT", "/v1/agents/bob/state", desk.supervisor, json={"state": "offline"})
    assert "boss has moved call pbx-1.3" in caplog.text
    for secret in (desk.supervisor, desk.viewer, WRONG, "1234567"):
        assert secret not in caplog.text


def test_what_is_kept_of_a_token_is_of_no_use(tmp_path: Path) -> None:
    token, text = tokens.create(tmp_path, "wall", "viewer", True)
    path = tmp_path / f"token-{token.id}"
    assert text.rpartition("_")[2] not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    tmp_path.chmod(0o700)
    assert preflight.secrets(tmp_path) == []
    assert tokens.every(tmp_path) == [token]
    known = tokens.Tokens(tmp_path)
    assert known.of(text) == token
    assert known.of(text[:-1]) is None
    assert known.of(text[:-1] + ("b" if text[-1] == "a" else "a")) is None
    assert known.of("") is None
    path.chmod(0o644)
    with pytest.raises(SecretUnfit, match="chmod 600"):
        tokens.every(tmp_path)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "../x", "x" * 41, "é"])
def test_names_of_tokens(tmp_path: Path, name: str) -> None:
    with pytest.raises(SecretUnfit):
        tokens.create(tmp_path, name, "viewer", False)
    tokens.create(tmp_path, "wall", "viewer", False)
    with pytest.raises(SecretUnfit, match="revoke"):
        tokens.create(tmp_path, "wall", "viewer", False)


async def test_many_requests_at_once(desk: ApiDesk) -> None:
    await desk.opened()
    said = await asyncio.gather(*(desk.get("/v1/queues") for _ in range(200)))
    assert len(said) == 200
