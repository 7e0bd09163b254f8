"""XLSX in and out: cells as people see them, merged ones in all their places.

Guarantee: nothing in a file is executed, fetched or evaluated, and a file is measured before it is
unpacked: size, unpacked size, rows, columns, macros, links to elsewhere, document type
declarations.  What is written depends on the rows alone, to the byte (no time, no random).
Not covered: what the cells mean (`table`).  Hidden rows and columns are read like others.

Format: docs/formats/rules.md, version 1, section "Files".
"""

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any
from xml.etree import ElementTree

import openpyxl
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries

from cases.recording.grid import Grid, Limits, RefusedFileError, Row
from cases.recording.text import clean

MOST_PARTS = 1000
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a ZIP archive can say
_STAMP = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*")
_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*encoding\s*=\s*["']([^"']+)["']""")
_UNREAD = {"f": "formula", "e": "cell_error"}
_LINK_TYPES = ("/hyperlink",)  # text with an address; never followed


def read(data: bytes, limits: Limits) -> list[Grid]:
    """The sheets of a workbook; RefusedFileError for a file that must not be opened."""
    _examine(data, limits)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [_grid(sheet, archive, limits) for sheet in book.worksheets]
    except RefusedFileError:
        raise
    # A library over files of strangers: each of these has been seen for a broken part.
    except (
        KeyError, ValueError, TypeError, IndexError, AttributeError, OSError, EOFError,
        zipfile.BadZipFile, ElementTree.ParseError, NotImplementedError, RuntimeError,
    ) as exc:  # fmt: skip
        what = f"{type(exc).__name__} {exc!s:.80}"
        raise RefusedFileError("format", f"XLSX: expected a workbook, got {what}") from None


def write(
    title: str, rows: Sequence[Sequence[str]], *, merged: Sequence[str] = (), heading: int = 1
) -> bytes:
    """One sheet of texts; row number `heading` is set off, `merged` are ranges such as A2:A4."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = title
    for at, cells in enumerate(rows, 1):
        for column, text in enumerate(cells, 1):
            if not text:
                continue
            cell = sheet.cell(at, column, text)
            cell.data_type = "s"  # a text that begins with = is a text
            cell.alignment = Alignment(wrap_text=True, vertical="center")
            if at == heading:
                cell.font = Font(bold=True)
    for column in range(1, max((len(cells) for cells in rows), default=0) + 1):
        widest = max(
            (len(c[column - 1]) for c in rows[heading - 1 :] if column <= len(c)), default=0
        )
        sheet.column_dimensions[get_column_letter(column)].width = min(max(8, widest * 2), 40)
    for span in merged:
        sheet.merge_cells(span)
    sheet.freeze_panes = f"A{heading + 1}"
    out = io.BytesIO()
    book.save(out)
    return _timeless(out.getvalue())


