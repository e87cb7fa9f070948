"""`holdfast report surveys`: how content callers were, and how sure that is; what they bought."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from sqlalchemy import func, select

from calllog.archive.schema import surveys as asked
from calllog.figures.figure import Row
from calllog.figures.sales import sales_figures
from calllog.printable import duration
from calllog.report.listings import rows_of, within
from calllog.report.model import Bars, Block, Cell, Report, Section, Series, Table, Tiles
from calllog.report.source import Source, column, text_column, tile, value_cells

COLUMNS = (
    column("csat", bar=True),
    column("csat_low", wide=True),
    column("csat_high", wide=True),
    column("csat_mean"),
    column("csat_responses"),
    column("csat_offered"),
    column("csat_response_rate", bar=True),
)
SALES = (
    column("sales_made", bar=True),
    column("sales_accepted"),
    column("sales_rate", bar=True),
    column("sales_took_ms"),
)


def surveys(source: Source) -> Report:
    """The report: the answer, each survey's answers, by queue and agent; then sales."""
    whole = source.surveys("")[0]
    answers = _answers(source)
    source.told("sales")
    sold = sales_figures(source.engine, source.period, "whole", "", source.thresholds)
    first: list[Block] = [_tiles(source, whole), *(_chart(name, counts) for name, counts in answers.items())]
    sections = [
        Section(title="Were they content?", lead=_lead(source, whole), blocks=tuple(first)),
        Section(
            title="Who was asked",
            blocks=(
                _surveys(source, list(answers)),
                _by("queue", "Queue", source.surveys("queue")),
                _by("agent", "Agent", source.surveys("agent")),
            ),
        ),
    ]
    if sold and sold[0].values["sales_made"]:
        by_queue = sales_figures(source.engine, source.period, "whole", "queue", source.thresholds)
        rows = tuple((Cell(row.key or "none"), *value_cells(row, SALES)) for row in (*by_queue,))
        table = Table(
            name="sales", title="Offers", columns=(text_column("queue", "Queue"), *SALES), rows=rows
        )
        sections.append(
            Section(title="What was sold", lead=_sold(sold[0]), blocks=(_sale_tiles(source, sold[0]), table))
        )
    return source.report("surveys", "Surveys", sections)


def _answers(source: Source) -> dict[str, Counter[tuple[int, int, int]]]:
    """Survey → how often each answer was given, with its scale; surveys without an answer too."""
    statement = (
        select(asked.c.survey, asked.c.score, asked.c.lowest, asked.c.highest, func.count().label("count"))
        .where(within(asked.c.offered_at, source.period))
        .group_by(asked.c.survey, asked.c.score, asked.c.lowest, asked.c.highest)
    )
    found: defaultdict[str, Counter[tuple[int, int, int]]] = defaultdict(Counter)
    for row in rows_of(source.engine, statement):
        counts = found[row["survey"]]
        if row["score"] is not None:
            counts[row["score"], row["lowest"] or 0, row["highest"] or row["score"]] += row["count"]
    return dict(sorted(found.items()))


def _chart(name: str, counts: Counter[tuple[int, int, int]]) -> Bars:
    lowest = min((scale[1] for scale in counts), default=1)
    highest = max((scale[2] for scale in counts), default=5)
    given: Counter[int] = Counter()
    for (score, _, _), count in counts.items():
        given[score] += count
    scale = range(lowest, highest + 1)
    return Bars(
        title=name,
        about=f"How often each answer was given; {highest} is the best.",
        places=tuple(str(score) for score in scale),
        full=tuple(f"answer {score}" for score in scale),
        series=(Series("answers", "answered", tuple(given[score] for score in scale)),),
    )


def _surveys(source: Source, names: Sequence[str]) -> Table:
    rows = []
    for name in names:
        row = source.surveys("", name)[0]
        rows.append((Cell(name), *value_cells(row, COLUMNS)))
    return Table(
        name="surveys",
        title="Each survey",
        columns=(text_column("survey", "Survey"), *COLUMNS),
        rows=tuple(rows),
        empty="Nobody was asked in this time.",
    )


def _by(key: str, head: str, rows: Sequence[Row]) -> Table:
    return Table(
        name=f"by_{key}",
        title=f"By {head.lower()}",
        columns=(text_column(key, head), *COLUMNS),
        rows=tuple((Cell(row.key or "none"), *value_cells(row, COLUMNS)) for row in rows),
        empty="Nobody was asked in this time.",
    )


def _tiles(source: Source, whole: Row) -> Tiles:
    values = whole.values
    sure = ""
    if values["csat_low"] is not None and values["csat_high"] is not None:
        sure = (
            f"between {values['csat_low'] * 100:.0f} and {values['csat_high'] * 100:.0f} % (19 times of 20)"
        )
    details = {
        "csat": sure or f"shown from {source.thresholds.csat_min_answers} answers on",
        "csat_mean": "",
        "csat_responses": "",
        "csat_response_rate": f"of {values['csat_offered']:,} who were asked",
    }
    opens = source.open.surveys(values["csat_responses"])
    of_answers = ("csat", "csat_responses", "csat_mean")
    return Tiles(
        tuple(
            tile(
                values,
                name,
                detail,
                calls=opens if name in of_answers else "",
                tone="answered" if name == "csat" else "",
            )
            for name, detail in details.items()
        )
    )


def _sale_tiles(source: Source, whole: Row) -> Tiles:
    values = whole.values
    details = {
        "sales_rate": f"{values['sales_accepted']:,} of {values['sales_made']:,} wanted it",
        "sales_took_ms": "of everybody's time, wanted or not",
    }
    opens = source.open.sales(values["sales_made"])
    return Tiles(
        tuple(
            tile(values, name, detail, calls=opens, tone="answered" if name == "sales_rate" else "")
            for name, detail in details.items()
        )
    )


def _sold(whole: Row) -> str:
    values = whole.values
    said = f"{values['sales_accepted']:,} of {values['sales_made']:,} offers were wanted"
    return f"{said}; each has cost its caller {duration(values['sales_took_ms'] or 0)}."


def _lead(source: Source, whole: Row) -> str:
    values = whole.values
    if not values["csat_offered"]:
        return "Nobody was asked in this time."
    said = f"{values['csat_responses']:,} of {values['csat_offered']:,} who were asked have answered"
    if values["csat"] is None:
        return f"{said}: too few to say. It takes {source.thresholds.csat_min_answers}."
    return f"{said}; {values['csat'] * 100:.0f} % of them were content."
