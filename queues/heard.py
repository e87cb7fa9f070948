"""What callers and agents hear in a queue, as admins write it. Pure: no I/O, and nothing is spoken here.

Texts may have values in braces; which ones, and whether a prompt is there, the check of the call flows knows.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from queues.settings import Name, Settings


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Heard(Settings):
    """Recorded prompts (`play`) or a text (`say`), never both."""

    play: Annotated[tuple[Name, ...], BeforeValidator(_listed), Field(max_length=20)] = ()
    """Recorded prompts, in this order."""
    say: str | Mapping[str, str] | None = None
    """A text that is spoken in the call's language, or one for each: `{en: …, es: …}`."""

    @model_validator(mode="before")
    @classmethod
    def _prompts_alone(cls, value: object) -> object:
        return {"play": value} if isinstance(value, str | list) else value

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.play) == (self.say is not None):
            raise ValueError("write either `play:` with recorded prompts or `say:` with a text")
        return self


class PositionNews(Settings):
    """Callers are told their place in line."""

    when: Literal["always", "improved"] = "always"
    """`improved`: only if he is nearer than when he was last told."""
    up_to: int | None = Field(None, ge=1, le=10_000)
    """Only who is at this place or nearer; not written: everybody."""
    first_s: float = Field(15, ge=0, le=3600)
    """Seconds in the queue after which he is told first."""
    every_s: float = Field(60, ge=5, le=3600)
    """Seconds from one time to the next."""
    say: str | Mapping[str, str] | None = None
    """What is said, with `{position}` in it; not written: a usual sentence in English, Spanish or German."""


class Reminders(Settings):
    """Sounds that come again and again."""

    sounds: Annotated[tuple[Heard, ...], Field(min_length=1, max_length=50)]
    """Each a prompt, or a text under `say:`; one at a time."""
    order: Literal["in_turn", "random"] = "in_turn"
    """`random`: any of them but the last one."""
    first_s: float = Field(30, ge=0, le=3600)
    """Seconds in the queue after which the first comes."""
    every_s: float = Field(60, ge=5, le=3600)
    """Seconds from one to the next."""


class Announce(Settings):
    """What callers are told while they wait; after each the music comes back."""

    position: PositionNews | None = None
    """Their place in line; not written: nobody is told."""
    reminders: Reminders | None = None
    """Sounds that come again and again."""
    gap_s: float = Field(10, ge=0, le=3600)
    """Seconds of music at least between one and the other."""


class Menu(Settings):
    """A flow beside the wait. The caller keeps his place; when an agent answers, it is over."""

    flow: Name
    """The flow: a file in `flows/` without `.yaml`. It ends by a step `back: waits` or `back: exit`."""
    key: Annotated[str, Field(pattern=r"^[0-9*#]$")] | None = None
    """The key by which the caller begins it, as often as he likes."""
    after_s: float | None = Field(None, ge=1, le=3600)
    """Seconds in the queue after which it begins by itself, once."""

    _leaves: bool | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _begun_by_something(self) -> Self:
        if self.key is None and self.after_s is None:
            raise ValueError("write `key:`, by which callers begin it, or `after_s:`, or both")
        return self

    def learn(self, leaves: bool) -> None:
        """Know whether its flow can end in `exit`."""
        self._leaves = leaves

    @property
    def leaves(self) -> bool | None:
        """Whether a caller can leave the queue by it; None: its flow could not be read."""
        return self._leaves


class Confirm(Settings):
    """An agent who has answered takes the call by a key: a voicemail presses none."""

    key: Annotated[str, Field(pattern=r"^[0-9*#]$")] = "1"
    """The key by which he takes it."""
    within_s: float = Field(15, ge=1, le=120)
    """Seconds after he has answered in which he must have pressed it, what he is told included."""
    say: str | Mapping[str, str] | None = None
    """How he is asked, with `{key}` in it; not written: a usual sentence."""
