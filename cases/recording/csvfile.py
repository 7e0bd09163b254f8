"""CSV in and out: whatever spreadsheets save, and nothing that a spreadsheet would execute.

Guarantee: a cell that a spreadsheet would take for a formula is written with an apostrophe before
it, and read without it, so what comes in again is what went out.
Not covered: what the cells mean (`table`).

Format: docs/formats/rules.md, version 1, section "Files".
"""

import csv
import io
from collections.abc import Iterable, Sequence

from cases.recording import heading
from cases.recording.grid import Grid, Limits, RefusedFileError, Row
from cases.recording.text import clean

DELIMITERS = (",", "\t", ";")
_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def read(data: bytes, limits: Limits) -> Grid:
    """The rows of a CSV file; the delimiter is the one with which a heading is found."""
    text = _decode(data)
    grids = [_rows(text, delimiter, limits) for delimiter in DELIMITERS if delimiter in text]
    grids = grids or [_rows(text, ",", limits)]
    for grid in grids:
        if heading.find(grid.rows) is not None:
            return grid
    return grids[0]


def write(rows: Iterable[Sequence[str]]) -> bytes:
    """UTF-8 with a byte-order mark, commas, CR LF: what every spreadsheet opens as it is."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def guarded(cell: str) -> str:
    """The cell as text for a spreadsheet; a leading apostrophe is doubled, so that none is lost."""
    return f"'{cell}" if cell.startswith((*_ACTIVE, "'")) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_ACTIVE, "'")) else cell


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]  # «Unicode text» of older spreadsheets
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise RefusedFileError("encoding", "CSV: expected UTF-8 or GB18030 text, got other bytes")


def _rows(text: str, delimiter: str, limits: Limits) -> Grid:
    rows = []
    try:
        for at, cells in enumerate(
            csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 1
        ):
            plain = [clean(_unguarded(cell)) for cell in cells]
            while plain and not plain[-1]:
                plain.pop()
            if not plain:
                continue
            if at > limits.max_rows:
                raise RefusedFileError(
                    "rows", f"CSV: expected at most {limits.max_rows} rows, got more"
                )
            if len(plain) > limits.max_columns:
                got = f"{len(plain)} in row {at}"
                raise RefusedFileError(
                    "columns", f"CSV: expected at most {limits.max_columns} columns, got {got}"
                )
            rows.append(Row(at, tuple(plain)))
    except csv.Error as exc:
        raise RefusedFileError("format", f"CSV: expected rows of cells, got {exc}") from None
    return Grid("", tuple(rows))
