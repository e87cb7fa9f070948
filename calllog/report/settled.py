"""Whether it was settled at the first contact, told in three ways: a section of a report."""

from collections.abc import Sequence

from calllog.figures.figure import Row
from calllog.figures.keys import By
from calllog.report.model import Cell, Section, Table, Tiles
from calllog.report.source import Source, column, text_column, tile, value_cells

WAYS = {"fcr": "fcr_calls", "fcr_agent": "fcr_agent_talks", "fcr_survey": "fcr_survey_answers"}
"""Each share, and of how many it is."""
DETAILS = {
    "fcr": "of {:,} calls, as nobody called again",
    "fcr_agent": "of {:,} talks of which agents said what came of them",
    "fcr_survey": "of {:,} answers of callers",
}
BY: tuple[tuple[By, str], ...] = (("queue", "Queue"), ("campaign", "Campaign"))


def settled(source: Source) -> Section | None:
    """The section; None if nobody can say yet."""
    found = source.contact("", *(by for by, _ in BY))
    whole = found[""][0]
    ways = [name for name, many in WAYS.items() if whole.values[many]]
    if not ways:
        return None
    tables = [_table(source, found[by], by, title, ways) for by, title in BY]
    keys = _behind(source, whole)
    values = whole.values
    details = ((name, DETAILS[name].format(values[WAYS[name]])) for name in ways)
    tiles = tuple(tile(values, name, detail, tone="answered", calls=keys[name]) for name, detail in details)
    return Section(
        title="Was it settled at the first contact?",
        lead=_lead(source, whole),
        blocks=(Tiles(tiles), *filter(None, tables)),
    )


def _table(source: Source, rows: Sequence[Row], by: str, head: str, ways: Sequence[str]) -> Table | None:
    """A row for each key; none if there is but one."""
    if len(rows) < 2:
        return None
    columns = [
        each
        for name in ways
        for each in (column(name, bar=True), column(WAYS[name], title="of " + _of_what(name)))
    ]
    opened = (_behind(source, row, row.key) if by == "queue" and row.key else {} for row in rows)
    return Table(
        name=f"settled_by_{by}",
        title=f"By {head.lower()}",
        columns=(text_column(by, head), *columns),
        rows=tuple(
            (Cell(row.key or "none"), *value_cells(row, columns, keys))
            for row, keys in zip(rows, opened, strict=True)
        ),
    )


def _behind(source: Source, row: Row, queue: str | None = None) -> dict[str, str]:
    """For each share the key of what spoils it."""
    unsettled = {name: _unsettled(row, name) for name in WAYS}
    return {
        "fcr": source.open.called_again(unsettled["fcr"], source.now, queue),
        "fcr_agent": source.open.unresolved(unsettled["fcr_agent"], queue),
        "fcr_survey": source.open.denied(row.values["fcr_survey_answers"], queue),
    }


def _unsettled(row: Row, name: str) -> int:
    many = int(row.values[WAYS[name]] or 0)
    return many - round((row.values[name] or 0) * many)


def _of_what(name: str) -> str:
    return {"fcr": "calls", "fcr_agent": "talks", "fcr_survey": "answers"}[name]


def _lead(source: Source, whole: Row) -> str:
    share, calls = whole.values["fcr"], whole.values["fcr_calls"]
    if share is None or calls is None:
        return "It is too early to say who calls again."
    again = _unsettled(whole, "fcr")
    days = f"{source.thresholds.fcr_days:g} days"
    return f"After {again:,} of {calls:,} calls with an agent the same person called again within {days}."
