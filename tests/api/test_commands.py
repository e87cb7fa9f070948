"""`holdfast token` and `holdfast top --once`, as people run them."""

import asyncio
import json
from pathlib import Path

from click.testing import CliRunner, Result

from ivr.cli import main
from tests.api.desk import ApiDesk


async def holdfast(folder: Path, *words: str) -> Result:
    """Run it beside the server."""
    runner = CliRunner(env={"HOLDFAST_DATA": str(folder), "COLUMNS": "100"})
    return await asyncio.to_thread(runner.invoke, main, words)


async def test_a_token_is_made_used_listed_and_taken_back(desk: ApiDesk) -> None:
    await desk.opened()
    made = await holdfast(desk.folder, "token", "create", "hall", "--role", "viewer", "--redacted")
    text = made.stdout.strip()
    assert (await desk.ask("GET", "/v1/queues", text)).status == 200
    again = await holdfast(desk.folder, "token", "create", "hall", "--role", "viewer")
    assert (again.exit_code, "revoke it first" in again.stderr) == (4, True)
    listed = await holdfast(desk.folder, "token", "list")
    (line,) = [line for line in listed.stdout.splitlines() if "hall" in line]
    assert line.split()[1:4] == ["hall", "viewer", "redacted"]
    assert text.rpartition("_")[2] not in listed.stdout
    shown = json.loads((await holdfast(desk.folder, "token", "list", "--json")).stdout)
    assert {token["name"] for token in shown["tokens"]} == {"wall", "boss", "blind", "hall"}
    assert "digest" not in shown["tokens"][0]
    assert (await holdfast(desk.folder, "token", "revoke", "hall")).stdout == "revoked: hall\n"
    assert (await desk.ask("GET", "/v1/queues", text)).status == 401
    assert (await holdfast(desk.folder, "token", "revoke", "hall")).exit_code == 4


async def test_one_frame_by_the_socket_and_by_a_token(desk: ApiDesk, tmp_path: Path) -> None:
    await desk.opened()
    await desk.wait_in("sales", "pbx-1.1", from_="+49301234567")
    await desk.watch.turn()
    shown = await holdfast(desk.folder, "top", "--once")
    assert shown.exit_code == 0, shown.stderr
    assert [line.split()[:2] for line in shown.stdout.splitlines() if line.startswith("sales")] == [
        ["sales", "1"]
    ]
    assert "1234567" not in shown.stdout
    facts = json.loads((await holdfast(desk.folder, "top", "--json")).stdout)
    assert [queue["waiting"] for queue in facts["queues"]] == [1, 0]
    file = tmp_path / "wall.token"
    file.write_text(desk.viewer)
    way = ("top", "--once", "--url", desk.url, "--token-file", str(file))
    file.chmod(0o644)
    loose = await holdfast(tmp_path, *way)
    assert (loose.exit_code, "chmod 600" in loose.stderr) == (4, True)
    file.chmod(0o600)
    assert (await holdfast(tmp_path, *way)).stdout.startswith("Holdfast   1 waiting")
    file.write_text("hf_00000000_" + "a" * 43)
    wrong = await holdfast(tmp_path, *way)
    assert (wrong.exit_code, "holdfast token create" in wrong.stderr) == (3, True)


async def test_what_cannot_be(tmp_path: Path) -> None:
    away = await holdfast(tmp_path, "top", "--once")
    assert away.exit_code == 3
    assert "is `holdfast serve` running?" in away.stderr
    assert (await holdfast(tmp_path, "top", "--url", "http://127.0.0.1:1")).exit_code == 2
    assert (await holdfast(tmp_path, "top")).exit_code == 2, "no terminal"
