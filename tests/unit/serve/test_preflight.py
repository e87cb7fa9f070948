import os
import shutil
import socket
from ipaddress import IPv4Network, ip_address
from pathlib import Path

import pytest

from ivr import preflight
from ivr.settings import Settings

HERE = ip_address("127.0.0.1")
OFFICE = ip_address("192.168.7.20")
EXAMPLE = Path(preflight.__file__).parent.parent / "asterisk" / "dialplan-example.conf"


def test_the_workers_port_on_loopback_is_fine() -> None:
    assert preflight.reach(Settings(), [HERE, OFFICE]) == []


@pytest.mark.parametrize("bind", ["192.168.7.20", "0.0.0.0"])  # noqa: S104
def test_the_workers_port_in_a_strange_network_is_refused(bind: str) -> None:
    (refusal,) = preflight.reach(Settings(worker_bind=bind), [HERE, OFFICE])
    assert "192.168.7.20" in refusal
    assert "HOLDFAST_TRUSTED" in refusal


def test_the_port_for_agi_is_no_less_guarded() -> None:
    (refusal,) = preflight.reach(Settings(agi_bind="192.168.7.20"), [HERE, OFFICE])
    assert "HOLDFAST_AGI_BIND" in refusal
    assert preflight.reach(Settings(agi_bind="192.168.7.20", agi_port=0), [HERE, OFFICE]) == []
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert any("HOLDFAST_AGI_PORT" in each for each in preflight.ports(Settings(agi_port=port)))


def test_a_dialplan_of_ones_own_must_be_there_and_take_callers(tmp_path: Path) -> None:
    own = tmp_path / "own.conf"
    assert preflight.dialplan(None) == []
    assert "cannot be read" in preflight.dialplan(own)[0]
    own.write_text("; [callers]\n[others]\n")
    assert "[callers]" in preflight.dialplan(own)[0]
    assert preflight.dialplan(EXAMPLE) == []


def test_a_trusted_network_is_accepted() -> None:
    trusted = [IPv4Network("127.0.0.0/8"), IPv4Network("192.168.7.0/24")]
    assert preflight.reach(Settings(worker_bind="0.0.0.0", trusted=trusted), [HERE, OFFICE]) == []  # noqa: S104


def test_a_bind_address_that_is_none() -> None:
    assert "is no address" in preflight.reach(Settings(worker_bind="localhost"), [])[0]


def test_ports_that_others_have_are_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip, socket.socket() as worker:
        sip.bind(("127.0.0.1", 0))
        worker.bind(("127.0.0.1", 0))
        worker.listen()
        settings = Settings(
            sip_bind=f"127.0.0.1:{sip.getsockname()[1]}", worker_port=worker.getsockname()[1] - 1, workers=1
        )
        taken = preflight.ports(settings)
    assert len(taken) == 2
    assert "HOLDFAST_SIP_BIND" in taken[0]
    assert "HOLDFAST_WORKER_PORT" in taken[1]
    assert preflight.ports(settings) == []


def test_all_errors_of_the_callflows_at_once(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "main.yaml").write_text("steps:\n  a:\n    teleport: there\n  b:\n    plaay: x\n")
    told = preflight.callflows(tmp_path)
    assert any("teleport" in line and "main.yaml:3" in line for line in told)
    assert any("plaay" in line for line in told)
    assert "HOLDFAST_CALLFLOWS" in preflight.callflows(tmp_path / "nowhere")[0]


def test_every_unfit_secret_is_told(tmp_path: Path) -> None:
    assert preflight.secrets(tmp_path / "none-yet") == []
    tmp_path.chmod(0o755)
    for name, text, mode in (
        ("ari", "", 0o600),
        ("worker", "asterisk", 0o600),
        ("device-a", "x" * 30, 0o644),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    told = preflight.secrets(tmp_path)
    assert len(told) == 4
    assert f"chmod 700 {tmp_path}" in told[0]


def test_a_disk_nearly_full_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10 * 2**20))
    told = preflight.machine(Settings(data=tmp_path / "data"))
    assert any("only 10 MiB are free" in line for line in told)


def test_only_root_may_start_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert any("start as root" in line for line in preflight.machine(Settings(data=tmp_path / "data")))
