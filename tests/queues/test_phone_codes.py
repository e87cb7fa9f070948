"""What agents dial, key by key, before a real Redis: who gets in, who does not, what is kept of it."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar, cast

import pytest
from click.testing import CliRunner

from calllog.events import encode
from ivr import keypad, pin
from ivr.ari import events as ari
from ivr.caller import House, Message
from ivr.callflows import Callflows
from ivr.cli import main
from ivr.mailbox import Mailbox
from ivr.phone_codes import PhoneCodes
from ivr.secret import SecretUnfit
from queues.models import Agent, Queue
from queues.store import Store
from tests.queues.desk import Desk, Post

PIN = "736154"
HANGUP = "!"


class Telephone:
    """Asterisk and a phone: each sound is answered with keys."""

    def __init__(self, *presses: str) -> None:
        self._presses = list(presses)
        self.heard: list[str] = []
        self.let_gone = False
        self.stays: list[str] = []
        self.mailbox: Mailbox[Message] | None = None
        self._at = 1_800_000_000_000

    def listen(self, _: str, mailbox: Mailbox[Message]) -> None:
        self.mailbox = mailbox

    def forget(self, _: str) -> None:
        self.mailbox = None

    async def answer(self, channel: str) -> None: ...

    async def stop(self, playback: str) -> None: ...

    async def let_go(self, _: str) -> None:
        self.let_gone = True

    async def play(self, channel: str, playback: str, media: Sequence[str]) -> None:
        self.heard += [sound.removeprefix("sound:") for sound in media]
        asks = self.heard[-1] in ("agent-user", "agent-pass", "agent-incorrect", "beep")
        mailbox = self.mailbox
        assert mailbox is not None
        for key in self._presses.pop(0) if asks and self._presses else "":
            self._at += 400
            if key == HANGUP:
                mailbox.put(ari.ChannelHangupRequest(channel=ari.Channel(channel)))
                continue
            stamp = datetime.fromtimestamp(self._at / 1000, UTC).isoformat()
            mailbox.put(
                ari.ChannelDtmfReceived(
                    channel=ari.Channel(channel), digit=key, duration_ms=100, timestamp=stamp
                )
            )
        mailbox.put(ari.PlaybackFinished(playback=ari.Playback(playback)))


class Office:
    """Alice with a phone and a PIN, Bob with a phone and no PIN, and a desk that is nobody's."""

    agents: ClassVar = {
        "alice": Agent(device="alice-phone", number="17", queues=("sales",)),
        "bob": Agent(device="bob-phone", number="18", queues=("sales",)),
    }
    queues: ClassVar = {"sales": Queue(dispositions={"1": "sold"}, wrapup_s=10, wrapup_max_s=60)}

    def __init__(self, post: Post, secrets: Path) -> None:
        self.post, self.secrets = post, secrets
        pin.give(secrets, "alice", PIN)

    async def open(self) -> None:
        await self.post.store.configure(self.queues, self.agents, version=1)

    async def dial(self, device: str, dialled: str, *presses: str, store: Store | None = None) -> Telephone:
        """Dial at a device, and press these at each question."""
        phone = Telephone(*presses)
        house = SimpleNamespace(
            asterisk=phone,
            store=store or self.post.store,
            listen=phone.listen,
            forget=phone.forget,
            nailed=SimpleNamespace(begin=phone.stays.append),
        )
        callflows = SimpleNamespace(agents=self.agents, pauses={"1": "lunch"})
        codes = PhoneCodes(cast(House, house), lambda: cast(Callflows, callflows), self.secrets)
        await codes.obey(dialled[:3], device, dialled[3:], "pbx-1.99")
        assert (phone.mailbox is None) is (not phone.stays), "who stays is listened to"
        return phone

    async def states(self) -> dict[str, str]:
        people = await self.post.store.agents()
        return {view.agent: f"{view.state} {view.device}".strip() for view in people}


