"""The thresholds of the figures, as `queues.yaml` sets them."""

from pathlib import Path

from calllog.figures.thresholds import QueueThresholds, Sla, Thresholds
from ivr.flow.files import read_for_reports
from queues.models import Queue


def thresholds_of(
    callflows: Path, service_level_s: float | None = None, short_abandon_s: float | None = None
) -> Thresholds:
    """What is set for single queues, over the defaults for all others. A queue that is wrong is left out.

    A time that is given here counts for all queues instead.
    """
    usual = Thresholds()
    queues = read_for_reports(callflows).queues if callflows.is_dir() else {}
    return Thresholds(
        service_level_s=usual.service_level_s if service_level_s is None else service_level_s,
        short_abandon_s=usual.short_abandon_s if short_abandon_s is None else short_abandon_s,
        queues={name: _of(queue, service_level_s, short_abandon_s) for name, queue in queues.items()},
    )


def _of(queue: Queue, service_level_s: float | None, short_abandon_s: float | None) -> QueueThresholds:
    owed = queue.sla
    return QueueThresholds(
        service_level_s=queue.service_level_s if service_level_s is None else service_level_s,
        short_abandon_s=queue.short_abandon_s if short_abandon_s is None else short_abandon_s,
        sla=Sla(owed.share, owed.within_s, owed.definition) if owed else None,
    )
