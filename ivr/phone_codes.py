"""What an agent dials at his phone: `*45` ready, `*46` pause. He hears a word of confirmation."""

import logging
from typing import Literal

from ivr.ari import AriError, Asterisk
from queues.store import Store

log = logging.getLogger(__name__)

ACTIONS: dict[str, tuple[Literal["ready", "pause"], str]] = {
    "*45": ("ready", "sound:activated"),
    "*46": ("pause", "sound:de-activated"),
}
REFUSED = "sound:pbx-invalid"


async def obey(code: str, device: str, channel: str, asterisk: Asterisk, store: Store) -> None:
    """Carry out a code dialled at a device, say so, and let the phone go."""
    agent = await store.agent_at_device(device)
    spoken = REFUSED
    if agent is None or code not in ACTIONS:
        log.warning("code %s refused: nobody is logged in at %s", code, device)
    else:
        action, spoken = ACTIONS[code]
        await store.agent(agent, action, what="phone" if action == "pause" else "")
    try:
        await asterisk.answer(channel)
        await asterisk.play(channel, f"{channel}-p0", [spoken])
        await asterisk.let_go(channel)
    except AriError as error:
        log.debug("the agent did not wait for the confirmation: %s", error)
