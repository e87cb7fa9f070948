"""What the API has to know of its site besides Redis: on whose clock a day begins."""

from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from ivr.publish import Versions
from ivr.settings import Settings


class Calendar:
    """Days as the site's clock cuts them: the time zone of the live hours.yaml, else UTC."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def zone(self) -> tzinfo:
        """Looked up anew each time: it is asked once a day."""
        versions = Versions(self._settings.data)
        newest = versions.newest()
        folder = versions.directory_of(newest.version) if newest else self._settings.callflows
        try:
            said = yaml.load((folder / "hours.yaml").read_text(), yaml.CSafeLoader)
            return ZoneInfo(said["timezone"])
        except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, ZoneInfoNotFoundError):
            return ZoneInfo("UTC")

    def day(self, at: int) -> tuple[int, int]:
        """The local midnights before and after an instant, ms."""
        zone = self.zone()
        date = datetime.fromtimestamp(at / 1000, zone).date()
        begins, ends = (
            datetime.combine(each, time(), zone).timestamp() for each in (date, date + timedelta(days=1))
        )
        return round(begins * 1000), round(ends * 1000)
