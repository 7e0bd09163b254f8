"""A sheet as rows of texts, each with the numbers that a person sees in the sheet.

Guarantee: row numbers and column letters are the sheet's own, so a problem can be found by eye.
`merged` tells which cells stand for a merged one: their text was copied from its first cell.
Not covered: what the cells mean (`table`).

Format: docs/formats/rules.md, version 1, sections "Files" and "Problems".
"""

from dataclasses import dataclass, field

from verify.errors import MalformedError


class RefusedFileError(MalformedError):
    """A file that is not read at all: too large, with macros or links, or not what it claims.

    `reason` is a stable word: size, rows, columns, unpacked, macros, external, encrypted, markup,
    format, encoding.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reader takes.  They guard the server and say nothing about what a list may ask."""

    max_bytes: int = 8 * 2**20
    max_unpacked_bytes: int = 64 * 2**20
    max_rows: int = 5000
    max_columns: int = 64


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the sheet, its texts, and what is special about some of them."""

    number: int
    cells: tuple[str, ...]
    # column -> row number and column in which its merged cell begins; not for that first cell
    merged: dict[int, tuple[int, int]] = field(default_factory=dict)
    # column -> why the cell cannot be read: "formula", "date" or "error"
    unread: dict[int, str] = field(default_factory=dict)

    @property
    def filled(self) -> tuple[int, ...]:
        """The columns that hold something."""
        return tuple(at for at, text in enumerate(self.cells) if text or at in self.unread)

    def cell(self, column: int) -> str:
        return self.cells[column] if column < len(self.cells) else ""


@dataclass(frozen=True, slots=True)
class Grid:
    """One sheet: its name ("" in CSV) and its rows, empty ones left out."""

    name: str
    rows: tuple[Row, ...]


def letters(column: int) -> str:
    """The column's letters: 0 is A, 26 is AA."""
    text = ""
    column += 1
    while column:
        column, digit = divmod(column - 1, 26)
        text = chr(65 + digit) + text
    return text
