"""Cases from sheets and from other 办案 systems: each row an act of its own.

Guarantee: the same row given again changes nothing (by system and key, or by number where no system
is named); a row that is not good is named with its reason and holds no other up, and so is the
second of two rows of one file that mean the same case; a case that
changed there is described anew here, and what it was stays in the log.
Not covered: rights (the caller has checked where a case may be opened, and says by `acts.Theirs`
which known one he may change), a number that changed there
(it is told, not followed), and cases that are gone there.

Format: docs/formats/imports.md, version 1.
"""

import json
import re
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection

from cases import acts, rules, standing, versions
from cases.recording.problems import Problem
from cases.recording.text import clean, squeeze
from cases.registers.cells import problem
from cases.registers.people import AMBIGUOUS, Directory, Names
from cases.registers.sheet import Sheet
from cases.registers.tables import LEAST, framed
from storage.ledger import Draft, Ledger
from verify.errors import ConflictError, EvidenceError, MalformedError, UnavailableError

FOLDER = Path(__file__).parent / "mappings"
REASON = "import"
MAX_ROWS = 2000
FIELDS = (
    "key", "number", "title", "kind", "procedure", "officers", "certificates", "parties", "unit",
    "organ", "place",
)  # fmt: skip
COLUMNS: Mapping[str, Sequence[str]] = {
    "number": ("案号", "案件编号", "立案号", "立案编号", "文号", "编号"),
    "title": ("案件名称", "名称", "案由", "标题", "案情摘要"),
    "kind": ("执法类别", "案件类型", "案件类别", "类别"),
    "procedure": ("程序", "执法程序"),
    "officers": ("执法人员", "承办人", "承办人员", "主办人", "办案人员", "执法人员姓名"),
    "certificates": ("执法证号", "执法证件号", "证件号"),
    "parties": ("当事人", "当事人名称", "相对人", "行政相对人", "被检查单位"),
    "unit": ("部门", "承办部门", "承办机构", "科室"),
    "organ": ("机关", "执法机关", "执法主体"),
    "place": ("地点", "案发地点", "检查地点", "地址"),
    "key": ("外部编号", "案件标识", "系统编号", "主键"),
}  # fmt: skip
KIND_WORDS: Mapping[str, str] = {
    "行政处罚": "penalty", "处罚": "penalty", "行政许可": "licence", "许可": "licence",
    "行政强制": "coercion", "强制": "coercion", "行政检查": "inspection", "检查": "inspection",
    "行政征收": "levy", "征收": "levy", "其他": "other",
}  # fmt: skip
_SPLIT = re.compile(r"[、,，;；/\n]+")
Status = Literal["created", "unchanged", "changed", "failed"]


