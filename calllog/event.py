"""What every event of the call log has. Pure: no I/O.

Instants (`_at`, and `at` itself) are milliseconds since the epoch, durations carry their unit in the name.
Personal data (numbers and digits of people) is only in fields typed `Personal`.
"""

from typing import Annotated

import msgspec

from calllog.vocabulary import Source

Personal = Annotated[str, msgspec.Meta(extra={"personal": True})]
"""Text about a person: hidden by `redacted`, allowed nowhere else."""

PersonalValues = Annotated[dict[str, str | int | float | bool | None], msgspec.Meta(extra={"personal": True})]
"""Values about a person by name: `redacted` hides each of them."""

Milliseconds = Annotated[int, msgspec.Meta(ge=0)]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """What all events have. `at`: when it happened; `logged_at`: when it was written.

    An `inferred` event was worked out after a fault; it happened between `not_before` and `not_after`.
    """

    id: str
    site: str
    at: int
    logged_at: int
    source: Source
    not_before: int | None = None
    not_after: int | None = None

    @property
    def kind(self) -> str:
        """The event's kind, as on the stream."""
        return str(self.__struct_config__.tag)
