"""The thresholds of the figures, as `queues.yaml` sets them."""

from pathlib import Path

from calllog.figures.thresholds import QueueThresholds, Thresholds
from ivr.flow.folder import read_folder


def thresholds_of(callflows: Path) -> Thresholds:
    """What is set for single queues, over the defaults for all others. A queue that is wrong is left out."""
    if not callflows.is_dir():
        return Thresholds()
    return Thresholds(
        queues={
            name: QueueThresholds(
                service_level_s=queue.service_level_s, short_abandon_s=queue.short_abandon_s
            )
            for name, queue in read_folder(callflows).queues.items()
        }
    )