@dataclass(frozen=True, slots=True)
class CaseSaid:
    """One row: what another system or a sheet says of a case."""

    row: int
    number: str
    title: str
    kind: str
    key: str | None = None
    procedure: str | None = None
    officers: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()
    organ: str | None = None
    unit: str | None = None
    place: str | None = None
    home: str | None = None  # the unit of a new case whose row names none


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a row; `problem` says why nothing did, with the refusal itself where one was."""

    row: int
    status: Status
    case: str | None = None
    key: str | None = None
    problem: Problem | None = None
    number: str = ""
    title: str = ""
    error: EvidenceError | None = None


@dataclass(slots=True)
class Read:
    """Rows that are good, and the others."""

    said: list[CaseSaid] = field(default_factory=list)
    failed: list[Outcome] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)  # of the file as a whole
    rows: dict[str, int] = field(default_factory=dict)  # what a good row is known by -> the row


@dataclass(frozen=True, slots=True)
class _By:
    """By what names columns are known and words are understood; `organ` where a row names none.

    With `keyed` a row is known by its key, where it has one, else by its number.
    """

    columns: Mapping[str, str]
    directory: Directory
    organ: str | None
    keyed: bool = False


@cache
def example_mappings() -> Mapping[str, Mapping[str, str]]:
    """The shipped examples, by name."""
    found = {}
    for path in sorted(FOLDER.glob("*.toml")):
        value = tomllib.loads(path.read_text("utf-8"))
        found[str(value["name"])] = dict(value["mapping"])
    return found


def mapping_of(value: object) -> Mapping[str, str]:
    """Our field -> theirs; a name stands for a shipped example.  MalformedError."""
    if isinstance(value, str):
        if value not in example_mappings():
            known = ", ".join(example_mappings())
            raise MalformedError(f"mapping: expected fields or one of {known}, got {value!r:.60}")
        return example_mappings()[value]
    if not isinstance(value, Mapping) or not all(isinstance(v, str) for v in value.values()):
        raise MalformedError("mapping: expected our fields with the names of theirs, got another")
    if unknown := sorted(set(value) - set(FIELDS)):
        raise MalformedError(f"mapping: expected {', '.join(FIELDS)}, got {unknown[0]!r:.60}")
    if missing := [name for name in ("number", "title") if name not in value]:
        raise MalformedError(f"mapping: expected {missing[0]}, got none")
    return {str(ours): str(theirs) for ours, theirs in value.items()}


def from_rows(
    rows: Sequence[Mapping[str, object]],
    mapping: Mapping[str, str],
    directory: Directory,
    *,
    organ: str | None,
) -> Read:
    """Rows of another system; the row's number is its place, from 1."""
    found = Read()
    for number, row in enumerate(rows, 1):
        values = {ours: _text(row.get(theirs)) for ours, theirs in mapping.items()}
        _row(found, number, values, _By(mapping, directory, organ, keyed=True))
    return found


def from_sheet(sheet: Sheet | None, directory: Directory, *, organ: str | None) -> Read:
    """Rows of a sheet, with the numbers that the sheet shows."""
    found = Read(problems=framed(sheet, COLUMNS, ("number", "title")))
    if sheet is None or found.problems:
        return found
    for line in sheet.lines:
        values = {code: cell.text for code, cell in line.cells.items()}
        bad = next((c for c in line.cells.values() if c.unread in ("formula", "cell_error")), None)
        if bad is not None:
            _fail(found, line.number, bad.place, bad.unread, values, got=bad.text)
            continue
        _row(found, line.number, values, _By(sheet.columns, directory, organ))
    return found


def _text(value: object) -> str:
    """A value of another system as text; lists become one text with 、 between."""
    if isinstance(value, list):
        return "、".join(_text(part) for part in value)
    if value is None or isinstance(value, dict | bool):
        return ""
    return clean(str(value))


def _fail(
    found: Read, row: int, column: str, code: str, values: Mapping[str, str], /, **said: object
) -> None:
    why = problem(row, column, code, **said)
    number, title = (values.get(name, "").strip() for name in ("number", "title"))
    found.failed.append(Outcome(row, "failed", problem=why, number=number, title=title))


def _row(found: Read, row: int, values: Mapping[str, str], by: _By) -> None:
    """One row into a case, or into the first reason why it is none."""
    columns, directory = by.columns, by.directory
    for code in ("number", "title"):
        if not values.get(code):
            return _fail(found, row, columns.get(code, code), "empty", values)
    unit, why = _named(values.get("unit", ""), directory.units, "unit")
    own, why_organ = _named(values.get("organ", ""), directory.organs, "organ")
    people, why_person = _people(values, directory.people)
    for code, reason, got in (
        ("unit", why, values.get("unit")), ("organ", why_organ, values.get("organ")),
        ("certificates", why_person, values.get("certificates")),
    ):  # fmt: skip
        if reason:
            return _fail(found, row, columns.get(code, code), reason, values, got=got)
    known_by = "key" if by.keyed and values.get("key") else "number"
    first = found.rows.setdefault(values[known_by].strip(), row)
    if first != row:
        place = columns.get(known_by, known_by)
        return _fail(found, row, place, "twice", values, got=values[known_by], row=first)
    if own is None:
        own = directory.units.organ_of.get(unit) if unit else by.organ
    kind = values.get("kind", "")
    found.said.append(
        CaseSaid(
            row, values["number"], values["title"], KIND_WORDS.get(squeeze(kind), kind),
            key=values.get("key") or None, procedure=values.get("procedure") or None,
            officers=_words(values.get("officers", "")), people=people,
            parties=_words(values.get("parties", "")), organ=own, unit=unit,
            place=values.get("place") or None,
        )
    )  # fmt: skip
    return None


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(w.strip() for w in _SPLIT.split(text) if w.strip()))


