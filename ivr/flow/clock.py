"""Where a company is: the time zone on whose clock its hours are."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, Field

from ivr.flow.naming import Misnamed


def _zone(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return ZoneInfo(value)
    except (ValueError, OSError, LookupError) as error:
        raise Misnamed(f"there is no time zone `{value[:60]}`", "such as `Europe/Berlin`") from error


Zone = Annotated[Any, BeforeValidator(_zone)]


class Clock(BaseModel):
    """Where a company is, if nothing else is written."""

    timezone: Zone = Field(default_factory=lambda: ZoneInfo("UTC"))
