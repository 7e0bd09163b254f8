"""From a sheet's rows to a rule list, or to problems that name row and column.

Guarantee: a list comes out only if no problem is an error, so nothing is half imported; whatever
text of the table did not become part of a rule is named by a note.
Not covered: bytes (`csvfile`, `workbook`).

Format: docs/formats/rules.md, version 1, sections "Rows" and "Problems".
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from cases.recording import heading as headings
from cases.recording import words
from cases.recording.cells import Cells, Options
from cases.recording.grid import Grid, Row
from cases.recording.heading import Heading
from cases.recording.problems import Problem, Reading, problem
from cases.recording.rules import Rule, RuleList, is_code
from cases.recording.text import number, squeeze

_TOTAL = re.compile(r"(合计|总计|小计|共计|总数)(:?.{0,20})?|共[0-9一二三四五六七八九十]+项.{0,20}")
_REMARK = re.compile(
    r"(注|备注|说明|附注|填表说明|填报说明|填表人|制表人|制表|填表日期|审核人|联系人|联系电话|编制单位|单位负责人)"
    r"([:0-9(]|$).*|[*※].*"
)
_NUMBERING = re.compile(
    r"^[(（]?[0-9一二三四五六七八九十]+[)）、.]+|[(（].*[)）]$|(类|部分|事项|:)+$"
)
# 备注 is about its own row; everything else of an item may stand in its first row only.
_INHERITED = (
    "category", "matter", "stage", "stage_item", "occasion", "methods", "recorder", "content",
    "retention", "must", "carrier", "threshold", "stage_category",
)  # fmt: skip
_PAIRS = (("start", "end"), ("must_tick", "may_tick"))


def read_grid(grid: Grid, options: Options) -> Reading | None:
    """The list of one sheet; None if it has no heading, so is no list at all."""
    heading = headings.find(grid.rows)
    if heading is None:
        return None
    reader = _Reader(grid.rows, heading, options)
    reader.problems += headings.twice(heading, grid.rows)
    if "methods" not in heading.columns:
        reader.problems.append(problem(heading.row, "", "no_methods_column"))
    else:
        reader.read_rows()
    found = reader.about()
    failed = any(p.severity == "error" for p in reader.problems)
    return Reading(None if failed else found, tuple(reader.problems))


class _Reader:
    """One pass over a table; what it has said so far is in `problems`."""

    def __init__(self, rows: Sequence[Row], heading: Heading, options: Options) -> None:
        self.rows, self.heading, self.options = rows, heading, options
        self.problems: list[Problem] = []
        self.rules: list[Rule] = []
        self._body = rows[heading.first :]
        self._used: set[str] = set()
        self._item = ""  # the code of the item whose rows we are in
        self._last: dict[str, str] | None = None
        self._section: tuple[str, ...] | None = None
        self._has_codes = any(self._text(row, "code") for row in self._body)
        self._has_category = any(self._text(row, "category") for row in self._body)
        self._others = self._other_columns()
        self._cells = Cells(
            heading,
            options,
            others=self._others,
            has_category=self._has_category,
            problems=self.problems,
        )

    # --- the list as a whole ------------------------------------------------------------------

    def about(self) -> RuleList:
        """Name, version, organ and validity, from the options or from above the table."""
        said, title = headings.above(self.rows, self.heading)
        texts = {key: text for key, (_, _, text) in said.items()}
        for row, column, _ in said.values():
            if row.unread.get(column, "date") != "date":
                self._say(row, self.heading.label_of(column), row.unread[column])
        chosen = self.options
        name = chosen.name or texts.get("name", "")
        if not name and title:
            name = title
            self.problems.append(problem(None, "", "title_as_name", got=title))
        version = chosen.version or texts.get("version", "")
        start = self._time(chosen.valid_from_ms, said.get("valid_from"))
        end = self._time(chosen.valid_to_ms, said.get("valid_to"))
        for missing, code in ((not name, "no_name"), (not version, "no_version")):
            if missing:
                self.problems.append(problem(None, "", code))
        if start is None and not any(p.code == "valid_time" for p in self.problems):
            self.problems.append(problem(None, "", "no_valid_from"))
        if start is not None and end is not None and end <= start:
            self.problems.append(problem(None, "", "valid_order"))
        organ = chosen.organ if chosen.organ is not None else texts.get("organ", "")
        return RuleList(name, version, organ, start or 0, end, tuple(self.rules))

    def _time(self, chosen: int | None, said: tuple[Row, int, str] | None) -> int | None:
        if chosen is not None or said is None or not said[2]:
            return chosen
        row, column, text = said
        found = headings.read_time(text, self.options.offset_minutes)
        if found is None:
            self._say(row, self.heading.label_of(column), "valid_time", got=text)
        return found

    # --- rows ---------------------------------------------------------------------------------

    def read_rows(self) -> None:
        self._say_columns()
        ended = False
        for row in self._body:
            kind = self._kind(row)
            if ended and len(row.filled) >= 3 and kind == "rule":
                self._say(row, "", "after_end")
            elif kind == "rule" and not ended:
                self._read_rule(row)
            elif kind == "section":
                self._read_section(row)
            elif kind != "heading":
                self._say(row, "", "skipped_row", got=row.cells[row.filled[0]])
                ended = ended or kind == "remark"
        if not self.rules and not any(p.severity == "error" for p in self.problems):
            self.problems.append(problem(None, "", "no_rules"))

    def _say_columns(self) -> None:
        missing = [("no_code_column", self._has_codes), ("no_category_column", self._has_category)]
        for code, present in missing:
            if not present:
                self.problems.append(problem(self.heading.row, "", code))
        if not {"must", "must_tick", "may_tick"} & self.heading.columns.keys():
            got = "应当" if self.options.must else "可以"
            self.problems.append(problem(self.heading.row, "", "no_must", got=got))
        for column in self._others:
            label = self.heading.label_of(column)
            got = self.heading.names.get(column) or label
            self.problems.append(problem(self.heading.row, label, "unknown_column", got=got))

    def _other_columns(self) -> list[int]:
        """Columns with text that are none of a list's, those without a heading included."""
        known = {column for at in self.heading.columns.values() for column in at}
        filled = {c for row in self._body if self._kind(row) == "rule" for c in row.filled}
        return sorted(filled - known)

    def _kind(self, row: Row) -> str:
        own = [c for c in row.filled if row.merged.get(c, (row.number, 0))[0] == row.number]
        texts = {row.cells[c] for c in own}
        if texts and all(row.cells[c] == self.heading.names.get(c) for c in own):
            return "heading"  # printed lists repeat it on every page
        first = squeeze(row.cells[row.filled[0]])
        if _TOTAL.fullmatch(first):
            return "total"
        leads = row.filled[0] == 0 or len(own) >= 3
        if len(texts) <= 3 and leads and _REMARK.fullmatch(first):
            return "remark"
        alone = len(texts) == 1 and leads and not is_code(self._number(first))
        return "section" if alone and len(own) == len(row.filled) else "rule"

    def _read_section(self, row: Row) -> None:
        """A line across the table such as 一、行政处罚 is the category of what follows."""
        text = row.cells[row.filled[0]]
        found = words.read_categories(_NUMBERING.sub("", _NUMBERING.sub("", text.strip())))
        if found:
            self._section = found
        self._say(row, "", "section" if found else "skipped_row", got=text)

    def _text(self, row: Row, key: str) -> str:
        """The text of a field; the cells under one merged heading are joined."""
        at = self.heading.columns.get(key, ())
        return " ".join(dict.fromkeys(text for column in at if (text := row.cell(column))))

    def _read_rule(self, row: Row) -> None:
        for column, why in row.unread.items():
            self._say(row, self.heading.label_of(column), why, got=row.cell(column))
        if row.unread:
            return
        cells = {key: self._text(row, key) for key in self.heading.columns}
        code, continues = self._code(row, cells.pop("code", ""))
        if not any(cells.values()):
            self._say(row, "", "empty_rule")
            return
        if continues and self._last is not None:
            self._inherit(cells)
        self._last = cells
        before = len(self.problems)
        rule = self._cells.rule(row, code, cells, self._section)
        if not any(p.severity == "error" for p in self.problems[before:]):
            self.rules.append(rule)

    def _inherit(self, cells: dict[str, str]) -> None:
        last = self._last or {}
        for key in _INHERITED:
            cells[key] = cells.get(key) or last.get(key, "")
        for pair in _PAIRS:
            # One of two points is said on purpose without the other.
            if not any(cells.get(key) for key in pair):
                cells.update({key: last.get(key, "") for key in pair})

    def _code(self, row: Row, said: str) -> tuple[str, bool]:
        """The rule's code, and whether the row continues the item above."""
        if not self._has_codes:
            return self._take(str(len(self._used) + 1)), False
        merged = row.merged.get(self.heading.columns["code"][0], (row.number, 0))
        if not said or merged[0] < row.number:
            if not self._item:
                self._say(row, self.heading.label("code"), "no_code")
            return self._take(self._item or "0"), True
        code = self._number(said)
        if not is_code(code):
            self._say(row, self.heading.label("code"), "code", got=said)
            code = "0"
        self._item = code
        taken = self._take(code)
        if code not in (taken, "0"):
            self._say(row, self.heading.label("code"), "code_twice", got=code, new=taken)
        return taken, False

    @staticmethod
    def _number(said: str) -> str:
        """A number as people write it: 1、 (2) 三."""
        plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", said))
        plain = re.sub(r"^[(第]|[)、.。,项号]+$", "", plain)
        counted = number(plain)
        return plain if counted is None or plain.isascii() else str(counted)

    def _take(self, code: str) -> str:
        part, free = 1, code
        while free in self._used:
            part += 1
            free = f"{code}-{part}"
        self._used.add(free)
        return free

    def _say(self, row: Row, column: str, code: str, **said: object) -> None:
        self.problems.append(problem(row.number, column, code, **said))


def pick(grids: Sequence[Grid], options: Options) -> Reading:
    """The list of the one sheet that holds a list, or of the sheet the options name."""
    if options.sheet is not None:
        grids = [grid for grid in grids if grid.name == options.sheet]
        if not grids:
            return Reading(None, (problem(None, "", "no_sheet", got=options.sheet),))
    found = list(_lists(grids, options))
    if len(found) == 1:
        return found[0][1]
    if not found:
        return Reading(None, (problem(None, "", "no_table"),))
    names = "、".join(name for name, _ in found)
    return Reading(None, (problem(None, "", "two_tables", got=names),))


def _lists(grids: Sequence[Grid], options: Options) -> Iterator[tuple[str, Reading]]:
    for grid in grids:
        reading = read_grid(grid, options)
        if reading is not None:
            yield grid.name, reading
