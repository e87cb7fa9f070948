"""What Asterisk tells us: one small type per event, holding the fields we use and nothing else.

Field names and meanings: Asterisk's own `rest-api/api-docs/events.json`.
"""

from datetime import datetime
from typing import Annotated

import msgspec


class Caller(msgspec.Struct):
    number: str = ""
    name: str = ""


class Dialplan(msgspec.Struct):
    context: str = ""
    exten: str = ""
    app_name: str = ""
    """What of the dialplan serves it now."""


Id = Annotated[str, msgspec.Meta(min_length=1)]


class Channel(msgspec.Struct):
    id: Id
    name: str = ""
    state: str = ""
    caller: Caller = msgspec.field(default_factory=Caller)
    dialplan: Dialplan = msgspec.field(default_factory=Dialplan)
    creationtime: str = ""

    @property
    def created_at(self) -> int:
        """When Asterisk made it, ms since the epoch."""
        return stamp_ms(self.creationtime)


class Playback(msgspec.Struct):
    id: Id
    state: str = ""


class LiveRecording(msgspec.Struct):
    name: Id
    state: str = ""
    cause: str = ""


class Bridge(msgspec.Struct):
    id: str
    channels: list[str] = []


class Endpoint(msgspec.Struct):
    resource: str
    technology: str = ""
    state: str = ""
    channel_ids: list[str] = []


class Application(msgspec.Struct):
    """Which channels and bridges an application holds (`GET /applications/{name}`)."""

    name: str
    channel_ids: list[str] = []
    bridge_ids: list[str] = []


class Status(msgspec.Struct):
    startup_time: str

    @property
    def started_at(self) -> int:
        """When this process of Asterisk began, ms since the epoch."""
        return stamp_ms(self.startup_time)


class Info(msgspec.Struct):
    """About Asterisk itself (`GET /asterisk/info?only=status`)."""

    status: Status


class RESTResponse(msgspec.Struct, tag=True):
    """Reply to one of our commands."""

    request_id: str
    status_code: int
    reason_phrase: str = ""
    message_body: str = ""


class _Event(msgspec.Struct):
    timestamp: str = ""

    @property
    def at(self) -> int:
        """When it happened by Asterisk's clock, ms since the epoch; also right for events told late."""
        return stamp_ms(self.timestamp)


class _ChannelEvent(_Event, kw_only=True):
    channel: Channel


class CallBroadcast(_ChannelEvent, tag=True):
    """A new call that any worker may claim."""


UNHEARD = 44
"""The Q.850 cause by which Asterisk ends a channel from which no sound has come for too long."""

_BY_DEVICE = 1
"""AST_SOFTHANGUP_DEV: with PJSIP, whose sound has not come for too long."""
_BY_SHUTDOWN = 4
"""AST_SOFTHANGUP_SHUTDOWN."""


class StasisStart(_ChannelEvent, tag=True):
    """A channel has come to our application."""

    args: list[str] = []
    replace_channel: Channel | None = None


class ChannelStateChange(_ChannelEvent, tag=True):
    """A channel rings or is up."""


class ChannelDtmfReceived(_ChannelEvent, tag=True):
    digit: str = ""
    duration_ms: int = 0


class ChannelHangupRequest(_ChannelEvent, tag=True):
    """The channel is to end: its party has hung up, or (`soft`) somebody in Asterisk wants it."""

    cause: int = 0
    soft: bool = False

    @property
    def q850(self) -> int:
        """The cause by Q.850. Of a `soft` one `cause` says who it was: AST_SOFTHANGUP_… in channel.h."""
        if self.soft:
            return UNHEARD if self.cause & _BY_DEVICE else 0
        return self.cause

    @property
    def shut_down(self) -> bool:
        """Asterisk ends all its channels, because somebody has told it to stop."""
        return self.soft and bool(self.cause & _BY_SHUTDOWN)


class ChannelDestroyed(_ChannelEvent, tag=True):
    """The channel has ended. `cause`: by Q.850."""

    cause: int = 0
    cause_txt: str = ""
    tech_cause: int = 0
    """The SIP status with which a call to a phone was refused; 0: it was not."""

    @property
    def q850(self) -> int:
        return self.cause


class ChannelHold(_ChannelEvent, tag=True):
    """The party has put the call on hold by SIP."""


class ChannelUnhold(_ChannelEvent, tag=True):
    """The party has taken the call back from hold."""


class Requested(msgspec.Struct):
    """Where a phone wants a call to go: a user part, or the SIP Call-ID of another call of its own."""

    destination: str = ""
    protocol_id: str = ""


class ReferTo(msgspec.Struct):
    requested_destination: Requested
    destination_channel: Channel | None = None
    """Our channel of that other call, if it is there."""


class ReferredBy(msgspec.Struct):
    source_channel: Channel


class ChannelTransfer(_Event, tag=True, kw_only=True):
    """A phone has sent REFER. Told again, with a `state`, for each word of ours on what became of it."""

    refer_to: ReferTo
    referred_by: ReferredBy
    state: str = ""

    @property
    def channel(self) -> Channel:
        """The channel whose phone has sent it."""
        return self.referred_by.source_channel


class PlaybackFinished(_Event, tag=True, kw_only=True):
    """`playback.state` is `done` only if the sound was really played."""

    playback: Playback


class RecordingFinished(_Event, tag=True, kw_only=True):
    """A recording is over, and its file is written."""

    recording: LiveRecording


class RecordingFailed(_Event, tag=True, kw_only=True):
    recording: LiveRecording


ChannelEvent = (
    StasisStart
    | ChannelStateChange
    | ChannelDtmfReceived
    | ChannelHangupRequest
    | ChannelDestroyed
    | ChannelHold
    | ChannelUnhold
    | ChannelTransfer
)
Event = CallBroadcast | ChannelEvent | PlaybackFinished | RecordingFinished | RecordingFailed
Message = Event | RESTResponse

WANTED: list[str] = [
    "RESTResponse",  # the filter holds back replies, too
    "CallBroadcast",
    "StasisStart",
    "ChannelStateChange",
    "ChannelDtmfReceived",
    "ChannelHangupRequest",
    "ChannelDestroyed",
    "ChannelHold",
    "ChannelUnhold",
    "ChannelTransfer",
    "PlaybackFinished",
    "RecordingFinished",
    "RecordingFailed",
]
"""Event types for the event filter of a worker's application: the others never leave Asterisk."""

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def decode(raw: bytes | str) -> Message:
    """One socket message as a typed value. Raises `msgspec.ValidationError` for a type we do not know."""
    return _decoder.decode(raw)


def stamp_ms(timestamp: str) -> int:
    """Asterisk's timestamp (`2026-01-31T12:00:00.123+0000`) in ms since the epoch; 0 if it is none."""
    try:
        return round(datetime.fromisoformat(timestamp).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0
