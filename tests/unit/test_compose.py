"""What docker-compose.yml must never give away: ports, passwords, root."""

import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import msgspec
import yaml

from ivr.settings import Settings

REPOSITORY = Path(__file__).parent.parent.parent
DOCKERFILE = (REPOSITORY / "asterisk" / "Dockerfile").read_text()


def compose() -> dict[str, Any]:
    """The file as the engine sees it when nothing is set."""
    text = (REPOSITORY / "docker-compose.yml").read_text()
    filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    loaded: dict[str, Any] = yaml.load(filled, yaml.CSafeLoader)
    return loaded


SERVICES: dict[str, dict[str, Any]] = compose()["services"]


def test_only_asterisk_publishes_ports_and_only_udp() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["asterisk"]
    assert all(port.endswith("/udp") for port in published["asterisk"])


def test_workers_port_is_bound_inside_and_that_network_is_trusted() -> None:
    settings, ivr = SERVICES["ivr"]["environment"], SERVICES["ivr"]["networks"]
    inside = compose()["networks"]["inside"]
    subnet = ip_network(inside["ipam"]["config"][0]["subnet"])
    assert inside["internal"] is True
    assert list(ivr) == ["inside"]
    assert ivr["inside"]["ipv4_address"] == settings["HOLDFAST_WORKER_BIND"]
    assert ip_address(settings["HOLDFAST_WORKER_BIND"]) in subnet
    assert str(subnet) in msgspec.json.decode(settings["HOLDFAST_TRUSTED"])
    outside = ip_network(compose()["networks"]["outside"]["ipam"]["config"][0]["subnet"])
    trusted = [ip_network(network) for network in msgspec.json.decode(settings["HOLDFAST_TRUSTED"])]
    assert not any(network.overlaps(outside) for network in trusted)


def test_asterisk_and_redis_run_as_the_users_that_the_image_has() -> None:
    for name in ("asterisk", "redis"):
        uid = SERVICES[name]["user"].partition(":")[0]
        assert f"useradd --uid {uid} --gid {uid}" in DOCKERFILE
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert not SERVICES[name].get("cap_add")


def test_what_serves_starts_again_by_itself() -> None:
    for name in ("redis", "ivr", "asterisk"):
        assert SERVICES[name]["restart"] == "unless-stopped"
        assert SERVICES[name]["healthcheck"]["test"]


def test_each_setting_exists() -> None:
    for name in SERVICES["ivr"]["environment"]:
        assert name.removeprefix("HOLDFAST_").lower() in Settings.model_fields


def test_all_images_are_made_from_one_base() -> None:
    bases = {line.split()[1] for line in DOCKERFILE.splitlines() if line.startswith("FROM ")}
    assert bases - {"runtime"} == {"debian:forky-slim"}
    assert {service["build"]["target"] for service in SERVICES.values()} == {"runtime", "ivr"}
