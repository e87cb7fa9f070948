"""The thresholds of the figures, as `queues.yaml` sets them."""

from pathlib import Path

from calllog.figures.thresholds import QueueThresholds, Sla, Thresholds
from ivr.flow.files import Files, read_settings, read_table
from queues.measured import Measured


def thresholds_of(
    callflows: Path, service_level_s: float | None = None, short_abandon_s: float | None = None
) -> Thresholds:
    """What is set for single queues, over the defaults for all others, which those have that are set wrong.

    A time that is given here counts for all queues instead.
    """
    usual = Thresholds()
    files = Files(callflows)
    read_settings(files, "queues.yaml")
    queues = read_table(files, "queues.yaml", "queues", Measured, "queue")
    return Thresholds(
        service_level_s=usual.service_level_s if service_level_s is None else service_level_s,
        short_abandon_s=usual.short_abandon_s if short_abandon_s is None else short_abandon_s,
        queues={name: _of(queue, service_level_s, short_abandon_s) for name, queue in queues},
    )


def _of(queue: Measured, service_level_s: float | None, short_abandon_s: float | None) -> QueueThresholds:
    owed = queue.sla
    return QueueThresholds(
        service_level_s=queue.service_level_s if service_level_s is None else service_level_s,
        short_abandon_s=queue.short_abandon_s if short_abandon_s is None else short_abandon_s,
        sla=Sla(owed.share, owed.within_s, owed.definition) if owed else None,
    )
