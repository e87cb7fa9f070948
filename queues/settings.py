"""What tables of admins have in common. Pure: no I/O."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NAME = r"^[a-z0-9][a-z0-9_-]{0,39}$"
Name = Annotated[str, Field(pattern=NAME)]
"""Names of queues, agents, devices, flows: safe in keys, paths, channel names and JSON without quoting."""

DAY_S = 86_400


class Settings(BaseModel):
    """Admins' tables: unknown fields are mistakes, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