def _timeless(data: bytes) -> bytes:
    """The same archive without the times at which it was made."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.infolist():
            content = old.read(part)
            if part.filename == "docProps/core.xml":
                content = _STAMP.sub(rb"\g<1>1980-01-01T00:00:00Z", content)
            entry = zipfile.ZipInfo(part.filename, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, content)
    return out.getvalue()


# --- before anything is unpacked ----------------------------------------------------------------


def _examine(data: bytes, limits: Limits) -> None:
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise RefusedFileError(
            "encrypted", "XLSX: expected a plain .xlsx, got an old .xls or one with a password"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _measure(archive, limits)
            _parts(archive)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        OSError,
        EOFError,
        ValueError,
    ) as exc:
        raise RefusedFileError("format", f"XLSX: expected a ZIP archive, got {exc!s:.80}") from None


def _measure(archive: zipfile.ZipFile, limits: Limits) -> None:
    # zipfile never yields more of a part than its directory declares, so the sum is a true bound.
    parts = archive.infolist()
    total = sum(part.file_size for part in parts)
    if total > limits.max_unpacked_bytes or len(parts) > MOST_PARTS:
        raise RefusedFileError(
            "unpacked",
            f"XLSX: expected at most {limits.max_unpacked_bytes} bytes unpacked, "
            f"got {total} in {len(parts)} parts",
        )
    if any(part.flag_bits & 1 for part in parts):
        raise RefusedFileError("encrypted", "XLSX: expected no password, got an encrypted part")
    names = [part.filename.lower() for part in parts]
    if len(set(names)) != len(names):
        raise RefusedFileError("format", "XLSX: expected each part once, got one twice")


def _parts(archive: zipfile.ZipFile) -> None:
    for part in archive.infolist():
        name = part.filename.lower()
        if "vba" in name or "/macrosheets/" in name:
            raise RefusedFileError("macros", f"XLSX: expected no macros, got {part.filename}")
        if "externallink" in name or "/embeddings/" in name or "/connections" in name:
            raise RefusedFileError("external", f"XLSX: expected no links, got {part.filename}")
        if not name.endswith((".xml", ".rels", ".vml")):
            continue
        content = archive.read(part)
        _markup(part.filename, content)
        if name == "[content_types].xml" and b"macroenabled" in content.lower():
            raise RefusedFileError("macros", "XLSX: expected no macros, got a macro workbook")
        if name.endswith(".rels"):
            _relations(part.filename, content)


def _markup(name: str, content: bytes) -> None:
    """No entities of its own, and an encoding in which we would have seen them."""
    declared = _ENCODING.match(content.removeprefix(b"\xef\xbb\xbf"))
    if declared and declared[1].lower() not in (b"utf-8", b"us-ascii", b"ascii"):
        raise RefusedFileError("markup", f"XLSX, {name}: expected UTF-8, got {declared[1]!r:.40}")
    if b"\0" in content or b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise RefusedFileError("markup", f"XLSX, {name}: expected plain XML, got a declaration")


def _relations(name: str, content: bytes) -> None:
    for relation in ElementTree.fromstring(content):  # noqa: S314 - no declarations, see _markup
        mode, kind = relation.get("TargetMode", ""), relation.get("Type", "")
        if mode.lower() == "external" and not kind.endswith(_LINK_TYPES):
            raise RefusedFileError("external", f"XLSX, {name}: expected no links, got one outside")


# --- cells --------------------------------------------------------------------------------------


def _grid(sheet: Any, archive: zipfile.ZipFile, limits: Limits) -> Grid:
    """One sheet; its merged cells are filled from their first."""
    # openpyxl does not tell the merged cells of a sheet that it streams.
    spans = _layout(archive, sheet._worksheet_path, limits)
    sheet.reset_dimensions()  # a size that the file claims; the cells themselves count
    table: dict[int, dict[int, str]] = {}
    unread: dict[int, dict[int, str]] = {}
    inside = sheet.iter_rows(max_row=limits.max_rows, max_col=limits.max_columns)
    for at, cells in enumerate(inside, 1):
        for column, cell in enumerate(cells):
            text, why = _text(cell)
            if not text and not why:
                continue
            table.setdefault(at, {})[column] = text
            if why:
                unread.setdefault(at, {})[column] = why
    merged: dict[int, dict[int, tuple[int, int]]] = {}
    left_over = limits.max_rows * limits.max_columns
    for left, top, right, bottom in spans:
        text = table.get(top, {}).get(left - 1, "")
        why = unread.get(top, {}).get(left - 1, "")
        if not text and not why:
            continue
        _within(bottom, right - 1, limits)
        left_over -= (bottom - top + 1) * (right - left + 1)
        if left_over < 0:
            raise RefusedFileError(
                "format", "XLSX: expected merged cells side by side, got them over each other"
            )
        for at in range(top, bottom + 1):
            for column in range(left - 1, right):
                if (at, column) == (top, left - 1):
                    continue
                table.setdefault(at, {})[column] = text
                merged.setdefault(at, {})[column] = (top, left - 1)
                if why:
                    unread.setdefault(at, {})[column] = why
    rows = (
        Row(at, _dense(table[at]), merged.get(at, {}), unread.get(at, {})) for at in sorted(table)
    )
    return Grid(sheet.title, tuple(rows))


def _dense(cells: dict[int, str]) -> tuple[str, ...]:
    return tuple(cells.get(column, "") for column in range(max(cells) + 1))


def _within(row: int, column: int, limits: Limits) -> None:
    if row > limits.max_rows:
        raise RefusedFileError("rows", f"XLSX: expected at most {limits.max_rows} rows, got more")
    if column >= limits.max_columns:
        raise RefusedFileError(
            "columns", f"XLSX: expected at most {limits.max_columns} columns, got more in row {row}"
        )


def _layout(archive: zipfile.ZipFile, path: str, limits: Limits) -> list[tuple[int, int, int, int]]:
    """The merged cells of a sheet (left, top, right, bottom), after a look at where its text ends.

    openpyxl fills the rows up to the last one, so a cell far out must be found before it begins.
    """
    merged = []
    row = column = 0
    with archive.open(path) as part:
        parsed = ElementTree.iterparse(part, ("start", "end"))  # noqa: S314 - see _markup
        for event, element in parsed:
            tag = element.tag.rpartition("}")[2]
            if event == "start" and tag == "row":
                row, column = int(element.get("r", row + 1)), 0
            elif event == "end" and tag == "c":
                place = element.get("r")
                column = coordinate_to_tuple(place)[1] if place else column + 1
                if len(element):
                    _within(row, column - 1, limits)
            elif event == "end" and tag == "row":
                element.clear()
            elif event == "end" and tag == "mergeCell":
                left, top, right, bottom = range_boundaries(element.get("ref", ""))
                if left is None or top is None or right is None or bottom is None:
                    raise ValueError("a merged cell without corners")
                merged.append((left, top, right, bottom))
    return merged


def _text(cell: Any) -> tuple[str, str]:
    """The cell as a person sees it, and why it cannot be one of a list's cells ("" if it can)."""
    value = cell.value
    if value is None:
        return "", ""
    if cell.data_type in _UNREAD:
        return clean(str(value)), _UNREAD[cell.data_type]
    if isinstance(value, date | time):  # datetime is a date
        midnight = isinstance(value, datetime) and value.time() == time()
        return (value.date() if midnight else value).isoformat(), "date"  # type: ignore[union-attr]
    if isinstance(value, bool):
        value = "是" if value else "否"
    elif isinstance(value, float):  # numbers that were typed: 3 is stored as 3.0
        value = int(value) if value.is_integer() else value
    return clean(str(value)), ""
