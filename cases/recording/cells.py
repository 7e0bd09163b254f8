"""From the texts of one row to a rule, or to problems that name the cell.

Guarantee: a cell that is not clear is named by an error, one that is read in a way its author may
not have meant by a note.
Not covered: which rows are rules and what they inherit (`table`).

Format: docs/formats/rules.md, version 1, sections "Columns" and "Problems".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cases.recording import words
from cases.recording.grid import Limits, Row
from cases.recording.heading import Heading
from cases.recording.problems import Problem, problem
from cases.recording.retention import Retention, read_term
from cases.recording.rules import MAX_TEXT, Rule
from cases.recording.text import squeeze

_UNIT_MS = {"": 1000, "秒": 1000, "毫秒": 1, "分": 60_000, "分钟": 60_000}
_UNIT_OF_TERM = {"年": "years", "月": "months", "个月": "months", "天": "days", "日": "days"}


@dataclass(frozen=True, slots=True)
class Options:
    """What the importer says of the list; it goes before what the sheet says of itself.

    `must` is what a row without 应当/可以 is read as; `offset_minutes` is the zone of plain dates
    (China: 480), without which only times with an offset are read.
    """

    name: str | None = None
    version: str | None = None
    organ: str | None = None
    valid_from_ms: int | None = None
    valid_to_ms: int | None = None
    must: bool = True
    sheet: str | None = None
    offset_minutes: int | None = None
    # words of time points -> code, beside those that are known anyway: a procedure's labels
    points: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


class Cells:
    """Reads rows under one heading; `others` are the columns that are none of a list's."""

    def __init__(
        self,
        heading: Heading,
        options: Options,
        *,
        others: list[int],
        has_category: bool,
        problems: list[Problem],
    ) -> None:
        self.heading, self.options, self.problems = heading, options, problems
        self._others, self._has_category = others, has_category
        self._known = {squeeze(text): code for text, code in options.points.items()}

    def rule(
        self, row: Row, code: str, cells: dict[str, str], section: tuple[str, ...] | None
    ) -> Rule:
        """The rule; whether it may be used, the problems say that were added meanwhile."""
        stage = " · ".join(filter(None, (cells.get("stage"), cells.get("stage_item"))))
        methods = self._methods(row, cells.get("methods", ""))
        carriers, note = self._carriers(row, cells)
        texts = {key: cells.get(key, "") for key in ("matter", "occasion", "recorder", "content")}
        for key, text in (*texts.items(), ("stage", stage), ("note", note)):
            if len(text) > MAX_TEXT:
                self._say(row, self._label(key), "long", limit=MAX_TEXT, got=len(text))
        start, end = (words.read_point(cells.get(key, ""), self._known) for key in ("start", "end"))
        for key, point in (("start", start), ("end", end)):
            if point is not None and point.code is None:
                self._say(row, self._label(key), "free_point", got=point.text)
        if (start is None) != (end is None):
            self._say(row, self._label("start" if start is None else "end"), "one_point")
        return Rule(
            code=code,
            methods=methods.methods,
            all_methods=methods.together,
            must=self._must(row, cells),
            categories=self._categories(row, cells.get("category", ""), section),
            stage=stage,
            stage_category=self._stage(row, cells),
            start=start,
            end=end,
            retention=self._retention(row, cells.get("retention", "")),
            note=note,
            carriers=carriers,
            threshold_ms=self._threshold(row, cells.get("threshold", "")),
            **texts,
        )

    def _methods(self, row: Row, cell: str) -> words.Methods:
        found, label = words.read_methods(cell), self._label("methods")
        if not cell:
            self._say(row, label, "no_methods")
        elif not found.methods:
            self._say(row, label, "methods", got=cell)
        elif found.mixed:
            self._say(row, label, "methods_mixed", got=cell)
        elif found.left:
            self._say(row, label, "methods_left", got=found.left)
        if found.loose and not found.together:
            self._say(row, label, "methods_loose", got=cell)
        return found

    def _categories(self, row: Row, cell: str, section: tuple[str, ...] | None) -> tuple[str, ...]:
        if not cell:
            if section is None and self._has_category:
                self._say(row, self._label("category"), "no_category")
            return section or ()
        found = words.read_categories(cell)
        if found is None:
            self._say(row, self._label("category"), "category", got=cell)
        return found or ()

    def _must(self, row: Row, cells: dict[str, str]) -> bool:
        ticks = []
        for key in ("must_tick", "may_tick"):
            tick = words.read_tick(cells.get(key, ""))
            if tick is None:
                self._say(row, self._label(key), "must", got=cells[key])
            ticks.append(bool(tick))
        if all(ticks):
            self._say(row, self._label("must_tick"), "must_both")
        if any(ticks):
            return ticks[0]
        cell = cells.get("must", "")
        found = words.read_must(cell)
        if cell and found is None:
            self._say(row, self._label("must"), "must", got=cell)
        label = self._label("must") or self._label("must_tick") or self._label("may_tick")
        if not cell and label:
            self._say(row, label, "no_must", got="应当" if self.options.must else "可以")
        return self.options.must if found is None else found

    def _carriers(self, row: Row, cells: dict[str, str]) -> tuple[tuple[str, ...], str]:
        """The carriers, and the note with what has no column of its own."""
        carriers, left = words.read_carriers(cells.get("carrier", ""))
        kept = [cells.get("note", "")]
        if left:
            self._say(row, self._label("carrier"), "carrier_left", got=left)
            kept.append(f"{self.heading.names[self.heading.columns['carrier'][0]]}：{left}")
        for column in self._others:
            if text := row.cell(column):
                name = self.heading.names.get(column, "").replace("\n", "")
                kept.append(f"{name}：{text}" if name else text)
        return carriers, "；".join(filter(None, kept))

    def _stage(self, row: Row, cells: dict[str, str]) -> str | None:
        cell = cells.get("stage_category", "")
        if "stage_category" not in self.heading.columns:
            return words.read_stage(cells.get("stage", ""), cells.get("stage_item", ""))
        found = words.read_stage_category(cell)
        if cell and found is None:
            self._say(row, self._label("stage_category"), "stage_category", got=cell)
        return found

    def _retention(self, row: Row, cell: str) -> Retention | None:
        unit = _UNIT_OF_TERM.get(self.heading.units.get("retention", ""), "")
        term = read_term(cell, unit=unit)
        if term is None:
            self._say(row, self._label("retention"), "no_retention")
        elif term.kind == "text":
            self._say(row, self._label("retention"), "free_retention", got=cell)
        return term

    def _threshold(self, row: Row, cell: str) -> int | None:
        if not cell:
            return None
        unit = _UNIT_MS.get(self.heading.units.get("threshold", ""), 1000)
        found = words.read_seconds(cell, unit)
        if found is None:
            self._say(row, self._label("threshold"), "threshold", got=cell)
        return found

    def _label(self, key: str) -> str:
        return self.heading.label(key)

    def _say(self, row: Row, column: str, code: str, **said: object) -> None:
        self.problems.append(problem(row.number, column, code, **said))