@pytest.fixture
async def office(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    for name in ("FIRST_S", "NEXT_S"):
        monkeypatch.setattr(keypad, name, 0.05)
    made = Office(desk.post(), tmp_path / "secrets")
    await made.open()
    return made


@pytest.fixture
def never_told(desk: Desk, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The PIN is in no log of ours, in no event and in no key of Redis."""
    caplog.set_level(logging.DEBUG)
    yield
    redis = desk.redis.client()
    keys = [key for key in redis.scan_iter(f"{{{desk.site}}}*") if redis.type(key) != "stream"]
    kept = [str(redis.dump(key)) for key in keys]
    kept += [str(key) for key in redis.scan_iter("*")] + [encode(event).decode() for event in desk.log()]
    assert PIN not in caplog.text
    assert not [text for text in kept if PIN in text]


@pytest.mark.usefixtures("never_told")
async def test_alice_works_at_another_desk_today(office: Office) -> None:
    phone = await office.dial("desk-2", "*40", "17#", f"{PIN}#")
    assert phone.heard == ["agent-user", "agent-pass", "agent-loginok"]
    assert phone.let_gone
    assert (await office.states())["alice"] == "ready desk-2"
    await office.dial("desk-2", "*46")
    assert (await office.states())["alice"] == "paused desk-2"
    await office.dial("desk-2", "*45")
    assert (await office.dial("desk-2", "*41")).heard == ["agent-loggedoff"]
    assert (await office.states())["alice"] == "offline"
    assert (await office.dial("desk-2", "*45")).heard == ["pbx-invalid"]
    assert (await office.dial("alice-phone", "*45")).heard == ["activated"]
    assert (await office.states())["alice"] == "ready alice-phone"


@pytest.mark.usefixtures("never_told")
async def test_the_number_may_be_dialled_with_the_code(office: Office) -> None:
    phone = await office.dial("desk-2", "*4017", PIN)  # without `#` the end of the keys is waited for
    assert phone.heard == ["agent-pass", "agent-loginok"]
    taken_back = await office.dial("desk-2", "*4017", f"99*{PIN}#")
    assert taken_back.heard[-1] == "agent-loginok"


@pytest.mark.usefixtures("never_told")
@pytest.mark.parametrize(
    ("dialled", "presses"),
    [
        ("*4017", ["000000#", "17#", "111111#", "17#", "222222#"]),
        ("*4017", ["#", "17#", "", "17#", "*#"]),
        ("*4017", ["7" * 100, "17#", f"{PIN}0#", "17#", PIN[:-1] + "#"]),
        ("*4018", [f"{PIN}#", "99#", f"{PIN}#", "#"]),
        ("*40" + "1" * 70, [f"{PIN}#"]),
        ("*40", ["", "", ""]),
        ("*40", ["17#", HANGUP]),
        ("*40", [HANGUP]),
    ],
)
async def test_who_does_not_know_the_pin_stays_outside(
    office: Office, dialled: str, presses: list[str]
) -> None:
    phone = await office.dial("desk-2", dialled, *presses)
    assert "agent-loginok" not in phone.heard
    assert (phone.heard[-1] == "vm-goodbye") or HANGUP in presses
    assert await office.states() == {"alice": "offline alice-phone", "bob": "offline bob-phone"}


@pytest.mark.usefixtures("never_told")
async def test_guessing_is_slow(office: Office, desk: Desk) -> None:
    wrong = [part for n in range(3) for part in ("17#", f"55{n}5#")]
    for _ in range(2):
        await office.dial("desk-2", "*40", *wrong)
    assert (await office.dial("desk-3", "*40", "17#", f"{PIN}#")).heard[2] == "agent-incorrect"
    (lives,) = [
        desk.redis.client().ttl(key)
        for key in desk.redis.client().scan_iter(f"{{{desk.site}}}:tries:agent:alice")
    ]
    assert 3000 < int(str(lives)) <= 3600
    desk.redis.client().delete(f"{{{desk.site}}}:tries:agent:alice")  # an hour later
    assert (await office.dial("desk-3", "*40", "17#", f"{PIN}#")).heard[2] == "agent-loginok"
    for n in range(7):
        await office.dial("desk-4", "*40", *[f"{n}{part}#" for part in range(30, 36)])
    assert (await office.dial("desk-4", "*40", "17#", f"{PIN}#")).heard[2] == "agent-incorrect"


async def test_many_tries_at_once_are_many(office: Office) -> None:
    heard = await asyncio.gather(*(office.dial("desk-2", "*40", "17#", f"{n}999#") for n in range(8)))
    assert all("agent-loginok" not in phone.heard for phone in heard)
    assert not await office.post.store.may_try_pin("alice", "desk-9")


async def test_two_at_one_desk_in_one_instant(office: Office) -> None:
    pin.give(office.secrets, "bob", "902817")
    await asyncio.gather(
        office.dial("desk-2", "*40", "17#", f"{PIN}#"), office.dial("desk-2", "*40", "18#", "902817#")
    )
    states = sorted((await office.states()).values())
    assert states == ["offline", "ready desk-2"]


async def test_nobody_takes_the_phone_of_one_who_talks(office: Office) -> None:
    await office.dial("alice-phone", "*45")
    h = await office.post.arrive("pbx-1.1")
    await office.post.store.join(h, "sales")
    pin.give(office.secrets, "bob", "902817")
    assert (await office.dial("alice-phone", "*40", "18#", "902817#")).heard[-1] == "pbx-invalid"
    assert (await office.states())["alice"] == "offered alice-phone"


async def test_after_a_call(office: Office) -> None:
    await office.dial("alice-phone", "*45")
    h = await office.post.arrive("pbx-1.1")
    await office.post.store.join(h, "sales")
    assert (await office.dial("alice-phone", "*47")).heard == ["pbx-invalid"]
    await office.post.store.settle(h, "alice", 1)
    await office.post.store.connected(h, "alice", 1)
    assert (await office.dial("alice-phone", "*481")).heard == ["auth-thankyou"]
    await office.post.store.unbridged(h, "caller")
    assert (await office.dial("alice-phone", "*48", "1#")).heard == ["beep", "auth-thankyou"]
    assert (await office.dial("alice-phone", "*48", "2#")).heard == ["beep", "pbx-invalid"]
    assert (await office.dial("alice-phone", "*48", HANGUP)).heard == ["beep"]
    assert (await office.dial("alice-phone", "*47")).heard == ["auth-thankyou"]
    assert (await office.dial("alice-phone", "*461")).heard == ["de-activated"]
    view = (await office.post.store.agents())[0]
    assert (view.state, view.reason) == ("paused", "lunch")
    assert (await office.dial("alice-phone", "*469")).heard == ["pbx-invalid"]
    assert (await office.dial("alice-phone", "*43")).heard == ["pbx-invalid"]


async def test_redis_away(office: Office, tmp_path: Path) -> None:
    away = Store(f"unix://{tmp_path}/nowhere.sock", "x", "hf-1")
    phone = await office.dial("desk-2", "*40", "17#", f"{PIN}#", store=away)
    assert phone.heard[-1] == "pbx-invalid"
    await away.close()


Give = Callable[[str], tuple[int, str]]


@pytest.fixture
def give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Give:
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path))

    def run(given: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["agent-pin", "alice"], input=f"{given}\n")
        assert not given or given not in done.output
        return done.exit_code, done.output

    return run


def test_a_pin_is_kept_as_a_hash_and_by_its_owner_only(give: Give, tmp_path: Path) -> None:
    assert give(PIN)[0] == 0
    file = tmp_path / "secrets" / "pin-alice"
    assert file.stat().st_mode & 0o777 == 0o600
    assert PIN not in file.read_text()
    assert pin.is_right(tmp_path / "secrets", "alice", PIN)
    assert not pin.is_right(tmp_path / "secrets", "bob", PIN)
    assert not pin.is_right(tmp_path / "secrets", "", PIN)
    file.chmod(0o644)
    with pytest.raises(SecretUnfit):
        pin.is_right(tmp_path / "secrets", "alice", PIN)


@pytest.mark.parametrize(
    "given", ["", "123", "1" * 13, "12a4", "0000", "1234", "8765", "90123", "73 61", "\uff17361"]
)
def test_what_is_no_pin(give: Give, given: str, tmp_path: Path) -> None:
    assert give(given)[0] == 4
    assert not (tmp_path / "secrets" / "pin-alice").exists()


def test_no_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path))
    assert CliRunner().invoke(main, ["agent-pin", "../worker"], input="736154\n").exit_code == 2


async def test_who_dials_44_stays_and_is_ready(office: Office) -> None:
    await office.post.store.reach("alice-phone", reachable=False)
    phone = await office.dial("alice-phone", "*44")
    assert (phone.heard, phone.stays, phone.let_gone) == (["agent-loginok"], ["pbx-1.99"], False)
    assert (await office.states())["alice"] == "ready alice-phone", "the leg reaches her, not her phone"


async def test_nobody_stays_at_a_phone_where_nobody_works(office: Office) -> None:
    phone = await office.dial("desk-phone", "*44")
    assert (phone.heard, phone.stays, phone.let_gone) == (["pbx-invalid"], [], True)
