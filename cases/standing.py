"""Where a case stands: its rows read and folded into the state of its procedure.

Guarantee: the rows of facts and acts alike go into the state; a time point that a later entry
replaces counts no longer, but its marks stay.  Marks are as they were recorded: nothing here takes
one away.
Not covered: what may be done next (`cases.procedure.machine`), recordings (`cases.judging`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from cases import versions
from cases.procedure.model import Procedure
from cases.procedure.state import EMPTY, Happening, Kind, State, fold
from storage import bulk
from verify.errors import NotFoundError

RELATED = "related"
"""The transition of an entry in the case that another was merged into or split from."""
NOT = "not "


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case as its row has it."""

    id: str
    number: str
    kind: str
    title: str
    officers: str
    opened_index: int
    opened_ms: int
    changed_index: int  # of the entry that describes it by now
    procedure: str | None
    organ: str | None
    unit: str | None
    people: str
    parties: str
    place: str | None
    private: bool
    viewers: str
    external_system: str | None
    external_key: str | None
    closed_index: int | None


_CASE = (
    "id", "number", "kind", "title", "officers", "opened_index", "opened_ms", "changed_index",
    "procedure", "organ", "unit", "people", "parties", "place", "private", "viewers",
    "external_system", "external_key", "closed_index",
)  # fmt: skip
_SELECT_CASE = (
    f"SELECT {', '.join(chr(34) + name + chr(34) for name in _CASE)} "  # noqa: S608  # names of ours
    'FROM enforcement_case WHERE "id" = ?'
)


@dataclass(frozen=True, slots=True)
class PointRow:
    index: int
    point: str
    occasion: str
    at_ms: int
    uncertainty_ms: int
    source: str
    text: str | None
    replaces: int | None
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StageRow:
    index: int
    transition: str
    stage: str
    exit: str | None
    how: str
    at_ms: int
    stated: tuple[str, ...]
    other: str | None
    reason: str | None
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DocumentRow:
    index: int
    id: str
    kind: str
    stage: str | None
    how: str
    at_ms: int
    number: str | None
    title: str | None
    source: str | None
    item: str | None
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FilingRow:
    index: int
    at_ms: int
    defects: tuple[Any, ...]
    by: str  # the actor who filed
    leader: str | None
    leader_name: str | None


@dataclass(frozen=True)
class Standing:
    """A case with all that happened in it, but its recordings."""

    case: CaseRow
    procedure: Procedure | None
    points: Sequence[PointRow]
    stages: Sequence[StageRow]
    documents: Sequence[DocumentRow]
    filings: Sequence[FilingRow]

    @cached_property
    def live_points(self) -> list[PointRow]:
        """Those that no later entry corrects."""
        gone = {point.replaces for point in self.points}
        return [point for point in self.points if point.index not in gone]

    @cached_property
    def state(self) -> State:
        return self.state_with()

    def state_with(self, at_ms: int | None = None) -> State:
        """The state; `at_ms` is the time of a fact about to be recorded.

        A case cannot have begun after what happened in it: where facts were noted afterwards it
        counts as open since the first stage or document.
        """
        if self.procedure is None:
            return EMPTY
        return fold(self.procedure, self._happenings(at_ms))

    def _happenings(self, at_ms: int | None) -> list[Happening]:
        times = [self.case.opened_ms, *(s.at_ms for s in self.stages)]
        times += [d.at_ms for d in self.documents] + ([] if at_ms is None else [at_ms])
        found = [Happening("opened", self.case.opened_index, min(times))]
        found += [_of_stage(row) for row in self.stages]
        found += [
            Happening("document", d.index, d.at_ms, _how(d.how), d.kind, marks=d.marks)
            for d in self.documents
        ]
        found += [
            Happening("point", p.index, p.at_ms, "fact", p.point, marks=p.marks)
            for p in self.live_points
        ]
        found += [Happening("closed", f.index, f.at_ms) for f in self.filings]
        return found

    @property
    def current(self) -> str | None:
        """The stage in which the case stands."""
        if self.procedure is not None:
            return self.state.current
        return self.stages[-1].stage if self.stages else None


def claims(stated: Sequence[str]) -> tuple[tuple[str, bool], ...]:
    """`x` and `not x` as what was stated."""
    return tuple(
        (word.removeprefix(NOT), not word.startswith(NOT)) for word in stated if word.strip()
    )


def _how(text: str) -> Any:
    return "act" if text == "act" else "fact"


