import re
from dataclasses import replace
from pathlib import Path

import pytest

from ivr import secret
from ivr.callflows import Trunk
from ivr.provision import TEMPLATES, ProvisionFailed, Telephony, fill, provision
from ivr.runtime import Runtime
from ivr.settings import Settings

TELEPHONY = Telephony(
    devices={"alice-phone": None, "desk-7": "sip:desk-7@127.0.0.1:6001"},
    trunks={"carrier": Trunk.model_validate({"match": ["192.0.2.0/24", "198.51.100.7/32"]})},
    music={"default", "calm"},
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path / "data", callflows=tmp_path / "callflows", media_address="127.0.0.1", workers=3
    )


@pytest.fixture
def etc(settings: Settings, runtime: Runtime) -> Path:
    provision(settings, runtime, TELEPHONY)
    return settings.data / "etc" / "asterisk"


def section(text: str, name: str, kind: str = "") -> str:
    found = re.search(rf"^\[{name}\]{re.escape(kind)}\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"no [{name}]{kind}"
    return found[1]


def test_every_template_is_filled_and_private(etc: Path) -> None:
    written = {path.name for path in etc.iterdir()}
    assert written == {path.name for path in TEMPLATES.glob("*.conf")}
    for path in etc.iterdir():
        assert "{{" not in path.read_text()
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_name_without_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill("a = {{nothing}}", {})


def test_each_worker_has_its_socket_and_two_applications(etc: Path, settings: Settings) -> None:
    sockets, ari = (etc / "websocket_client.conf").read_text(), (etc / "ari.conf").read_text()
    password = (settings.secrets / "worker").read_text()
    for number in (1, 2, 3):
        socket = section(sockets, f"hf-{number}")
        assert f"uri = ws://127.0.0.1:{7800 + number}/asterisk" in socket
        assert f"password = {password}" in socket
        assert f"apps = hf-{number}" in section(ari, f"hf-{number}")


def test_devices_have_an_account_of_their_own(etc: Path, settings: Settings) -> None:
    pjsip = (etc / "pjsip.conf").read_text()
    account = section(pjsip, "alice-phone", "(account)")
    assert (settings.secrets / "device-alice-phone").read_text() in account
    assert (settings.secrets / "device-desk-7").read_text() not in account
    assert "contact =" not in section(pjsip, "alice-phone", "(line)")
    assert "contact = sip:desk-7@127.0.0.1:6001" in section(pjsip, "desk-7", "(line)")


def test_trunks_are_known_by_address_and_enter_by_the_front_door(etc: Path) -> None:
    pjsip = (etc / "pjsip.conf").read_text()
    assert "match = 192.0.2.0/24,198.51.100.7/32" in pjsip
    assert "context = front-door" in section(pjsip, "trunk", "(!,phone)")
    assert "context = agents" in section(pjsip, "device", "(!,phone)")


CARRIER = {"match": ["192.0.2.0/24"], "address": "sip.carrier.test:5080", "user": "me"}


def trunk(settings: Settings, runtime: Runtime, password: str, **fields: object) -> str:
    """What Asterisk is told of a trunk with that password."""
    secret.give(secret.of_trunk(settings.secrets, "carrier"), password)
    trunks = {"carrier": Trunk.model_validate(CARRIER | fields)}
    provision(settings, runtime, Telephony({}, trunks, {"default"}, {"carrier": 1}))
    return (settings.data / "etc/asterisk/pjsip.conf").read_text()


def test_a_trunk_with_a_user_has_its_password(settings: Settings, runtime: Runtime) -> None:
    pjsip = trunk(settings, runtime, "a;b")
    assert section(pjsip, "carrier", "(trunk)").split("\n")[:2] == [
        "outbound_auth = carrier",
        "from_domain = sip.carrier.test",
    ]
    assert section(pjsip, "carrier", "(account)").strip() == "username = me\npassword = a\\;b"
    assert "[carrier](registration)" not in pjsip
    pjsip = trunk(settings, runtime, "a;b", registers=True, user="me@home.test")
    registration = section(pjsip, "carrier", "(registration)")
    assert "server_uri = sip:sip.carrier.test:5080\n" in registration
    assert "client_uri = sip:me@home.test\ncontact_user = me\n" in registration


def test_a_trunk_without_its_password_is_told_with_the_mend(settings: Settings, runtime: Runtime) -> None:
    telephony = Telephony({}, {"carrier": Trunk.model_validate(CARRIER)}, {"default"})
    with pytest.raises(ProvisionFailed, match="no password: holdfast trunk-password carrier"):
        provision(settings, runtime, telephony)
    assert replace(telephony, passwords={"carrier": 1}).locked_out() == []


@pytest.mark.parametrize(("transfers", "allowed"), [(True, "yes"), (False, "no")])
def test_a_phone_may_send_refer_if_agents_may_transfer(
    settings: Settings, runtime: Runtime, transfers: bool, allowed: str
) -> None:
    provision(settings, runtime, replace(TELEPHONY, transfers=transfers))
    pjsip = (settings.data / "etc/asterisk/pjsip.conf").read_text()
    assert f"\nallow_transfer = {allowed} ;" in section(pjsip, "device", "(!,phone)")


@pytest.mark.parametrize(
    "line",
    [
        "rtp_timeout = 60 ",
        "rtp_timeout_hold = 600\n",
        "timers = always",
        "media_address = 127.0.0.1",
        "ice_support = no",
        "dtmf_mode = auto_info",
        "set_var = FORWARD_CONTEXT=redirected",
        "allow_transfer = no",
    ],
)
def test_what_every_telephone_must_have(etc: Path, line: str) -> None:
    assert line in section((etc / "pjsip.conf").read_text(), "phone", "(!)")


def test_music_lies_in_the_callers_codecs_for_each_class(etc: Path, settings: Settings) -> None:
    for name in TELEPHONY.music:
        assert f"directory = {settings.data}/music/{name}" in (etc / "musiconhold.conf").read_text()
        assert {path.name for path in (settings.data / "music" / name).iterdir()} == {
            "tune.ulaw",
            "tune.alaw",
        }


def test_music_of_ones_own_replaces_the_stock(settings: Settings, runtime: Runtime) -> None:
    provision(settings, runtime, TELEPHONY)
    own = settings.callflows / "music" / "calm" / "harp.wav"
    own.parent.mkdir(parents=True)
    own.write_bytes((runtime.root / "usr/share/asterisk/moh/tune.wav").read_bytes())
    provision(settings, runtime, TELEPHONY)
    assert {path.stem for path in (settings.data / "music" / "calm").iterdir()} == {"harp"}
    assert {path.stem for path in (settings.data / "music" / "default").iterdir()} == {"tune"}


def test_passwords_survive_the_next_start(etc: Path, settings: Settings, runtime: Runtime) -> None:
    before = (etc / "pjsip.conf").read_text()
    provision(settings, runtime, TELEPHONY)
    assert (etc / "pjsip.conf").read_text() == before
    assert settings.secrets.stat().st_mode & 0o777 == 0o700


def test_nothing_a_caller_controls_is_parsed_but_by_a_filter(etc: Path) -> None:
    for line in (etc / "extensions.conf").read_text().splitlines():
        tame = re.sub(
            r"\$\{FILTER\((0-9|\*0-9|0-9A-Za-z\+\*#),\$\{(CALLERID\(\w+\)|EXTEN:[0-9:]+)\}\)\}", "", line
        )
        assert not re.search(r"\$\{(EXTEN|CALLERID|CALLINGNAME|PJSIP_HEADER)", tame), line


def test_callers_come_to_the_front_door_or_into_a_dialplan_of_the_operators(
    etc: Path, settings: Settings, runtime: Runtime
) -> None:
    assert "context = front-door" in section((etc / "pjsip.conf").read_text(), "trunk", "(!,phone)")
    assert "[callers]" not in (etc / "extensions.conf").read_text()
    own = settings.data / "own.conf"
    own.write_text("[callers]\nexten => 100,1,AGI(agi://127.0.0.1:4573/flow/main)\n")
    provision(settings.model_copy(update={"dialplan": own}), runtime, TELEPHONY)
    assert "context = callers" in section((etc / "pjsip.conf").read_text(), "trunk", "(!,phone)")
    assert "flow/main" in section((etc / "extensions.conf").read_text(), "callers")


def test_no_server_of_asterisks_own_listens(etc: Path) -> None:
    for name in ("http.conf", "manager.conf"):
        assert "enabled = no" in (etc / name).read_text()


def test_the_fallback_rings_only_where_it_is_told_to(
    settings: Settings, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    extensions = settings.data / "etc" / "asterisk" / "extensions.conf"
    provision(settings, runtime, TELEPHONY)
    assert "Dial(" not in extensions.read_text()
    assert "Record(" in extensions.read_text()
    monkeypatch.setenv("HOLDFAST_FALLBACK_DIAL", "sip:reception@192.0.2.9")
    monkeypatch.setenv("HOLDFAST_FALLBACK_AT_ONCE", "2")
    monkeypatch.setenv("HOLDFAST_FALLBACK_MESSAGE", "off")
    provision(settings, runtime, TELEPHONY)
    text = extensions.read_text()
    assert "Dial(PJSIP/fallback/sip:reception@192.0.2.9,30,i)" in text
    assert "${GROUP_COUNT(fallback)} > 2" in text
    assert "Record(" not in text
    assert "Hangup(34)" in text
    assert "[fallback](phone)" in (extensions.parent / "pjsip.conf").read_text()


def test_redis_forgets_nothing_and_listens_on_no_port(etc: Path, settings: Settings) -> None:
    redis = (settings.data / "etc" / "redis.conf").read_text().splitlines()
    for line in ("port 0", "appendonly yes", "appendfsync always", "maxmemory-policy noeviction"):
        assert line in redis
    assert etc.exists()
