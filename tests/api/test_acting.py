"""What a supervisor does by the API is what the command line does."""

from calllog.call_events import Moved
from calllog.events import AgentStateChanged
from tests.api.desk import ApiDesk


async def test_a_caller_is_moved(desk: ApiDesk) -> None:
    await desk.opened()
    for number in range(5):
        await desk.wait_in("sales", f"pbx-1.{number}")
    move = "/v1/calls/pbx-1.4/move"
    first = await desk.ask("POST", move, desk.supervisor, json={"position": 1})
    assert (first.status, first.body) == (
        200,
        {"call": "pbx-1.4", "queue": "sales", "position": 1, "state": "waiting"},
    )
    moved = [event for event in desk.log() if isinstance(event, Moved)]
    assert [(event.by, event.position) for event in moved] == [("boss", 1)]
    again = await desk.ask("POST", move, desk.supervisor, json={"position": 1})
    assert again.body == first.body
    other = await desk.ask("POST", move, desk.supervisor, json={"queue": "support"})
    assert other.body["queue"] == "support"
    back = await desk.ask("POST", move, desk.supervisor, json={"queue": "sales", "priority_s": 600})
    assert (back.body["queue"], back.body["position"]) == ("sales", 1)
    for path, body, status, place in (
        ("/v1/calls/pbx-9.9/move", {"position": 1}, 404, "path"),
        (move, {"queue": "nobody-knows-it"}, 404, "body.queue"),
        (move, {}, 422, "body"),
        (move, {"position": 0}, 422, "body.position"),
    ):
        said = await desk.ask("POST", path, desk.supervisor, json=body)
        assert (said.status, said.body["place"]) == (status, place), path


async def test_an_agent_is_paused_and_comes_back(desk: ApiDesk) -> None:
    await desk.opened()
    path = "/v1/agents/bob/state"
    wish = {"state": "paused", "reason": "lunch"}
    for _ in range(2):
        said = await desk.ask("PUT", path, desk.supervisor, json=wish)
        assert (said.status, said.body) == (
            200,
            {"agent": "bob", "state": "paused", "reason": "lunch", "wish": ""},
        )
    await desk.watch.turn()
    assert (await desk.get("/v1/agents/bob"))["agent"]["reason"] == "lunch"
    told = [event for event in desk.log() if isinstance(event, AgentStateChanged) and event.agent == "bob"]
    assert [event.to for event in told].count("paused") == 1
    await desk.ask("PUT", path, desk.supervisor, json={"state": "ready"})
    handle = await desk.wait_in("sales", "pbx-1.1")
    await desk.wait_in("sales", "pbx-1.2")
    forced = await desk.ask("PUT", path, desk.supervisor, json={"state": "offline", "force": True})
    assert forced.body["wish"] == "offline"
    await desk.watch.turn()
    assert (await desk.get("/v1/agents/bob"))["agent"]["wish"] == "offline", (
        "at once, though no event tells it"
    )
    taken = await desk.ask("PUT", path, desk.supervisor, json={"state": "ready", "device": "alice-phone"})
    assert taken.status == 409
    nowhere = await desk.ask("PUT", path, desk.supervisor, json={"state": "ready", "device": "bob-fone"})
    assert (nowhere.status, nowhere.body["type"], nowhere.body["place"]) == (
        404,
        "urn:holdfast:unknown-device",
        "body.device",
    )
    assert (await desk.ask("PUT", "/v1/agents/eve/state", desk.supervisor, json=wish)).status == 404
    assert handle.call == "pbx-1.1"
