"""What agents dial at their phones, and what they hear and press then. docs/queues.md has the list.

    dialled ──► *40 ──► number? ──► PIN? ──┬─► logged in
                  ▲                        └─► wrong: asked again, three times; in time fewer are looked at
                  └── the others are for whoever is logged in at this phone, or whose home it is

A PIN is in nothing that is kept: not dialled with the number, not logged, not in Redis, not in a channel
variable. Who hangs up, whose worker dies or whose Redis is away has done nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from calllog.errors import HoldfastError
from ivr import pin
from ivr.ari import AriError
from ivr.caller import House
from ivr.callflows import Callflows
from ivr.keypad import Keypad
from ivr.secret import SecretUnfit
from queues.errors import DeviceTaken, NotNow, UnknownAgent, UnknownDevice
from queues.store import AgentAction

log = logging.getLogger(__name__)

CODES = "*4"
"""Begins each code."""
LOGIN = "*40"
STAY = "*44"
ACTIONS: dict[str, tuple[AgentAction, str]] = {
    "*41": ("offline", "agent-loggedoff"),
    "*45": ("ready", "activated"),
    "*46": ("pause", "de-activated"),
    "*47": ("extend", "auth-thankyou"),
    "*48": ("disposition", "auth-thankyou"),
}
"""Code → what is asked for, and the sound that says that it is done."""
REFUSED = "pbx-invalid"
LOGINS = 3
"""So often one call may try to log in."""
DIGITS = 12


class PhoneCodes:
    """Carries codes out."""

    def __init__(self, house: House, callflows: Callable[[], Callflows], secrets: Path) -> None:
        """`secrets`: the directory with the agents' PINs."""
        self._house = house
        self._callflows = callflows
        self._secrets = secrets

    async def obey(self, code: str, device: str, digits: str, channel: str) -> None:
        """Carry out a code dialled at a device, say so, and let the phone go."""
        keypad = Keypad(self._house, channel)
        try:
            spoken = await self._carry_out(code, device, digits[:DIGITS], keypad)
            if spoken:
                await keypad.play(spoken)
            if not keypad.stays:
                await self._house.asterisk.let_go(channel)
        except AriError as error:
            log.debug("the agent did not wait for the confirmation: %s", error)
        finally:
            if not keypad.stays:
                keypad.close()

    async def _carry_out(self, code: str, device: str, digits: str, keypad: Keypad) -> str:
        """The sound that says what has come of it; empty: he has hung up."""
        try:
            if code == LOGIN:
                return await self._log_in(device, digits, keypad)
            if code == STAY:
                return await self._stay(device, keypad)
            if code in ACTIONS:
                return await self._act(code, device, digits, keypad)
            log.warning("code %s refused at %s: there is none", code, device)
        except (NotNow, DeviceTaken, UnknownAgent, UnknownDevice) as refused:
            log.info("code %s refused at %s: %s", code, device, refused)
        except HoldfastError as error:
            log.error("code %s failed at %s: %s", code, device, error)
        return REFUSED

    # Whoever is at this phone

    async def _act(self, code: str, device: str, digits: str, keypad: Keypad) -> str:
        agent = await self._whose(device)
        if not agent:
            log.warning("code %s refused: nobody is logged in at %s", code, device)
            return REFUSED
        action, spoken = ACTIONS[code]
        what = ""
        if action == "pause":
            what = self._callflows().pauses.get(digits, "") if digits else "phone"
        elif action == "disposition":
            what = digits or await keypad.ask("beep", DIGITS)
        if not what and action in ("pause", "disposition"):
            return REFUSED if not keypad.gone else ""
        await self._house.store.agent(agent, action, what, device if action in ("ready", "pause") else None)
        return spoken

    async def _whose(self, device: str) -> str:
        """Who is logged in here; if nobody is, whose only home it is."""
        agent = await self._house.store.agent_at_device(device)
        if agent is not None:
            return agent
        home = [name for name, each in self._callflows().agents.items() if each.device == device]
        return home[0] if len(home) == 1 else ""

    async def _stay(self, device: str, keypad: Keypad) -> str:
        """He is ready, and this call stays connected; callers come on it."""
        agent = await self._whose(device)
        if not agent:
            log.warning("code %s refused: nobody is logged in at %s", STAY, device)
            return REFUSED
        await keypad.hear("agent-loginok")
        if not keypad.gone:
            await self._house.store.agent(agent, "nail", keypad.channel, device)
            keypad.stays = True
            self._house.nailed.begin(keypad.channel)
        return ""

    # Hot desk

    async def _log_in(self, device: str, number: str, keypad: Keypad) -> str:
        asked = "agent-user"
        for _ in range(LOGINS):
            number = number or await keypad.ask(asked, DIGITS)
            tried = await keypad.ask("agent-pass", pin.LONGEST) if number else ""
            if keypad.gone:
                return ""
            agent = await self._whose_pin(number, tried, device)
            if agent:
                await self._house.store.agent(agent, "ready", device=device)
                await self._house.store.pin_was_right(agent, device)
                return "agent-loginok"
            number, asked = "", "agent-incorrect"  # which asks for the number, too
        return "vm-goodbye"

    async def _whose_pin(self, number: str, tried: str, device: str) -> str:
        agents = self._callflows().agents
        agent = next((name for name, each in agents.items() if number and each.number == number), "")
        if not await self._house.store.may_try_pin(agent, device):
            log.warning("too many PINs were tried at %s, or for an agent who was named there", device)
            return ""
        try:
            right = await asyncio.to_thread(pin.is_right, self._secrets, agent, tried)
        except SecretUnfit as error:
            log.error("%s", error)
            right = False
        return agent if right else ""
