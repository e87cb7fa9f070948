"""A report as CSV and as JSON, for programs: exact values, units in the names, definitions beside them. Pure.

In CSV each table begins with lines of `#`: its title, then what its columns mean. Instants are ISO 8601 with
their offset, durations milliseconds, shares 0 to 1; an empty cell: there is no such figure. A text that a
spreadsheet would take for a formula gets a `'` before it.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any

import msgspec

from calllog.printable import printable_json
from calllog.report.model import Bars, Behind, Column, Definition, Report, Table, Tile, Tiles, Value
from calllog.report.show import instant, period_in_words

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
PIECE = 1 << 20
"""Characters of a piece, about."""


def csv_pieces(report: Report) -> Iterator[str]:
    """All its tables, a piece at a time."""
    return _pieces(_csv(report))


def csv_of(report: Report) -> str:
    """All its tables, as one text."""
    return "".join(csv_pieces(report))


def json_pieces(report: Report) -> Iterator[str]:
    """The whole report, the calls behind its figures included, a piece at a time."""
    zone = report.period.zone
    document = {
        "report": report.name,
        "title": report.title,
        "subject": report.subject,
        "from": instant(report.period.from_at, zone),
        "to": instant(report.period.to_at, zone),
        "zone": zone,
        "made": instant(report.made_at, zone),
        "redacted": report.redacted,
        "sections": [
            {
                "title": section.title,
                "lead": section.lead,
                "blocks": [_plain(block, report) for block in section.blocks],
            }
            for section in report.sections
        ],
        "definitions": msgspec.to_builtins(report.definitions),
        "behind": {key: _behind(one, report) for key, one in report.behind.items()},
    }
    return _pieces(_json(document))


def json_of(report: Report) -> str:
    """The whole report, as one text."""
    return "".join(json_pieces(report))


def _pieces(texts: Iterable[str]) -> Iterator[str]:
    """The same in fewer and larger pieces."""
    file = StringIO()
    for text in texts:
        file.write(text)
        if file.tell() > PIECE:
            yield file.getvalue()
            file = StringIO()
    yield file.getvalue()


class _Line:
    """Where a `csv.writer` writes to: `writerow` returns what this returns."""

    def write(self, line: str) -> str:
        return line


def _csv(report: Report) -> Iterator[str]:
    write = csv.writer(_Line(), lineterminator="\n").writerow
    for number, table in enumerate(report.tables()):
        yield "\n" * (number > 0)
        for comment in _heading(report, table):
            yield f"# {_one_line(comment)}\n"
        yield write([column.name for column in table.columns])
        for row in table.all_rows():
            yield write(
                [_exact(cell.value, column, report) for cell, column in zip(row, table.columns, strict=True)]
            )


def _json(value: Any) -> Iterator[str]:
    """JSON of plain values; what an iterator brings, one by one, is a list."""
    if isinstance(value, dict):
        for number, (key, each) in enumerate(value.items()):
            yield f"{',' if number else '{'}{_encoded(key)}:"
            yield from _json(each)
        yield "}" if value else "{}"
    elif isinstance(value, Iterator):
        yield "["
        for number, each in enumerate(value):
            yield f"{',' * (number > 0)}{_encoded(each)}"
        yield "]"
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for number, each in enumerate(value):
            yield "," if number else "["
            yield from _json(each)
        yield "]"
    else:
        yield _encoded(value)


def _encoded(value: Any) -> str:
    return printable_json(msgspec.json.encode(value).decode())


def _heading(report: Report, table: Table) -> Iterator[str]:
    subject = f", {report.subject}" if report.subject else ""
    yield f"{table.title} ({table.name}): {period_in_words(report.period)} ({report.period.zone}){subject}"
    for column in table.columns:
        if meant := report.definitions.get(column.defined):
            yield f"{column.name}: {_defined(meant)}"


def _defined(meant: Definition) -> str:
    return f"{meant.title} = {meant.formula}" + (f". {meant.notes}" if meant.notes else "")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _exact(value: Value, column: Column, report: Report) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " ".join("" if one is None else f"{one:g}" for one in value)
    if isinstance(value, str):
        return _harmless(value)
    return instant(int(value), report.period.zone) if column.kind == "at" else repr(value)


def _harmless(text: str) -> str:
    """As text for a spreadsheet, whatever a caller has put into it."""
    risky = text.lstrip().startswith(_FORMULA) or text.startswith(_FORMULA)
    return f"'{text}" if risky and not _NUMBER.fullmatch(text) else text


def _plain(block: Any, report: Report) -> dict[str, Any]:
    if isinstance(block, Table):
        return _table(block, report)
    if isinstance(block, Tiles):
        return {"type": "tiles", "tiles": [_tile(tile) for tile in block.tiles]}
    plain: dict[str, Any] = msgspec.to_builtins(block)
    if isinstance(block, Bars) and not block.calls:
        del plain["calls"]
    return plain


def _tile(tile: Tile) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(tile)
    return plain


def _table(table: Table, report: Report) -> dict[str, Any]:
    zone = report.period.zone
    return {
        "type": "table",
        "name": table.name,
        "title": table.title,
        "columns": [
            {
                "name": column.name,
                "title": column.title,
                "kind": column.kind,
                "personal": column.personal,
                "defined": column.defined,
            }
            for column in table.columns
        ],
        "rows": (
            {
                column.name: instant(cell.value, zone)
                if column.kind == "at" and isinstance(cell.value, int)
                else cell.value
                for cell, column in zip(row, table.columns, strict=True)
            }
            for row in table.all_rows()
        ),
    }


def _behind(behind: Behind, report: Report) -> dict[str, Any]:
    return {
        "title": behind.title,
        "total": behind.total,
        "command": behind.command,
        **_table(behind.table, report),
    }
