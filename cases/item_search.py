"""Finding recordings: the list with its filters, within what the caller may see.

Guarantee: pages are stable while new recordings come.  A text is looked for in the recording's own
number and fingerprints, its file name, whose and of which device it is, and in the words of those of
its cases that the caller may see: nobody learns from a hit what a case that is not his says.
Not covered: who may see what (`cases.item_list`, `cases.case_list`).  A text that only file names
have, and a time long ago, are found by walking back from the newest.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    and_,
    exists,
    false,
    func,
    or_,
    select,
    union,
)

from cases import case_list, item_list, queries
from cases.queries import Item, Page
from storage import tables
from storage.access import Visible

_I, _A, _D, _S = tables.item.c, tables.attribution.c, tables.device.c, tables.source.c
_L, _C, _P, _H = tables.link.c, tables.case.c, tables.case_person.c, tables.custody.c
_HEX, _NUMBER = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}"), re.compile(r"[0-9]{1,15}")
_RARE = 2000  # recordings, up to which a condition is worth leading by
Where = ColumnElement[bool]
Ids = Select[Any] | CompoundSelect[Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for; None leaves it open."""

    text: str | None = None
    case: str | None = None
    person: str | None = None  # whose recording it is
    unit: str | None = None  # and the units below it
    device: str | None = None
    kind: str | None = None  # video, audio, photo, other
    place: str | None = None  # in the words of the place of one of its cases
    linked: bool | None = None
    late: bool | None = None
    from_ms: int | None = None  # recorded until then or later
    until_ms: int | None = None  # begun before


@dataclass(frozen=True, slots=True)
class Of:
    """A case that a recording belongs to, as a list names it."""

    id: str
    number: str
    title: str


def found(
    conn: Connection,
    wanted: Filter,
    visible: Visible,
    cases: Visible,
    *,
    cursor: str | None,
    limit: int,
) -> Page[Item]:
    """Recordings, the last sealed first; `cases` says of which the words count."""
    tests = _tests(conn, wanted, cases)
    if (own := _own(visible)) is not None:
        tests.append(_I.id.in_(own))
    where = and_(item_list.seen(visible), *tests)
    return queries.items(conn, where=where, cursor=cursor, limit=limit)


def cases_of(conn: Connection, ids: Sequence[str], cases: Visible) -> dict[str, list[Of]]:
    """The cases that each of these recordings is in now, of those that the caller may see."""
    query = (
        select(_L.item, _C.id, _C.number, _C.title)
        .join(tables.case, _C.id == _L.case)
        .where(_L.item.in_(ids), _L.unlinked_index.is_(None), case_list.seen(cases))
        .order_by(_L.linked_index)
    )
    found: dict[str, list[Of]] = {}
    for row in conn.execute(query):
        found.setdefault(row.item, []).append(Of(row.id, row.number, row.title))
    return found


def _own(visible: Visible) -> Ids | None:
    """All that somebody can see who sees only his own: few, so the search begins with them."""
    v = visible
    if v.person is None or v.everything or v.organs or v.units or v.unowned:
        return None
    issued = select(_H.device).where(_H.person == v.person, _H.what == "issued")
    his = select(_P.case).where(_P.person == v.person)
    return union(
        select(_A.item).where(_A.person == v.person),
        select(_I.id).where(_I.source.in_(issued)),
        select(_L.item).where(_L.case.in_(his), _L.unlinked_index.is_(None)),
    )


def _tests(conn: Connection, wanted: Filter, cases: Visible) -> list[Where]:
    f, tests = wanted, list[Where]()
    if f.text is not None and (text := f.text.strip()):
        tests.append(_said(conn, text, cases))
    if f.case is not None:
        tests.append(_I.id.in_(_in_cases(_C.id == f.case, cases)))
    if f.place is not None and (place := f.place.strip()):
        words = case_list.words(conn, place, (_C.place,))
        tests.append(_I.id.in_(_in_cases(words, cases)))
    if f.person is not None:
        tests.append(_lead(conn, select(_A.item).where(_A.person == f.person)))
    if f.device is not None:
        tests.append(_lead(conn, select(_I.id).where(_I.source == f.device)))
    if f.unit is not None:
        tests.append(_of_units(case_list.units_below(conn, f.unit)))
    if f.kind is not None:
        tests.append(_attributed(_A.kind == f.kind))
    if f.linked is not None:
        linked = exists().where(_L.item == _I.id, _L.unlinked_index.is_(None))
        tests.append(linked if f.linked else ~linked)
    if f.late is not None:
        late = exists().where(tables.late.c.item == _I.id)
        tests.append(late if f.late else ~late)
    if f.from_ms is not None:
        tests.append(_attributed(func.coalesce(_A.end_ms, _A.start_ms) >= f.from_ms))
    if f.until_ms is not None:
        tests.append(_attributed(_A.start_ms < f.until_ms))
    return tests


def _said(conn: Connection, text: str, cases: Visible) -> Where:
    """Whether the text is said of the recording anywhere."""
    if _HEX.fullmatch(code := text.lower()):
        return _I.id == code if len(code) == 32 else or_(_I.sha256 == code, _I.root == code)
    p, like = tables.person.c, {"autoescape": True}
    people = _ids(conn, select(p.id).where(p.name.icontains(text, **like)))
    devices = _ids(conn, select(_S.id).where(_S.name.icontains(text, **like)))
    of_case = or_(case_list.words(conn, text), case_list.of_named(conn, text))
    parts: list[Where] = [
        _I.name.icontains(text, **like),
        _I.id.in_(_in_cases(of_case, cases)),
        _attributed(_A.person.in_(people)) if people else false(),
        _I.source.in_(devices) if devices else false(),
    ]
    if _NUMBER.fullmatch(text):
        parts.append(_I.sealed_index == int(text))
    return or_(*parts)


def _ids(conn: Connection, query: Select[Any]) -> list[str]:
    return list(conn.execute(query.limit(case_list.NAMED)).scalars())


def _lead(conn: Connection, ids: Select[Any]) -> Where:
    """One of these; where they are few, the search begins with them, else it walks past others."""
    some = ids.limit(_RARE).subquery()
    count = conn.execute(select(func.count()).select_from(some)).scalar_one()
    if count < _RARE:
        return _I.id.in_(ids)
    return ids.where(ids.selected_columns[0] == _I.id).correlate(tables.item).exists()


def _in_cases(of: Where, cases: Visible) -> Select[Any]:
    """What is now in such a case, of those that the caller may see."""
    return (
        select(_L.item)
        .join(tables.case, _C.id == _L.case)
        .where(_L.unlinked_index.is_(None), case_list.seen(cases), of)
    )


def _attributed(*where: Where) -> Where:
    return exists().where(_A.item == _I.id, *where)


def _of_units(units: frozenset[str]) -> Where:
    """Of one of these units: as it was attributed, else as its device is."""
    unknown = ~_attributed(_A.unit.is_not(None))
    return or_(
        _attributed(_A.unit.in_(units)),
        and_(unknown, exists().where(_D.id == _I.source, _D.unit.in_(units))),
    )
