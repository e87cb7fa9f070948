"""Every definition by its name, for who shows figures: the definition stands beside the number."""

from calllog.figures.agents import AGENT_MEASURES
from calllog.figures.calls import CALL_MEASURES
from calllog.figures.figure import Figure
from calllog.figures.queues import QUEUE_MEASURES

FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        *(measure.figure for measure in QUEUE_MEASURES),
        *(measure.figure for measure in CALL_MEASURES),
        *(measure.figure for measure in AGENT_MEASURES),
    )
}
