"""What the API has to know of its site besides Redis: on whose clock a day begins."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import yaml

from calllog.figures.period import day_begins, local, zone_of
from ivr.publish import Versions
from ivr.settings import Settings


class Calendar:
    """Days as the site's clock cuts them: the time zone of the live hours.yaml, else UTC."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def zone(self) -> ZoneInfo:
        """Looked up anew each time: it is asked once a day."""
        versions = Versions(self._settings.data)
        newest = versions.newest()
        folder = versions.directory_of(newest.version) if newest else self._settings.callflows
        try:
            said = yaml.load((folder / "hours.yaml").read_text(), yaml.CSafeLoader)
            return zone_of(said["timezone"])
        except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError):
            return zone_of("UTC")

    def day(self, at: int) -> tuple[int, int]:
        """The local midnights before and after an instant, ms."""
        zone = self.zone()
        today = local(at, zone).date()
        return day_begins(today, zone), day_begins(today + timedelta(days=1), zone)
