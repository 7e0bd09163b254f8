"""Write the example lists from `lists.toml`: CSV as a person would save it, XLSX with merged cells.

Guarantee: the same source gives the same bytes.
Not covered: real lists; an agency imports its own.

Format: docs/formats/rules.md, version 1.
"""

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from openpyxl.utils import get_column_letter

from cases.recording import csvfile, workbook

HERE = Path(__file__).parent
ABOVE = 5  # rows above the first rule: title, version, organ, validity, heading


def files() -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the example files."""
    source = tomllib.loads((HERE / "lists.toml").read_text("utf-8"))
    for found in source["list"]:
        rows = _rows(found)
        yield f"{found['file']}.csv", csvfile.write(rows)
        merged = list(_merged(found["rows"], len(found["heading"])))
        yield (
            f"{found['file']}.xlsx",
            workbook.write("清单", rows, merged=merged, heading=ABOVE),
        )


def _rows(found: dict[str, Any]) -> list[Sequence[str]]:
    """As lists are printed: a title, a few words about the list, the table, a remark."""
    about = [
        [found["title"]],
        ["版本", found["version"]],
        [f"编制单位：{found['organ']}"],
        ["施行日期", found["valid_from"]],
    ]
    return [*about, found["heading"], *found["rows"], [found["remark"]]]


def _merged(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """The title and the remark across; the cells of an item down over its rows."""
    yield f"A1:{get_column_letter(width)}1"
    last = ABOVE + len(rows) + 1
    yield f"A{last}:{get_column_letter(width)}{last}"
    for column in range(width):
        for top, bottom in _runs(rows, column):
            letter = get_column_letter(column + 1)
            yield f"{letter}{ABOVE + 1 + top}:{letter}{ABOVE + 1 + bottom}"


def _runs(rows: Sequence[Sequence[str]], column: int) -> Iterator[tuple[int, int]]:
    top = 0
    for at in range(1, len(rows) + 1):
        if at < len(rows) and not rows[at][0] and not rows[at][column]:
            continue
        if at - top > 1 and rows[top][column]:
            yield top, at - 1
        top = at


if __name__ == "__main__":
    for name, data in files():
        (HERE / name).write_bytes(data)
        print(name, len(data))
