"""Rows of cases into what proposals are told of them.

Guarantee: narrow queries along indexes, whatever many cases there are: those of the announced
numbers, of the people who recorded, and, where nobody is known, the unit's newest.
Not covered: which of them a caller may see (he passes `Visible`); what happened in a case after it
was filed.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, product
from typing import Any

from sqlalchemy import Connection

from cases.inbox import numbers, sql
from cases.links.caseindex import CaseFacts, Window, normal_number
from cases.links.clock import DAY_MS
from storage.access import Visible

NEWEST_OF_UNIT = 50
_BRACKETS = ("[]", "〔〕", "()", "（）", "【】", "［］")


@dataclass(frozen=True, slots=True)
class Named:
    """What a person calls the case."""

    number: str
    title: str


@dataclass(frozen=True, slots=True)
class Loaded:
    facts: Sequence[CaseFacts]
    named: Mapping[str, Named]


@dataclass(frozen=True, slots=True)
class Wanted:
    """By what cases are looked for, and between which times."""

    numbers: frozenset[str]
    people: frozenset[str]
    units: frozenset[str]
    from_ms: int
    until_ms: int


def spellings(number: str) -> set[str]:
    """How this case number may have been written: width and brackets differ between systems."""
    plain = normal_number(number)
    forms = {number, number.strip(), unicodedata.normalize("NFKC", number).strip()}
    for pair in _BRACKETS:
        opening, closing = pair[0], pair[1]
        forms.add(plain.replace("[", opening).replace("]", closing))
    return forms


def load(conn: Connection, wanted: Wanted, visible: Visible, now_ms: int) -> Loaded:
    """The cases that may matter."""
    broad = int(numbers.weights()["weights"]["broad_ms"])
    low, high = wanted.from_ms - broad - DAY_MS, wanted.until_ms + broad + DAY_MS
    rows = {row.id: row for row in _candidates(conn, wanted, low, high) if sees(visible, row)}
    visits, begun = _visits(conn, list(rows), low, high), _begun(conn, list(rows), *_COURSE)
    staged = _begun(conn, list(rows), "case_stage")
    facts = []
    for id_, row in rows.items():
        opened = min(row.opened_ms, begun.get(id_, row.opened_ms))
        closed = now_ms if row.closed_ms is None else row.closed_ms
        windows = [*visits.get(id_, ()), *_open(opened, closed, low, high, broad)]
        facts.append(
            CaseFacts(
                id_, row.number, _listed(row.people), row.unit, row.organ,
                tuple(windows), place_of(row.place),
                open_ms=(min(row.opened_ms, staged.get(id_, row.opened_ms)), closed),
            )
        )  # fmt: skip
    return Loaded(facts, {id_: Named(row.number, row.title) for id_, row in rows.items()})


@lru_cache(maxsize=4096)
def _listed(text: str) -> tuple[str, ...]:
    """A JSON list of ids; the same few people are named again and again."""
    return tuple(json.loads(text))


_CASE = (
    "SELECT c.id, c.number, c.title, c.organ, c.unit, c.people, c.place, c.private, c.viewers, "
    "c.opened_ms, f.at_ms AS closed_ms FROM enforcement_case c "
    'LEFT JOIN filing f ON f."index" = c.closed_index '
)
# Not filed before that time; and opened by the end of it, or something of it happened by then (it
# may be opened here later).
_THEN = (
    "AND (f.at_ms IS NULL OR f.at_ms >= ?) AND (c.opened_ms <= ? OR EXISTS (SELECT 1 "
    'FROM case_point q WHERE q."case" = c.id AND q.at_ms <= ?))'
)


def _candidates(conn: Connection, wanted: Wanted, low: int, high: int) -> list[Any]:
    """The cases of the numbers; of the people, those of that time; of the units, the newest."""
    then = (low, high, high)
    spelled = {form for number in wanted.numbers for form in spellings(number)}
    found = list(sql.rows(conn, f"{_CASE}WHERE c.number IN (?*)", spelled))
    found += sql.rows(
        conn,
        f'{_CASE}JOIN case_person p ON p."case" = c.id WHERE p.person IN (?*) {_THEN}',
        wanted.people, *then,
    )  # fmt: skip
    for unit in sorted(wanted.units):
        found += sql.rows(
            conn, f"{_CASE}WHERE c.unit = ? {_THEN} ORDER BY c.opened_index DESC LIMIT ?",
            unit, *then, NEWEST_OF_UNIT,
        )  # fmt: skip
    return found


def sees(visible: Visible, row: Any) -> bool:
    """Whether a caller may see this case."""
    people = _listed(row.people)
    his = visible.person is not None and visible.person in people
    if not (
        visible.everything
        or row.organ in visible.organs
        or row.unit in visible.units
        or his
        or (visible.unowned and not (row.organ or row.unit or people))
    ):
        return False
    if not row.private or visible.private or his:
        return True
    return (
        visible.person in json.loads(row.viewers)
        or row.unit in visible.headed_units
        or row.organ in visible.headed_organs
    )


def _visits(conn: Connection, ids: Sequence[str], low: int, high: int) -> dict[str, list[Window]]:
    """The times at which the officers of each case were at work on it."""
    rows: list[Any] = []
    for part in _parts(ids):
        rows += sql.rows(
            conn,
            'SELECT q."case", q.occasion, q.point, q.at_ms FROM case_point q '
            'WHERE q."case" IN (?*) AND q.at_ms >= ? AND q.at_ms <= ? AND NOT EXISTS (SELECT 1 '
            'FROM case_point r WHERE r."case" = q."case" AND r.replaces = q."index")',
            part, low, high,
        )  # fmt: skip
    rows.sort(key=lambda row: (row[0], row[1], row[3]))
    found: dict[str, list[Window]] = {}
    for (case, _), points in groupby(rows, key=lambda row: (row[0], row[1])):
        found.setdefault(case, []).extend(paired((p[2], p[3]) for p in points))
    return found


def paired(points: Iterable[tuple[str, int]]) -> list[Window]:
    """Windows of points in order of time: from each begin to its end, a single one for itself."""
    pairs, windows = numbers.pairs(), list[Window]()
    begun: dict[str, int] = {}
    ends = {end: start for start, end in pairs.items()}
    for point, at_ms in points:
        start = begun.pop(ends.get(point, ""), None)
        windows.append(Window(at_ms if start is None else start, at_ms))
        if point in pairs:
            begun[point] = at_ms
    return windows


_COURSE = ("case_stage", "case_point")


def _begun(conn: Connection, ids: Sequence[str], *of: str) -> dict[str, int]:
    """When something first happened in each case: it may have been noted here much later."""
    found: dict[str, int] = {}
    for part, table in product(list(_parts(ids)), of):
        text = f'SELECT "case", MIN(at_ms) FROM {table} WHERE "case" IN (?*) GROUP BY "case"'  # noqa: S608  # names of ours
        for case, at in sql.rows(conn, text, part):
            found[case] = min(at, found.get(case, at))
    return found


def _open(opened: int, closed: int, low: int, high: int, broad: int) -> list[Window]:
    """How long the case was open, cut to the time that matters and never short as a visit."""
    start, end = max(opened, low), min(max(closed, opened), high)
    if end < start:
        return []
    return [Window(start, max(end, start + broad + 1))]


def place_of(text: str | None) -> tuple[int, int] | None:
    """The place in a row's JSON, if it has coordinates."""
    place = json.loads(text) if text else {}
    if "lat_e7" not in place or "lon_e7" not in place:
        return None
    return place["lat_e7"], place["lon_e7"]


def _parts(ids: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    for at in range(0, len(ids), size):
        yield ids[at : at + size]
