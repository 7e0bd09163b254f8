"""Rows of cases into what proposals are told of them.

Guarantee: narrow queries along indexes, whatever many cases there are: those of the announced
numbers, of the people who recorded, and, where nobody is known, the unit's newest.
Not covered: cases of a person beyond his newest thousands, and which of them a caller may see (he
passes `Visible`).
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, product
from typing import Any

from sqlalchemy import Connection, exists, func, or_, select

from cases.inbox import numbers
from cases.links.caseindex import CaseFacts, Window, normal_number
from cases.links.clock import DAY_MS
from storage import tables
from storage.access import Visible

MOST_CASES = 3000
NEWEST_OF_UNIT = 50
_BRACKETS = ("[]", "〔〕", "()", "（）", "【】", "［］")
_C, _P, _Q, _S, _F = (
    tables.case.c, tables.case_person.c, tables.case_point.c, tables.case_stage.c,
    tables.filing.c,
)  # fmt: skip


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
    ids = _candidates(conn, wanted, low, high)
    rows = {
        row.id: row
        for part in _parts(ids)
        for row in conn.execute(
            select(
                _C.id, _C.number, _C.title, _C.organ, _C.unit, _C.people, _C.place, _C.private,
                _C.viewers, _C.opened_ms, _F.at_ms.label("closed_ms"),
            )
            .select_from(tables.case.outerjoin(tables.filing, _F.index == _C.closed_index))
            .where(_C.id.in_(part))
        )
        if sees(visible, row)
    }  # fmt: skip
    visits = _visits(conn, list(rows), low, high)
    begun = _begun(conn, list(rows))
    facts = []
    for id_, row in rows.items():
        opened = min(row.opened_ms, begun.get(id_, row.opened_ms))
        closed = now_ms if row.closed_ms is None else row.closed_ms
        windows = [*visits.get(id_, ()), *_open(opened, closed, low, high, broad)]
        facts.append(
            CaseFacts(
                id_, row.number, _listed(row.people), row.unit, row.organ,
                tuple(windows), place_of(row.place),
            )
        )  # fmt: skip
    return Loaded(facts, {id_: Named(row.number, row.title) for id_, row in rows.items()})


@lru_cache(maxsize=4096)
def _listed(text: str) -> tuple[str, ...]:
    """A JSON list of ids; the same few people are named again and again."""
    return tuple(json.loads(text))


def _candidates(conn: Connection, wanted: Wanted, low: int, high: int) -> list[str]:
    """The cases by number, by unit, and of the people those that may have a window in that time.

    One that was filed before it has none unless somebody noted a point in it.
    """
    noted = exists().where(_Q.case == _P.case, _Q.at_ms >= low, _Q.at_ms <= high)
    ids: dict[str, None] = {}
    if wanted.numbers:
        spelled = {form for number in wanted.numbers for form in spellings(number)}
        ids |= dict.fromkeys(conn.execute(select(_C.id).where(_C.number.in_(spelled))).scalars())
    if wanted.people:
        query = (
            select(_P.case)
            .join(tables.case, _C.id == _P.case)
            .outerjoin(tables.filing, _F.index == _C.closed_index)
            .where(_P.person.in_(wanted.people), or_(_F.at_ms.is_(None), _F.at_ms >= low, noted))
            .order_by(_C.opened_index.desc())
            .limit(MOST_CASES)
        )
        ids |= dict.fromkeys(conn.execute(query).scalars())
    for unit in sorted(wanted.units):
        query = (
            select(_C.id)
            .where(_C.unit == unit)
            .order_by(_C.opened_index.desc())
            .limit(NEWEST_OF_UNIT)
        )
        ids |= dict.fromkeys(conn.execute(query).scalars())
    return list(ids)


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
    gone = tables.case_point.alias("correction")
    rows: list[Any] = []
    for part in _parts(ids):
        rows += conn.execute(
            select(_Q.case, _Q.occasion, _Q.point, _Q.at_ms)
            .where(
                _Q.case.in_(part), _Q.at_ms >= low, _Q.at_ms <= high,
                ~select(gone.c.index)
                .where(gone.c.case == _Q.case, gone.c.replaces == _Q.index)
                .exists(),
            )
        ).all()  # fmt: skip
    rows.sort(key=lambda row: (row.case, row.occasion, row.at_ms))
    found: dict[str, list[Window]] = {}
    for (case, _), points in groupby(rows, key=lambda row: (row.case, row.occasion)):
        found.setdefault(case, []).extend(paired((p.point, p.at_ms) for p in points))
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


def _begun(conn: Connection, ids: Sequence[str]) -> dict[str, int]:
    """When something first happened in each case: it may have been noted here much later."""
    found: dict[str, int] = {}
    for part, column in product(list(_parts(ids)), (_S, _Q)):
        rows = conn.execute(
            select(column.case, func.min(column.at_ms).label("at"))
            .where(column.case.in_(part))
            .group_by(column.case)
        )
        for row in rows:
            found[row.case] = min(row.at, found.get(row.case, row.at))
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
