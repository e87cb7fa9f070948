"""Asterisk as a worker sees it: a client that connects, tells events, and answers commands.

It knows little: which channels, bridges and playbacks there are, and who hangs up. What it says is taken from
recordings; a command that a recording does not have gets the reply that Asterisk would have given, which
follows from what there is.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, encode_basic_auth

from tests.wire.recording import REPLY, Line

PHRASES = {200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 404: "Not Found"}
PHRASES |= {409: "Conflict", 422: "Unprocessable Entity", 500: "Internal Server Error"}

OURS_ONLY = ("answer", "play", "moh", "dial", "continue")
"""Commands for channels that are in an application."""

Reply = tuple[int, str]
"""Status and body."""


class Answer(NamedTuple):
    """How a command is answered."""

    reply: Reply
    number: int | None = None
    """Wait until this is allowed."""
    never: bool = False
    """It is carried out, and nobody is told."""


@dataclass
class Channel:
    """A channel as far as commands depend on it."""

    id: str
    told: dict[str, Any]
    """As the last event described it."""
    ours: bool = False
    """It is in the worker's application."""
    gone: bool = False
    ending: bool = False
    """Its end was asked for and has not been told."""
    variables: dict[str, str] = field(default_factory=dict)


class AsteriskDouble:
    """One Asterisk for one worker. Times of events are the present."""

    def __init__(
        self, url: str, password: str, greeting: Mapping[str, Reply], templates: Mapping[str, Any]
    ) -> None:
        """`greeting`: replies to what a worker asks at first; `templates`: an event of each type."""
        self._url = url
        self._password = password
        self._greeting = greeting
        self._templates = templates
        self._session: ClientSession | None = None
        self._socket: ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self.starts = 1
        """How often it was started; who asks is told a time."""
        self.on_command: Callable[[Line], Answer] = lambda command: Answer(self.natural(command))
        """Asked for the reply to each command."""
        self.reset()

    def reset(self) -> None:
        """Nothing is there any more."""
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, set[str]] = {}
        self.playing: dict[str, str] = {}
        """Playback → its channel."""
        self.sounds_are = "playing"
        """What is said of a playback that somebody asks after."""
        self.answered: set[str] = set()
        self.bridged: list[set[str]] = []
        self.claimed: set[str] = set()
        self.kept: list[dict[str, Any]] = []
        self.commands: list[Line] = []
        self.held: deque[tuple[int | None, str]] = deque()
        """Replies that wait for their number to be allowed, and those behind them."""
        self._allowed: set[int] = set()
        self.sent = 0

    # The socket

    @property
    def connected(self) -> bool:
        return self._socket is not None and not self._socket.closed

    async def connect(self) -> None:
        """Come, and tell first what was kept; replies that were not given are never given."""
        self.held.clear()
        if self._session is None:
            account = encode_basic_auth("asterisk", self._password)
            self._session = ClientSession(headers={"Authorization": account})
        self._socket = await self._session.ws_connect(self._url, protocols=("ari",), max_msg_size=0)
        self._reader = asyncio.create_task(self._read(self._socket))
        kept, self.kept = self.kept, []
        for event in kept:
            await self._put(event)

    async def disconnect(self) -> None:
        """Go without a word; replies that were not given are never given."""
        socket, self._socket = self._socket, None
        self.held.clear()
        if socket is not None:
            socket._response.close()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def close(self) -> None:
        """Go for good."""
        await self.disconnect()
        if self._session is not None:
            await self._session.close()

    async def say(self, text: str) -> None:
        """Put any text on the socket."""
        assert self._socket is not None
        self.sent += 1
        await self._socket.send_str(text)

    async def _put(self, event: dict[str, Any]) -> None:
        if self.connected:
            await self.say(msgspec.json.encode(event).decode())
        else:
            self.kept.append(event)

    async def _read(self, socket: ClientWebSocketResponse) -> None:
        async for message in socket:
            assert message.type is WSMsgType.TEXT
            await self._obey(Line("out", 0, msgspec.json.decode(message.data)))

    # Events

    async def tell(self, event: Mapping[str, Any], times: int = 1) -> None:
        """Something happens, now: it is told (`times`), or kept while nobody is there."""
        event = {**event, "timestamp": stamp()}
        described = event.get("channel")
        if described is not None:
            event["channel"] = described = {**described, "creationtime": event["timestamp"]}
            channel = self.channels.setdefault(described["id"], Channel(described["id"], described))
            channel.told = described
        self._happen(event)
        for _ in range(times):
            await self._put(event)

    def _happen(self, event: Mapping[str, Any]) -> None:
        kind = event["type"]
        name = event.get("channel", {}).get("id", "")
        match kind:
            case "StasisStart":
                self.channels[name].ours = True
            case "ChannelDestroyed":
                self.vanish(name)
            case "ChannelHangupRequest" if "-a" not in name:
                self.vanish(name)
            case "PlaybackFinished":
                self.playing.pop(event["playback"]["id"], None)

    def vanish(self, name: str) -> None:
        """A channel goes, and nobody is told."""
        self.channels[name].gone = True
        self.channels[name].ending = False
        for members in self.bridges.values():
            members.discard(name)
        for playback in [each for each, channel in self.playing.items() if channel == name]:
            del self.playing[playback]

    def event(self, kind: str, channel: str = "", **fields: Any) -> dict[str, Any]:
        """An event that no recording has at this place, in the form of one that was recorded."""
        made: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self._templates[kind]))
        if channel:
            known = self.channels.get(channel)
            made["channel"] = {**(known.told if known else made["channel"]), "id": channel}
        return made | fields

    async def hang_up(self, channel: str, cause: int = 16, hint: bool = True) -> None:
        """A party hangs up, or its end is carried out. `hint`: with a ChannelHangupRequest before it."""
        if "-a" not in channel:
            if hint:
                await self.tell(self.event("ChannelHangupRequest", channel))
            else:
                self.vanish(channel)
            return
        if hint:
            await self.tell(self.event("ChannelHangupRequest", channel, cause=cause))
        await self.tell(self.event("ChannelDestroyed", channel, cause=cause))

    async def catch_up(self) -> bool:
        """Tell the ends that were asked for, and that sounds are over; whether there was anything to tell."""
        if self.held:
            await self.release()
            return True
        ending = [channel.id for channel in self.channels.values() if channel.ending]
        for name in ending:
            await self.hang_up(name)
        playing = list(self.playing)
        for playback in playing:
            described = {**self._templates["PlaybackFinished"]["playback"], "id": playback}
            await self.tell(self.event("PlaybackFinished", playback={**described, "state": "done"}))
        return bool(ending or playing)

    # Commands

    async def _obey(self, command: Line) -> None:
        self.commands.append(command)
        answer = self.on_command(command)
        status, body = answer.reply
        if status < 400:
            self._carry_out(command)
        if answer.never:
            return
        reply = {
            "type": REPLY,
            "transaction_id": "",
            "request_id": command.m["request_id"],
            "status_code": status,
            "reason_phrase": PHRASES[status],
            "uri": command.m["uri"],
            "content_type": "application/json",
            "message_body": body,
            "application": "hf-1",
            "timestamp": stamp(),
        }
        self.held.append((answer.number, msgspec.json.encode(reply).decode()))
        await self._drain()

    async def allow(self, number: int) -> None:
        """Give the reply with this number, once it has its turn."""
        self._allowed.add(number)
        await self._drain()

    async def release(self) -> None:
        """Give all replies that wait, in their order."""
        self._allowed.update(number for number, _ in self.held if number is not None)
        await self._drain()

    async def _drain(self) -> None:
        while self.held and (self.held[0][0] is None or self.held[0][0] in self._allowed):
            _, text = self.held.popleft()
            if self.connected:
                await self.say(text)

    def natural(self, command: Line) -> Reply:
        """What Asterisk would say."""
        method, uri = command.m["method"], command.m["uri"]
        parts = uri.split("/")
        match method, parts:
            case "GET", ["asterisk", "info"]:
                return 200, _json({"status": {"startup_time": f"2026-01-01T00:00:00.{self.starts:03}+0000"}})
            case "GET", ["channels"]:
                return 200, _json([c.told for c in self.channels.values() if not c.gone])
            case "GET", ["applications", app]:
                ours = [c.id for c in self.channels.values() if c.ours and not c.gone]
                return 200, _json({"name": app, "channel_ids": ours, "bridge_ids": list(self.bridges)})
            case "GET", ["channels", name, "variable"]:
                value = self._known(name) and self.channels[name].variables.get(query(command)["variable"])
                return (200, _json({"value": value})) if value else (404, "")
            case "POST", ["channels", "create"]:
                return 200, _json({"id": query(command)["channelId"]})
            case "POST", ["events", "claim"]:
                return (204, "") if self._known(query(command)["channelId"]) else (404, "")
            case "POST", ["bridges"]:
                return 200, _json({"id": query(command)["bridgeId"], "channels": []})
            case "GET", ["channels", name]:
                return (200, _json(self.channels[name].told)) if self._known(name) else (404, "")
            case _, ["channels", name, *_]:
                if not self._known(name):
                    return 404, ""
                if not self.channels[name].ours and parts[-1] in OURS_ONLY:
                    return 409, ""
                return 201 if parts[-1] == "play" else 204, ""
            case _, ["bridges", name, *_]:
                return self._about_bridge(command, name)
            case "GET", ["playbacks", name] if name in self.playing:
                return 200, _json({"id": name, "state": self.sounds_are})
            case _, ["playbacks", name]:
                return (204, "") if name in self.playing else (404, "")
            case "POST", ["recordings", "live", _, "stop"]:
                return 404, ""  # in these plays nobody is recorded
        return self._greeting[f"{method} {uri}"]

    def _about_bridge(self, command: Line, name: str) -> Reply:
        if name not in self.bridges:
            return 404, ""
        if command.m["method"] == "GET":
            return 200, _json({"id": name, "channels": sorted(self.bridges[name])})
        wanted = query(command).get("channel", "")
        gone = [each for each in wanted.split(",") if wanted and not self._known(each)]
        if command.m["uri"].endswith("removeChannel") and wanted not in self.bridges[name]:
            return 422, ""
        return (400, "") if gone else (204, "")

    def _known(self, name: str) -> bool:
        return name in self.channels and not self.channels[name].gone

    def _carry_out(self, command: Line) -> None:
        asked = query(command)
        match command.m["method"], command.m["uri"].split("/"):
            case "POST", ["events", "claim"]:
                self.claimed.add(asked["channelId"])
            case "POST", ["channels", "create"]:
                described = self.event("StasisStart", asked["channelId"])["channel"]
                self.channels[asked["channelId"]] = Channel(asked["channelId"], described)
            case "POST", ["channels", name, "answer"]:
                self.answered.add(name)
            case "POST", ["channels", name, "variable"]:
                self.channels[name].variables[asked["variable"]] = asked["value"]
            case "POST", ["channels", name, "play"]:
                self.playing[asked["playbackId"]] = name
            case "DELETE", ["channels", name]:
                self.channels[name].ending = True
            case "POST", ["channels", name, "continue"]:
                self.channels[name].ours = False  # the dialplan has it; we are told no more of it
            case "POST", ["bridges"]:
                self.bridges[asked["bridgeId"]] = set()
            case "POST", ["bridges", name, "addChannel"]:
                self.bridges[name] |= set(asked["channel"].split(","))
                self.bridged.append(set(self.bridges[name]))
            case "POST", ["bridges", name, "removeChannel"]:
                self.bridges[name].discard(asked["channel"])
            case "DELETE", ["bridges", name]:
                self.bridges.pop(name, None)


def query(command: Line) -> dict[str, str]:
    """A command's parameters."""
    return {each["name"]: each["value"] for each in command.m.get("query_strings", ())}


def stamp() -> str:
    """The present, as Asterisk writes it."""
    now = datetime.fromtimestamp(time.time(), UTC)
    return f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}+0000"


def neutral(command: str) -> str:
    """A command without what is different each time: the instant he joined."""
    return re.sub(r",1[0-9]{12},", ",1700000000000,", command)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
