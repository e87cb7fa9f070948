"""What a flow may ask of the line it runs on. ARI implements it, and so does the tests' scripted line."""

# ruff: noqa: N818  (an error is named by what is the matter: Hangup, MediaFailed)

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, NoReturn, Protocol

from calllog.errors import HoldfastError
from ivr.flow.opening import Hours
from ivr.flow.standing import ORDINARY, Standing
from ivr.flow.values import Value
from ivr.flow.web import Reply, Request

KEYS = "0123456789*#"
"""Every key of a telephone."""


class Hangup(Exception):
    """The call is over. Raised at whatever the flow waits for; no step catches it.

    `by` is who ended it: caller, agent or system. `cause` is the Q.850 cause, 0 when unknown.
    """

    def __init__(self, by: str = "caller", cause: int = 0) -> None:
        super().__init__(f"hung up by {by}, cause {cause}")
        self.by = by
        self.cause = cause


class MediaFailed(HoldfastError):
    """A prompt could not be rendered, found or played. The caller is still there; the outcome is `failed`."""

    reason: str = "media-failed"


class About(NamedTuple):
    """What is known of a call from its beginning. Personal: `number`, `name`."""

    number: str = ""
    """The caller's number; empty if he hides it."""
    name: str = ""
    called: str = ""
    """The number he has dialled."""
    campaign: str = ""
    """What `numbers.yaml` says of that number, or a `tag` step of this call."""


HIDDEN = frozenset({"anonymous", "unavailable", "restricted", "private"})
"""What telephones send instead of a number that is hidden (RFC 3261, 8.1.1.3; RFC 3325; habit)."""


def who(number: str, name: str) -> tuple[str, str]:
    """Number and name of a caller as his telephone has sent them; both empty if he hides them."""
    return ("", "") if number.lower() in HIDDEN else (number, name)


class Figures(NamedTuple):
    """A queue at one moment."""

    waiting: int = 0
    longest_wait_s: float = 0.0
    """How long the one who waits longest has been waiting, in seconds."""
    ready: int = 0
    """Agents who could be rung now."""
    staffed: int = 0
    """Agents who are there: ready, ringing, talking or in wrap-up; not those who pause."""


class Held(NamedTuple):
    """A point of a call to go back to."""

    path: str
    visits: Mapping[str, int]


class Recording(NamedTuple):
    """How a caller is to be recorded."""

    max_s: int
    """Longest time, in seconds."""
    silence_s: int
    """Seconds of silence that end it; 0: silence does not."""
    keys: str
    """Keys of which each ends it."""
    beep: bool
    min_s: float = 0.0
    """Seconds of sound; with less in it nothing was said."""
    box: str = ""
    """Of a message, the box it is for."""
    notify: str = ""
    """The address that is told of it; empty: none."""
    key: str = ""
    """Names this one run of the step, for who is told."""


class Recorded(NamedTuple):
    """What was recorded."""

    media: str
    """Media URI, to play it; empty: nothing was said, and nothing is there."""
    length_s: float


class Announcement(NamedTuple):
    """What somebody who was called hears before he is connected, and how he takes the call."""

    media: Sequence[str]
    accept: str
    """The key by which he takes it."""
    refuse: str
    """The key by which he does not."""
    within_s: float
    """So many seconds after he has answered he has pressed one of them, or has not taken it."""


