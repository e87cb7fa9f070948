"""Every definition by its name, for who shows figures: the definition stands beside the number."""

from calllog.figures.agents import AGENT_MEASURES
from calllog.figures.calls import CALL_MEASURES
from calllog.figures.contact import CONTACT_MEASURES
from calllog.figures.figure import Figure
from calllog.figures.line import LINE_FIGURES, REFUSED_FIGURES
from calllog.figures.paths import PATH_FIGURES
from calllog.figures.patience import PATIENCE_FIGURES
from calllog.figures.queues import QUEUE_MEASURES
from calllog.figures.routing import ROUTING_MEASURES
from calllog.figures.sales import SALES_MEASURES
from calllog.figures.surveys import SURVEY_MEASURES

FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        *(measure.figure for measure in QUEUE_MEASURES),
        *(measure.figure for measure in CALL_MEASURES),
        *(measure.figure for measure in AGENT_MEASURES),
        *(measure.figure for measure in CONTACT_MEASURES),
        *(measure.figure for measure in SURVEY_MEASURES),
        *(measure.figure for measure in SALES_MEASURES),
        *PATIENCE_FIGURES,
        *PATH_FIGURES,
        *(measure.figure for measure in ROUTING_MEASURES),
        *LINE_FIGURES,
        *REFUSED_FIGURES,
    )
}