def _named(text: str, names: Names, kind: str) -> tuple[str | None, str]:
    """The id, and why there is none although there should be."""
    if not text:
        return None, ""
    found = names.find(text)
    if found is None or found == AMBIGUOUS:
        return None, f"{kind}_{'unknown' if found is None else AMBIGUOUS}"
    return found, ""


def _people(values: Mapping[str, str], names: Names) -> tuple[tuple[str, ...], str]:
    """Certificates must be known; of names only those that can be one person alone are taken."""
    ids: list[str] = []
    for word in _words(values.get("certificates", "")):
        id_, why = _named(word, names, "person")
        if id_ is None:
            return (), why
        ids.append(id_)
    for word in () if ids else _words(values.get("officers", "")):
        id_, _ = _named(word, names, "person")
        ids += [] if id_ is None else [id_]
    return tuple(dict.fromkeys(ids)), ""


# --- recording ------------------------------------------------------------------------------


async def record(
    ledger: Ledger,
    actor: str,
    said: Sequence[CaseSaid],
    *,
    system: str | None,
    theirs: acts.Theirs = acts.NOT_ASKED,
) -> list[Outcome]:
    """Every row by an act of its own; `theirs` says what its importer may do to a known case."""
    return [await _record(ledger, actor, one, system, theirs) for one in said]


def preview(
    conn: Connection,
    actor: str,
    said: Sequence[CaseSaid],
    *,
    system: str | None,
    theirs: acts.Theirs = acts.NOT_ASKED,
) -> list[Outcome]:
    """What `record` would make of every row if it were asked now; nothing is recorded."""
    found, numbers = list[Outcome](), set[str]()  # of cases that rows before would open
    for one in said:
        act = _Act(one, system, actor, theirs)
        try:
            anything = bool(act.drafts(conn))
            if act.known is None:
                if one.number.strip() in numbers:
                    raise rules.taken(one.number)
                numbers.add(one.number.strip())
            found.append(act.told(anything))
        except EvidenceError as exc:
            found.append(act.failed(exc))
    return found


@dataclass(slots=True)
class _Act:
    """What one row means, decided on the rows that are there."""

    said: CaseSaid
    system: str | None
    actor: str
    theirs: acts.Theirs
    new: str = field(default_factory=lambda: secrets.token_hex(16))
    known: str | None = None  # the case that it speaks of, once decided

    def drafts(self, conn: Connection) -> list[Draft]:
        self.known = None
        row = _existing(conn, self.said, self.system)
        if row is None:
            return _opened(conn, self.new, self.said, self.system, self.actor, theirs=self.theirs)
        if not self.theirs.may_have(row):
            raise rules.taken(self.said.number)
        _check_number(row, self.said)
        self.known = row.id
        return _changed(conn, row, self.said, self.actor, self.theirs)

    def told(self, anything: bool) -> Outcome:
        status: Status = "created"
        if self.known is not None:
            status = "changed" if anything else "unchanged"
        return self._outcome(status, self.known or self.new)

    def failed(self, error: EvidenceError) -> Outcome:
        return refused(self.said, error)

    def _outcome(self, status: Status, case: str | None = None) -> Outcome:
        one = self.said
        return Outcome(
            one.row, status, case, one.key, number=one.number.strip(), title=one.title.strip()
        )


def refused(said: CaseSaid, error: EvidenceError) -> Outcome:
    """What comes of a row that an error keeps out."""
    return Outcome(
        said.row, "failed", key=said.key, number=said.number.strip(), title=said.title.strip(),
        problem=problem(said.row, "", "refused", got=str(error)), error=error,
    )  # fmt: skip