class Line(Protocol):
    """One caller's line, as a flow sees it. Every awaited method raises `Hangup` when the caller is gone."""

    call: str
    """The call's id."""
    language: str
    """Language of prompts and speech for the rest of the call, for example `en`."""
    about: About
    """Who calls whom."""
    variables: dict[str, Value]
    """What the flow has learned so far; kept in the checkpoint."""
    secrets: dict[str, Value]
    """What a sensitive step has learned. Only in memory, and in no log, error or text."""
    visits: dict[str, int]
    """Path → how often the call has begun that step, for steps that count it; kept in the checkpoint."""
    path: str
    """Where the call is, as last given to `checkpoint`, for example `main/choose`."""

    async def checkpoint(self, flow: str, version: int, path: str, held: Held | None = None) -> None:
        """Make it durable that the call now begins the step `path`, and set `self.path`.

        `held`: where a take-over goes on instead, because what is in `secrets` cannot be kept.
        """

    async def remember(self) -> None:
        """Make durable what the flow has learned since: the call stays in its step."""

    async def answer(self) -> None:
        """Answer the call. Does nothing when it is answered already."""

    def prompt(self, name: str) -> str:
        """Media URI of the recorded prompt `name` in the call's language. Raises `MediaFailed`."""

    async def say(self, text: str, passing: bool = False) -> str:
        """Media URI of `text`, spoken in the call's language (rendered once). Raises `MediaFailed`.

        `passing`: the text is this caller's only, such as his number; it is not kept.
        """

    async def play(self, media: Sequence[str], interrupt: str = "") -> str | None:
        """Play these media URIs, in order, to their end.

        A key of `interrupt` stops it; that key is returned and **stays in the type-ahead buffer**, where
        `digit` finds it. Such a key first in the buffer stops it before a sound is heard. Keys not in
        `interrupt` only go to the buffer. None: played to the end. Raises `MediaFailed`.
        """

    async def digit(self, timeout_s: float) -> str | None:
        """Take the next key from the type-ahead buffer; None: none came within `timeout_s` seconds."""

    def now(self) -> datetime:
        """The time of day where the company is."""

    async def figures(self, queue: str) -> Figures | None:
        """The queue as it is now; None: that cannot be known now."""

    async def count(self, counter: str, key: str) -> int:
        """The next number of a counter that all calls share, from 1; one by chance if it cannot be known.

        Asked again with the same `key` (a take-over) it is the same number.
        """

    def hours(self, name: str) -> Hours | None:
        """Opening hours of `hours.yaml`; None: they were removed while the call was under way."""

    def interrupted(self, name: str) -> bool:
        """Whether this recording had begun when the call was taken over: `record` goes on with it."""

    async def record(self, name: str, wish: Recording) -> Recorded:
        """Record what the caller says, in place of what was recorded as `name` before.

        Keys pressed before do not count. What he has said until he hangs up is kept. Raises `MediaFailed`.
        """

    def keep_recording(self) -> None:
        """What was recorded is what he wanted: the log has it now, and who wants to be told is told."""

    def flush_digits(self) -> None:
        """Forget the keys pressed so far that nobody has taken."""

    def ignore_key(self, key: str, within_s: float) -> None:
        """If `key` is the next one pressed, and within so many seconds, nobody is told of it."""

    async def queue(
        self,
        name: str,
        max_wait_s: float | None,
        reason: str = "",
        standing: Standing = ORDINARY,
        exits: Collection[str] = ("timeout",),
    ) -> str:
        """Wait for an agent and talk to him: `answered` (he has left, the caller is here), or one of `exits`.

        `reason`: why he is escalated to this queue, for the call log. `exits`: the outcomes with which the
        queue's own rules may refuse him or let him go (ivr.flow.waiting).
        """

    async def transfer(
        self, number: str, ring_s: int, key: str, announcement: Announcement | None = None
    ) -> str:
        """Connect the caller with a telephone number, if the dial policy allows it; counted once for `key`.

        `announcement`: who answers is told who comes, and takes him or not, while the caller hears music.
        `done` (the other has left, the caller is here), `busy`, `no_answer`, `refused` (policy), `failed`,
        `declined` (he has answered, and not taken the call).
        """

    async def transfer_to_agent(self, agent: str, within_s: int) -> str:
        """Connect the caller with this agent: `done`, or `no_answer` within so many seconds."""

    async def first(self, what: str, key: str, within_s: int) -> bool:
        """Whether this caller's number is the first time about `what` within so many seconds; remembered.

        Asked again with the same `key` (a take-over) it is still the first. False while it cannot be known.
        """

    async def ask(self, request: Request) -> Reply:
        """Ask another server, and wait for its answer. Raises `WebFailed`, `WebTimeout`."""

    def post(self, request: Request) -> None:
        """Have another server told, at least once, whatever happens to us; it rides like `note`."""

    async def hangup(self, cause: str) -> NoReturn:
        """End the call; before it was answered `cause` chooses the SIP response. Always raises `Hangup`."""

    def note(self, kind: str, **fields: object) -> None:
        """Put an event of this call into the call log; it rides with the call's next write."""