def _of_stage(row: StageRow) -> Happening:
    kind: Kind = "transition"
    code, related = row.transition, row.other
    if row.transition == RELATED:
        kind, code = "related", row.exit or ""
    elif not row.transition:
        kind, code = ("exit", row.exit) if row.exit is not None else ("entered", row.stage)
    return Happening(
        kind,
        row.index,
        row.at_ms,
        _how(row.how),
        code,
        claims(row.stated),
        related,
        row.marks,
    )


# --- reading --------------------------------------------------------------------------------


def case_row(conn: Connection, case: str) -> CaseRow:
    """The case's row; NotFoundError."""
    rows = bulk.select(conn, _SELECT_CASE, (case,))
    if not rows:
        raise NotFoundError(f"case: expected a known id, got {case:.40}")
    return CaseRow(*rows[0])


def read(conn: Connection, case: str) -> Standing:
    """The case and its course; NotFoundError."""
    row = case_row(conn, case)
    return Standing(
        row, versions.of_case(conn, row.procedure), _points(conn, case), _stages(conn, case),
        _documents(conn, case), _filings(conn, case),
    )  # fmt: skip


def _words(text: str) -> tuple[Any, ...]:
    return () if text == "[]" else tuple(json.loads(text))


def _read(row: Sequence[Any], *lists: int) -> tuple[Any, ...]:
    """The row's cells; those at `lists` hold JSON lists."""
    return tuple(_words(cell) if n in lists else cell for n, cell in enumerate(row))


def _points(conn: Connection, case: str) -> list[PointRow]:
    rows = bulk.select(
        conn,
        'SELECT "index", "point", "occasion", "at_ms", "uncertainty_ms", "source", "text", '
        '"replaces", "marks" FROM case_point WHERE "case" = ? ORDER BY "index"',
        (case,),
    )
    return [PointRow(*_read(row, 8)) for row in rows]


def _stages(conn: Connection, case: str) -> list[StageRow]:
    rows = bulk.select(
        conn,
        'SELECT "index", "transition", "stage", "exit", "how", "at_ms", "stated", "other", '
        '"reason", "marks" FROM case_stage WHERE "case" = ? ORDER BY "index"',
        (case,),
    )
    return [StageRow(*_read(row, 6, 9)) for row in rows]


def _documents(conn: Connection, case: str) -> list[DocumentRow]:
    rows = bulk.select(
        conn,
        'SELECT "index", "id", "kind", "stage", "how", "at_ms", "number", "title", "source", '
        '"item", "marks" FROM document WHERE "case" = ? ORDER BY "index"',
        (case,),
    )
    return [DocumentRow(*_read(row, 10)) for row in rows]


def _filings(conn: Connection, case: str) -> list[FilingRow]:
    rows = bulk.select(
        conn,
        'SELECT f."index", f."at_ms", f."defects", e."bytes", f."leader", f."leader_name" '
        'FROM filing f JOIN entry e ON e."index" = f."index" WHERE f."case" = ? '
        'ORDER BY f."index"',
        (case,),
    )
    return [
        FilingRow(index, at, _words(defects), json.loads(bytes(entry))["actor"], *rest)
        for index, at, defects, entry, *rest in rows
    ]


@dataclass(frozen=True, slots=True)
class Marked:
    """A permanent mark and where it stands."""

    mark: str
    what: str  # point, stage, document, filing, exemption
    code: str
    index: int
    at_ms: int


def marked_requests(conn: Connection, case: str) -> list[Marked]:
    """Marks of what was asked too late."""
    rows = bulk.select(
        conn,
        'SELECT "kind", "rule", "asked_index", "asked_ms", "marks" FROM approval '
        'WHERE "case" = ? AND "marks" <> \'[]\'',
        (case,),
    )
    return [
        Marked(word, kind, rule or "", index, at)
        for kind, rule, index, at, words in rows
        for word in _words(words)
    ]


def marks(standing: Standing, asked: Sequence[Marked] = ()) -> list[Marked]:
    """Every mark of the case, oldest first; `asked` are those of `marked_requests`."""
    found = [*asked]
    found += [
        Marked(m, "point", p.point, p.index, p.at_ms) for p in standing.points for m in p.marks
    ]
    found += [
        Marked(m, "stage", s.transition or s.exit or s.stage, s.index, s.at_ms)
        for s in standing.stages
        for m in s.marks
    ]
    found += [
        Marked(m, "document", d.kind, d.index, d.at_ms) for d in standing.documents for m in d.marks
    ]
    found += [
        Marked(d["mark"], "filing", d["rule"] or d["point"], f.index, f.at_ms)
        for f in standing.filings
        for d in f.defects
    ]
    return sorted(found, key=lambda mark: mark.index)
