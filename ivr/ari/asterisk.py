"""The verbs: what a worker can tell Asterisk to do. Each waits for the reply unless it says otherwise."""

from collections.abc import Mapping, Sequence

import msgspec

from ivr.ari.errors import AriError, AsteriskAway, NotFound
from ivr.ari.events import WANTED, Application, Bridge, Channel, Endpoint, Info, Playback
from ivr.ari.link import Link

FALLBACK = "fallback"
"""Context of the dialplan where callers go whom we cannot serve."""


class Asterisk:
    """Commands for one Asterisk over its link; `app` is this worker's Stasis application."""

    def __init__(self, link: Link, app: str) -> None:
        self.link = link
        self.app = app

    async def subscribe(self) -> None:
        """Ask for the events we use. Needed after each connect."""
        allowed = {"allowed": [{"type": kind} for kind in WANTED]}
        await self.link.request("PUT", f"applications/{self.app}/eventFilter", body=allowed)

    async def started_at(self) -> int:
        """When its process began, ms."""
        reply = await self.link.request("GET", "asterisk/info", {"only": "status"})
        return msgspec.json.decode(reply, type=Info).status.started_at

    def claim(self, channel: str) -> None:
        """Claim a broadcast call; `StasisStart` tells that we have won it. Does not wait for the reply."""
        self.link.send("POST", "events/claim", {"channelId": channel, "application": self.app})

    async def answer(self, channel: str) -> None:
        await self.link.request("POST", f"channels/{channel}/answer")

    async def play(self, channel: str, playback: str, media: Sequence[str]) -> None:
        """Start playing sounds in order; `PlaybackFinished` tells the end."""
        query = {"playbackId": playback, "media": ",".join(media)}
        await self.link.request("POST", f"channels/{channel}/play", query)

    async def stop(self, playback: str) -> None:
        """Stop a playback; one that has ended already is no error."""
        await self.forgive("DELETE", f"playbacks/{playback}")

    async def plays(self, playback: str) -> bool:
        """Whether a playback is being heard: begun, and not over."""
        try:
            reply = await self.link.request("GET", f"playbacks/{playback}")
        except AriError:
            return False
        return msgspec.json.decode(reply, type=Playback).state not in ("queued", "done", "failed")

    async def record(self, channel: str, name: str, max_s: int, silence_s: int, beep: bool) -> None:
        """Record a channel into `<name>.wav`; `RecordingFinished` tells the end. 0 s: no limit."""
        query = {"name": name, "format": "wav", "ifExists": "overwrite", "beep": "true" if beep else "false"}
        query |= {"maxDurationSeconds": str(max_s), "maxSilenceSeconds": str(silence_s)}
        await self.link.request("POST", f"channels/{channel}/record", query)

    async def stop_recording(self, name: str) -> None:
        """End a recording and keep it; one that has ended already is no error."""
        await self.forgive("POST", f"recordings/live/{name}/stop")

    async def start_music(self, channel: str, music: str) -> None:
        """Play music until `stop_music` or `bridge`. Does not wait for the reply."""
        self.link.send("POST", f"channels/{channel}/moh", {"mohClass": music})

    def end_music(self, channel: str) -> None:
        """As `stop_music`, without waiting."""
        self.link.send("DELETE", f"channels/{channel}/moh")

    async def stop_music(self, channel: str) -> None:
        await self.forgive("DELETE", f"channels/{channel}/moh")

    async def mark(self, channel: str, name: str, value: str) -> None:
        """Set a channel variable. Does not wait for the reply."""
        self.link.send("POST", f"channels/{channel}/variable", {"variable": name, "value": value})

    async def holds(self, channel: str) -> bool:
        """Whether a channel is in an application, and has not been hung up: its own thread must answer."""
        query = {"variable": "HF_HELD", "value": "1"}
        try:
            await self.link.request("POST", f"channels/{channel}/variable", query)
        except AriError:
            return False
        return True

    async def read_mark(self, channel: str, name: str) -> str:
        """A channel variable's value; empty if unset or gone."""
        try:
            reply = await self.link.request("GET", f"channels/{channel}/variable", {"variable": name})
        except AriError:
            return ""
        return msgspec.json.decode(reply, type=dict[str, str]).get("value", "")

    async def own_cause(self, channel: str) -> int | None:
        """Why Asterisk ends a channel by itself, by Q.850 (0: it says no more); None: its phone does it."""
        if await self.read_mark(channel, "CHANNEL(hangupsource)"):
            return None
        cause = await self.read_mark(channel, "HANGUPCAUSE")
        return int(cause) if cause.isdecimal() else None

    async def create(self, device: str, leg: str) -> None:
        """Make a channel to a phone, with an id of our making; it can be dialled after its `StasisStart`.

        Create and dial, not originate: originate follows a phone's redirection (302) to wherever it points.
        """
        query = {"endpoint": f"PJSIP/{device}", "app": self.app, "channelId": leg, "appArgs": "agent"}
        await self.link.request("POST", "channels/create", query)

    async def show(self, leg: str, number: str) -> None:
        """Have a created channel's phone show this number when it is dialled. Does not wait for the reply."""
        await self.mark(leg, "CONNECTEDLINE(num,i)", number)

    async def dial(self, leg: str, timeout_s: int, caller: str) -> None:
        """Ring a created channel's phone; its state `Up` tells the answer, `ChannelDestroyed` the refusal.

        The phone shows number and name of the channel `caller`: Asterisk hands them on, we never touch them.
        Empty: what `show` has said, else that the caller hides his number.
        """
        query = {"timeout": str(timeout_s)}
        if caller:
            query["caller"] = caller
        await self.link.request("POST", f"channels/{leg}/dial", query)

    async def bridge(
        self, bridge: str, channels: Sequence[str], musical: str, keys_of: Sequence[str] = ()
    ) -> None:
        """Make a bridge, if it is not there, and put the channels into it, all or `AriError`.

        `musical`: the channel that hears music until then; a bridge alone would not end it. `keys_of`: whose
        keys are for us and not to be heard by the others: Asterisk must see every key of such a bridge, or it
        would hand on the sound without looking at it.
        """
        kind = "mixing,dtmf_events" if keys_of else "mixing"
        self.link.send("POST", "bridges", {"bridgeId": bridge, "type": kind})
        if musical:
            self.link.send("DELETE", f"channels/{musical}/moh")
        others = [channel for channel in channels if channel not in keys_of]
        path = f"bridges/{bridge}/addChannel"
        if others:
            await self.link.request("POST", path, {"channel": ",".join(others)})
        if keys_of:
            await self.link.request("POST", path, {"channel": ",".join(keys_of), "absorbDTMF": "true"})

    def press(self, channel: str, keys: str, press_ms: int, pause_ms: int) -> None:
        """Let the telephone of a channel have these keys. Does not wait for the reply.

        Until they are played, other orders for that channel wait, and with them all that come after.
        """
        query = {"dtmf": keys, "duration": str(press_ms), "between": str(pause_ms)}
        self.link.send("POST", f"channels/{channel}/dtmf", query)

    def whisper(self, channel: str, whisperer: str) -> None:
        """Make a channel whose sound only the telephone of `channel` hears, besides what it hears anyway.

        Its `StasisStart` has the argument `tone`. Does not wait for the reply.
        """
        query = {"spy": "none", "whisper": "out", "app": self.app, "appArgs": "tone"}
        self.link.send("POST", f"channels/{channel}/snoop/{whisperer}", query)

    async def sound_ringing(self, channel: str) -> None:
        """Let an answered channel that is in no bridge hear that it rings somewhere. Does not wait."""
        self.link.send("POST", f"channels/{channel}/ring")

    async def stop_ringing(self, channel: str) -> None:
        """No more of that. Does not wait for the reply."""
        self.link.send("DELETE", f"channels/{channel}/ring")

    async def tell_transfer(self, channel: str, state: str) -> None:
        """Tell the phone that has sent REFER what came of it. Does not wait for the reply.

        `state`: channel_progress, channel_answered, channel_unavailable or channel_declined.
        """
        self.link.send("POST", f"channels/{channel}/transfer_progress", {"states": state})

    async def unbridge(self, bridge: str, goes_on: str = "") -> None:
        """Take a bridge down; its channels stay with us. One that is gone is no error.

        `goes_on`: a channel that will be played something; waits until it is out. Asterisk drops a playback
        for a channel that is just leaving a bridge: it is not heard, and its end is never told.
        """
        if goes_on:
            await self.forgive("POST", f"bridges/{bridge}/removeChannel", {"channel": goes_on})
        self.link.send("DELETE", f"bridges/{bridge}")

    def leave(self, bridge: str, channel: str) -> None:
        """Take a channel out of a bridge; gone is as good as done. Does not wait for the reply."""
        self.link.send("POST", f"bridges/{bridge}/removeChannel", {"channel": channel})

    async def bridges_of(self, channel: str) -> list[str]:
        """The bridges in which a channel is: all of them are looked at."""
        reply = await self.link.request("GET", "bridges")
        bridges = msgspec.json.decode(reply, type=list[Bridge])
        return [bridge.id for bridge in bridges if channel in bridge.channels]

    async def bridged(self, bridge: str) -> list[str]:
        """The channels in a bridge; none if the bridge is gone."""
        try:
            reply = await self.link.request("GET", f"bridges/{bridge}")
        except NotFound:
            return []
        return msgspec.json.decode(reply, type=Bridge).channels

    async def fall_back(self, channel: str) -> None:
        """Give a caller back to the dialplan, which has a way out for those we cannot serve."""
        self.link.send("POST", f"channels/{channel}/continue", {"context": FALLBACK, "extension": "s"})

    async def let_go(self, channel: str) -> None:
        """Let the dialplan end a channel once all that was asked of it before is done. No wait."""
        self.link.send("POST", f"channels/{channel}/continue")

    def hush(self, playback: str) -> None:
        """As `stop`, without waiting."""
        self.link.send("DELETE", f"playbacks/{playback}")

    async def hang_up(self, channel: str, cause: int = 16) -> None:
        """End a channel with a Q.850 cause; one that is gone is no error. Does not wait for the reply."""
        self.link.send("DELETE", f"channels/{channel}", {"reason_code": str(cause)})

    async def take(self, channel: str) -> None:
        """Move a channel from another worker's application into ours; media goes on."""
        await self.link.request("POST", f"channels/{channel}/move", {"app": self.app, "appArgs": "adopted"})

    async def channels(self) -> dict[str, Channel]:
        """Every live channel by id."""
        reply = await self.link.request("GET", "channels")
        return {channel.id: channel for channel in msgspec.json.decode(reply, type=list[Channel])}

    async def lives(self, channel: str) -> bool:
        """Whether Asterisk still has this channel, in our application or not."""
        return await self.state(channel) != ""

    async def state(self, channel: str) -> str:
        """A channel's state, such as `Ringing` or `Up`; empty: Asterisk does not have it any more."""
        found = await self.channel(channel)
        return found.state or "unknown" if found is not None else ""

    async def channel(self, channel: str) -> Channel | None:
        """A channel, in our application or not; None: Asterisk does not have it any more."""
        try:
            reply = await self.link.request("GET", f"channels/{channel}")
        except NotFound:
            return None
        return msgspec.json.decode(reply, type=Channel)

    async def application(self) -> Application:
        """What our application holds."""
        return msgspec.json.decode(
            await self.link.request("GET", f"applications/{self.app}"), type=Application
        )

    async def phones(self) -> list[Endpoint]:
        """Each SIP device and trunk: whether it can be rung (`online`), and its channels."""
        reply = await self.link.request("GET", "endpoints/PJSIP")
        return msgspec.json.decode(reply, type=list[Endpoint])

    async def forgive(self, method: str, path: str, query: Mapping[str, str] | None = None) -> None:
        """A command for the tidying-up, where gone is as good as done."""
        try:
            await self.link.request(method, path, query)
        except (AriError, AsteriskAway):
            return
