"""Every definition by its name, for who shows figures: the definition stands beside the number."""

from calllog.figures.figure import Figure
from calllog.figures.queues import QUEUE_MEASURES

FIGURES: dict[str, Figure] = {measure.figure.name: measure.figure for measure in QUEUE_MEASURES}
