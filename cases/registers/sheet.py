"""CSV and XLSX as rows under a heading, each cell with the place that a person sees.

Guarantee: nothing in a file is executed or evaluated; a file is measured before it is unpacked; the
heading is the first row in which at least `needed` columns are known by one of their names, so a
title above it does no harm.
Not covered: what cells mean (`cases.registers.tables`).
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cases.recording import workbook
from cases.recording.grid import Grid, Limits, RefusedFileError, Row, letters
from cases.recording.text import clean, squeeze

CSV, XLSX = "csv", "xlsx"
LIMITS = Limits(max_rows=20_000)
HEADING_WITHIN = 20
TYPES: Mapping[str, str] = {
    "text/csv": CSV,
    "application/csv": CSV,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": XLSX,
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's text, and why it is none that can be read ("" if it is)."""

    text: str
    place: str  # letters and heading, as people name it
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One row below the heading: its number in the sheet, and its cells by the column's code."""

    number: int
    cells: Mapping[str, Cell]
    rest: Mapping[str, str]  # heading -> text of columns that nobody knows
    places: Mapping[str, str] = field(default_factory=dict)  # code -> place, filled or not
    named: Mapping[str, str] = field(default_factory=dict)  # what people call a column

    def text(self, code: str) -> str:
        found = self.cells.get(code)
        return found.text if found else ""

    def place(self, *codes: str) -> str:
        """Where a person looks for any of these: a filled cell, else a column that is there."""
        filled = [self.cells[code].place for code in codes if self.text(code)]
        there = [self.places[code] for code in codes if code in self.places]
        return (filled or there or [self.named.get(codes[0], codes[0])])[0]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of the first sheet that has a heading; `columns` are those that were found."""

    lines: Sequence[Line]
    columns: Mapping[str, str]  # code -> place
    doubled: Sequence[str]  # places of columns that a column before them was already


def read(
    data: bytes, kind: str, names: Mapping[str, Sequence[str]], *, needed: int
) -> Sheet | None:
    """The table in a file; None if no row of it is a heading.  RefusedFileError."""
    if len(data) > LIMITS.max_bytes:
        raise RefusedFileError(
            "size", f"file: expected at most {LIMITS.max_bytes} bytes, got {len(data)}"
        )
    grids = workbook.read(data, LIMITS) if kind == XLSX else _csv(data)
    codes = {squeeze(name): code for code, known in names.items() for name in (code, *known)}
    for grid in grids:
        for at, row in enumerate(grid.rows[:HEADING_WITHIN]):
            found = _columns(row, codes)
            if len(set(found.values())) >= needed:
                return _sheet(row, grid.rows[at + 1 :], found, names)
    return None


def _columns(row: Row, codes: Mapping[str, str]) -> dict[int, str]:
    """Column -> code, where the heading is a known name; a remark in brackets does no harm."""
    found = {}
    for at, text in enumerate(row.cells):
        plain = squeeze(text)
        code = codes.get(plain) or codes.get(plain.partition("(")[0])
        if code is not None and at not in row.merged:
            found[at] = code
    return found


def _sheet(
    heading: Row,
    below: Sequence[Row],
    found: Mapping[int, str],
    names: Mapping[str, Sequence[str]],
) -> Sheet:
    columns: dict[str, str] = {}
    taken: dict[int, str] = {}
    doubled = []
    for at, code in sorted(found.items()):
        place = f"{letters(at)} {heading.cell(at)}"
        if code in columns:
            doubled.append(place)
        else:
            columns[code], taken[at] = place, code
    named = {code: known[0] for code, known in names.items()}
    lines = []
    for row in below:
        cells = {
            code: Cell(row.cell(at), columns[code], row.unread.get(at, ""))
            for at, code in taken.items()
            if row.cell(at) or at in row.unread
        }
        rest = {
            heading.cell(at): text
            for at, text in enumerate(row.cells)
            if text and at not in found and heading.cell(at)
        }
        if cells:
            lines.append(Line(row.number, cells, rest, columns, named))
    return Sheet(lines, columns, doubled)


def _csv(data: bytes) -> list[Grid]:
    """The rows of a CSV file: the delimiter is the one that its first rows have most of."""
    text = _decoded(data)
    first = "\n".join(text.splitlines()[:HEADING_WITHIN])
    delimiter = max(",\t;", key=first.count)
    rows = []
    try:
        for at, cells in enumerate(
            csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 1
        ):
            kept = [clean(cell) for cell in cells]
            if at > LIMITS.max_rows:
                raise RefusedFileError("rows", f"CSV: expected at most {LIMITS.max_rows} rows")
            if len(kept) > LIMITS.max_columns:
                got = f"{len(kept)} in row {at}"
                raise RefusedFileError(
                    "columns", f"CSV: expected at most {LIMITS.max_columns} columns, got {got}"
                )
            if any(kept):
                rows.append(Row(at, tuple(kept)))
    except csv.Error as exc:
        raise RefusedFileError("format", f"CSV: expected rows of cells, got {exc}") from None
    return [Grid("", tuple(rows))]


def _decoded(data: bytes) -> str:
    """UTF-8, GB18030 (what spreadsheets save as CSV in China) or «Unicode text»."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ["utf-16"] if wide else ["utf-8-sig", "gb18030"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise RefusedFileError("encoding", "CSV: expected UTF-8 or GB18030 text, got other bytes")
