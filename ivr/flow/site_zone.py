"""The time zone of a site, as its `hours.yaml` sets it."""

from datetime import UTC, tzinfo
from pathlib import Path

from ivr.flow.clock import Clock
from ivr.flow.document import Fields
from ivr.flow.files import Files, read_settings
from ivr.flow.wording import fit


def site_zone(callflows: Path) -> str:
    """The name of the zone; UTC if none is written."""
    files = Files(callflows)
    read_settings(files, "hours.yaml")
    return str(getattr(read_timezone(files), "key", "UTC"))


def read_timezone(files: Files) -> tzinfo:
    """What `hours.yaml` says of all hours and of the clock of the flows."""
    document = files.documents.get("hours.yaml")
    written = document.root.nodes.get("timezone") if document else None
    if document is None or written is None:
        return UTC
    clock = fit(
        Clock, Fields({"timezone": written}, {"timezone": written.place}, written.place), files.problems
    )
    return clock.timezone if clock else UTC