async def _record(
    ledger: Ledger, actor: str, said: CaseSaid, system: str | None, theirs: acts.Theirs
) -> Outcome:
    act = _Act(said, system, actor, theirs)
    try:
        events = await ledger.record(f"import:{act.new}", act.drafts)
    except UnavailableError:
        raise
    except EvidenceError as exc:
        return act.failed(exc)
    return act.told(bool(events))


def _external(said: CaseSaid, system: str | None) -> dict[str, str] | None:
    return None if system is None else {"system": system, "key": said.key or said.number}


def _existing(conn: Connection, said: CaseSaid, system: str | None) -> standing.CaseRow | None:
    """The case that this row speaks of."""
    external = _external(said, system)
    if external is not None:
        id_ = acts.case_of_system(conn, external)
    else:
        id_ = acts.case_number_taken(conn, said.number)
    return None if id_ is None else standing.case_row(conn, id_)


def _check_number(row: standing.CaseRow, said: CaseSaid) -> None:
    if row.number != said.number.strip():
        raise ConflictError(
            f"case number: expected {row.number} of {said.key}, got {said.number:.100}"
        )


def _opened(
    conn: Connection,
    new: str,
    said: CaseSaid,
    system: str | None,
    actor: str,
    *,
    theirs: acts.Theirs,
) -> list[Draft]:
    placed = rules.Placed(
        organ=said.organ, unit=said.unit or said.home, people=said.people, parties=said.parties,
        place=None if said.place is None else {"text": said.place},
        external=_external(said, system),
    )  # fmt: skip
    acts.check_placed(conn, placed)
    theirs.may_join(conn, placed, {*placed.people})
    drafts, category = list[Draft](), None
    if said.procedure is not None:
        chosen = versions.newest(conn, said.procedure, said.organ)
        category = chosen.procedure.category
        placed = replace(placed, procedure=chosen.name, procedure_digest=chosen.digest)
        if chosen.index is None:
            drafts.append(versions.set_procedure(chosen, actor))
    opened = rules.open_case(
        new, number=said.number, kind=said.kind or category or "other", title=said.title,
        officers=said.officers, actor=actor, taken_by=acts.case_number_taken(conn, said.number),
        placed=placed,
    )  # fmt: skip
    return [*drafts, opened]


def _changed(
    conn: Connection, row: standing.CaseRow, said: CaseSaid, actor: str, theirs: acts.Theirs
) -> list[Draft]:
    """Described anew where the row says something else; what it does not say stays."""
    now: dict[str, Any] = {
        "title": row.title, "officers": json.loads(row.officers),
        "people": json.loads(row.people), "parties": json.loads(row.parties),
        "place": None if row.place is None else json.loads(row.place), "unit": row.unit,
    }  # fmt: skip
    given: dict[str, Any] = {"title": said.title.strip()}
    for name in ("officers", "people", "parties"):
        if values := list(getattr(said, name)):
            given[name] = values
    if said.unit is not None:
        given["unit"] = said.unit
    if said.place is not None:
        given["place"] = (now["place"] or {}) | {"text": said.place.strip()}
    if all(now[name] == value for name, value in given.items()):
        return []
    after = now | {"private": bool(row.private), "viewers": json.loads(row.viewers)} | given
    if after["unit"] == row.unit:
        after["unit"] = None
    acts.check_placed(
        conn, rules.Placed(organ=row.organ, unit=after["unit"], people=tuple(after["people"]))
    )
    theirs.may_join(conn, row, {*after["people"]} - {*now["people"]})
    return [rules.change_case(row.id, now=after, actor=actor, reason=REASON)]


__all__ = [
    "COLUMNS", "LEAST", "MAX_ROWS", "CaseSaid", "Outcome", "Read", "example_mappings",
    "from_rows", "from_sheet", "mapping_of", "preview", "record",
    "refused",
]  # fmt: skip
