"""A report as a page: one file that needs nothing else, in light and dark, wide, narrow and on paper. Pure.

Charts are made of boxes and a few paths whose sizes are shares of their chart, so they fit any width without
scaling their words. The one small script opens what is behind a figure and tells what is pointed at; without
it the same links jump there. What the page may do is stated in it: no other script, nothing from elsewhere.
"""

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

from msgspec.structs import replace

from calllog.report.markup import Html, join, prose, tag, text
from calllog.report.model import (
    Bars,
    Behind,
    Block,
    Curve,
    Definition,
    Heat,
    Lanes,
    Paths,
    Report,
    Section,
    Table,
    Tiles,
)
from calllog.report.page_charts import bars, curve, heat
from calllog.report.page_lanes import lanes
from calllog.report.page_paths import paths
from calllog.report.page_tables import Links, table, tiles
from calllog.report.show import made, period_in_words


def page_of(report: Report) -> str:
    """The whole page, as UTF-8 text."""
    links = Links(report)
    head = join(
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        Html('<meta name="referrer" content="no-referrer">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">'),
        tag("title", f"{report.title}, {period_in_words(report.period)}"),
        Html(f"<style>{_part('page.css')}</style>"),
    )
    main = tag("main", *(_section(section, links) for section in report.sections))
    body = join(
        tag("header", _heading(report)),
        main,
        _footer(report),
        *(_behind(key, behind, links) for key, behind in report.behind.items() if key in links.used),
        *(_definition(name, meant) for name, meant in report.definitions.items()),
        Html('<div id="tip" role="tooltip" hidden></div>'),
        Html(f"<script>{_part('page.js')}</script>"),
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def _policy() -> str:
    digest = b64encode(sha256(_part("page.js").encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _part(name: str) -> str:
    return files("calllog.report").joinpath(name).read_text("utf-8")


def _heading(report: Report) -> Html:
    about = f"{period_in_words(report.period)} · {report.period.zone}"
    return join(
        tag("p", "Holdfast", class_="brand"),
        tag("h1", report.title),
        tag("p", about, Html(" · ") if report.subject else "", report.subject, class_="when"),
    )


def _section(section: Section, links: Links) -> Html:
    """Charts stand side by side where there is room, tables have the whole width."""
    lead = tag("p", section.lead, class_="lead") if section.lead else ""
    return tag(
        "section",
        tag("h2", section.title),
        lead,
        tag("div", *(_block(block, links) for block in section.blocks), class_="blocks"),
    )


def _block(block: Block, links: Links) -> Html:
    match block:
        case Tiles():
            return tiles(block, links)
        case Table():
            return table(block, links)
        case Bars():
            return bars(block, links)
        case Curve():
            return curve(block)
        case Heat():
            return heat(block, links)
        case Paths():
            return paths(block, links)
        case Lanes():
            return lanes(block, links)


def _behind(key: str, behind: Behind, links: Links) -> Html:
    shown = len(behind.table.rows)
    count = f"{behind.total:,} calls" if behind.total != 1 else "1 call"
    if 0 < shown < behind.total:
        count = f"the first {shown:,} of {count}"
    return tag(
        "div",
        tag("div", tag("h3", behind.title), tag("p", count, class_="about"), _close(), class_="top"),
        table(replace(behind.table, title=behind.title), links, titled=False) if shown else "",
        tag("p", "All of them: ", tag("code", behind.command), class_="all"),
        id=f"l-{key}",
        class_="behind",
        popover=True,
        aria_label=behind.title,
    )


def _definition(name: str, meant: Definition) -> Html:
    return tag(
        "div",
        tag("div", tag("h3", meant.title), _close(), class_="top"),
        tag("p", prose(meant.formula), class_="formula"),
        tag("p", prose(meant.notes)) if meant.notes else "",
        id=f"d-{name}",
        class_="meaning",
        popover=True,
        aria_label=meant.title,
    )


def _close() -> Html:
    return tag("a", "close", href="#_", class_="close")


def _footer(report: Report) -> Html:
    hidden = "Numbers of people are hidden. " if report.redacted else ""
    meanings = [
        join(tag("dt", meant.title), tag("dd", prose(". ".join(filter(None, (meant.formula, meant.notes))))))
        for meant in report.definitions.values()
    ]
    return tag(
        "footer",
        tag("details", tag("summary", "What each figure means"), tag("dl", *meanings)) if meanings else "",
        tag("p", text(f"{hidden}As of {made(report)} ({report.period.zone}), from the call log.")),
    )
