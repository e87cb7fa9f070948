"""Calls of an agent's telephone on another line while he talks: by them he asks somebody about his caller.

    CallBroadcast ──► who sits there? ──► he talks to a caller of ours ──► claim ──► StasisStart ──► his Talk

Only the worker of his caller claims such a call. Who talks to nobody calls nobody: the dialplan refuses him.
"""

from collections.abc import Mapping

from ivr.ari import Asterisk
from ivr.ari.events import Channel
from ivr.phone_codes import CODES
from ivr.session import Session
from queues.errors import StoreAway
from queues.store import Store

CONTEXT = "agents"
"""The dialplan context from which agents' telephones call."""


def is_second_call(channel: Channel) -> bool:
    """Whether an agent's telephone calls somebody, and has not dialled a code."""
    return channel.dialplan.context == CONTEXT and not channel.dialplan.exten.startswith(CODES)


class SecondCalls:
    """Brings such a call to the talk that it belongs to."""

    def __init__(self, asterisk: Asterisk, store: Store, sessions: Mapping[str, Session]) -> None:
        self._asterisk = asterisk
        self._store = store
        self._sessions = sessions
        self._claimed: dict[str, str] = {}
        """Its channel → who dials."""

    async def claim(self, channel: Channel) -> None:
        """Claim it if he who dials talks to a caller of ours. Raises AriError, AsteriskAway, Silenced."""
        device = channel.name.removeprefix("PJSIP/").rpartition("-")[0]
        try:
            agent = await self._store.agent_at_device(device)
        except StoreAway:
            return  # nobody can be reserved for him now
        if agent is not None and self._session_of(agent) is not None:
            self._claimed[channel.id] = agent
            self._asterisk.claim(channel.id)

    async def enter(self, channel: Channel) -> None:
        """It has come to us. Raises AriError, AsteriskAway, Silenced."""
        session = self._session_of(self._claimed.pop(channel.id, ""))
        if session is None or session.talk is None:
            await self._asterisk.hang_up(channel.id)
        else:
            session.talk.dialled(channel.id, channel.dialplan.exten)

    def _session_of(self, agent: str) -> Session | None:
        talks = (each for each in self._sessions.values() if each.talk is not None)
        return next((each for each in talks if each.talk and each.talk.leg.agent == agent and agent), None)
