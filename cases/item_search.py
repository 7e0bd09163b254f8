"""Finding recordings: the list with its filters, within what the caller may see.

Guarantee: pages are stable while new recordings come, and all of them together have everything.  A text is looked for in the recording's own
number and fingerprints, its file name, whose and of which device it is, and in the words of those of
its cases that the caller may see: nobody learns from a hit what a case that is not his says.
Not covered: who may see what (`cases.item_list`, `cases.case_list`).
"""

import re
from collections.abc import Callable, Sequence
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
    text,
    union,
    union_all,
)

from cases import case_list, item_list, queries
from cases.queries import Item, Page
from storage import tables
from storage.access import Visible

_I, _A, _D, _S = tables.item.c, tables.attribution.c, tables.device.c, tables.source.c
_L, _C, _P, _H = tables.link.c, tables.case.c, tables.case_person.c, tables.custody.c
_HEX, _NUMBER = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}"), re.compile(r"[0-9]{1,15}")
_RARE = 10_000  # recordings, up to which a condition is worth leading by
_FEW = 2000  # recordings, up to which they are named one by one
_STEP = 10_000  # recordings, walked at once where nothing leads to what is looked for
_DAY_MS = 86_400_000
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
    enough: Callable[[], bool],
) -> Page[Item]:
    """Recordings, the last sealed first; `cases` says of which the words count.

    Where nothing leads to what is looked for it walks back from the newest, until that is `enough`:
    a page may be short, even empty, and still have a next one.
    """
    leads, tests = _tests(conn, wanted, cases)
    if (own := _own(visible)) is not None:
        leads.append(_I.id.in_(own))
    where = and_(item_list.seen(visible), *leads, *tests)
    if leads or not tests:
        return queries.items(conn, where=where, cursor=cursor, limit=limit)
    rows: list[Item] = []
    while True:
        floor = _floor(conn, cursor)
        some = where if floor is None else and_(where, _I.sealed_index >= floor)
        page = queries.items(conn, where=some, cursor=cursor, limit=limit - len(rows))
        rows += page.rows
        if page.next is not None or floor is None:
            return Page(rows, page.next)
        cursor = str(floor)
        if len(rows) == limit or enough():
            return Page(rows, cursor)


def _floor(conn: Connection, cursor: str | None) -> int | None:
    """The last recording of the next step down from here; None if the step reaches the end."""
    query = select(_I.sealed_index).order_by(_I.sealed_index.desc()).offset(_STEP).limit(1)
    if (last := queries.before(cursor)) is not None:
        query = query.where(_I.sealed_index < last)
    return conn.execute(query).scalar()


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


def _tests(conn: Connection, wanted: Filter, cases: Visible) -> tuple[list[Where], list[Where]]:
    """Conditions that lead to few recordings, and those that each recording is tried on."""
    f, leads, tests = wanted, list[Where](), list[Where]()

    def one_of(ids: Select[Any] | CompoundSelect[Any], instead: Where) -> None:
        """Where they are few, the search begins with them, else it walks past others."""
        some = ids.limit(_RARE).subquery()
        if conn.execute(select(func.count()).select_from(some)).scalar_one() < _RARE:
            leads.append(_I.id.in_(ids))
        else:
            tests.append(instead)

    if f.text is not None and (said := f.text.strip()):
        tests.append(_said(conn, said, cases))
    if f.case is not None:
        leads.append(_I.id.in_(_in_cases(_C.id == f.case, cases)))
    if f.place is not None and (place := f.place.strip()):
        words = case_list.words(conn, place, (_C.place,))
        one_of(_in_cases(words, cases), _in_one(words, cases))
    if f.person is not None:
        one_of(select(_A.item).where(_A.person == f.person), _attributed(_A.person == f.person))
    if f.device is not None:
        one_of(select(_I.id).where(_I.source == f.device), _I.source == f.device)
    if f.unit is not None:
        tests.append(_of_units(case_list.units_below(conn, f.unit)))
    if f.kind is not None:
        one_of(select(_A.item).where(_A.kind == f.kind), _attributed(_A.kind == f.kind))
    linked = exists().where(_L.item == _I.id, _L.unlinked_index.is_(None))
    late = exists().where(tables.late.c.item == _I.id)
    if f.linked is False:
        one_of(select(tables.waiting.c.item), ~linked)
    if f.late is True:
        one_of(select(tables.late.c.item), late)
    tests += [linked] if f.linked else []
    tests += [~late] if f.late is False else []
    if during := _during(f.from_ms, f.until_ms):
        one_of(_recorded(f.from_ms, during), _attributed(*during))
    return leads, tests


def _during(from_ms: int | None, until_ms: int | None) -> list[Where]:
    """Recorded, at least in part, between these times."""
    during: list[Where] = []
    if from_ms is not None:
        during.append(func.coalesce(_A.end_ms, _A.start_ms) >= from_ms)
    if until_ms is not None:
        during.append(_A.start_ms < until_ms)
    return during


def _recorded(from_ms: int | None, during: Sequence[Where]) -> Ids:
    """The same by the index of starts: what began a day before or later, and what lasted longer."""
    if from_ms is None:
        return select(_A.item).where(*during)
    return union_all(
        select(_A.item).where(_A.start_ms >= from_ms - _DAY_MS, *during),
        select(_A.item).where(text(tables.LONG), *during),
    )


def _said(conn: Connection, said: str, cases: Visible) -> Where:
    """Whether the text is said of the recording anywhere."""
    if _HEX.fullmatch(code := said.lower()):
        return _I.id == code if len(code) == 32 else or_(_I.sha256 == code, _I.root == code)
    p, like = tables.person.c, {"autoescape": True}
    people = _ids(conn, select(p.id).where(p.name.icontains(said, **like)))
    devices = _ids(conn, select(_S.id).where(_S.name.icontains(said, **like)))
    of_case = or_(case_list.words(conn, said), case_list.of_named(conn, said))
    parts: list[Where] = [
        _I.name.icontains(said, **like),
        _named(conn, of_case, cases),
        _attributed(_A.person.in_(people)) if people else false(),
        _I.source.in_(devices) if devices else false(),
    ]
    if _NUMBER.fullmatch(said):
        parts.append(_I.sealed_index == int(said))
    return or_(*parts)


def _ids(conn: Connection, query: Select[Any]) -> list[str]:
    return list(conn.execute(query.limit(case_list.NAMED)).scalars())


def _in_cases(of: Where, cases: Visible) -> Select[Any]:
    """What is now in such a case, of those that the caller may see."""
    return (
        select(_L.item)
        .join(tables.case, _C.id == _L.case)
        .where(_L.unlinked_index.is_(None), case_list.seen(cases), of)
    )


def _in_one(of: Where, cases: Visible) -> Where:
    """The same as a condition on one recording."""
    mine = _in_cases(of, cases).where(_L.item == _I.id)
    return mine.correlate(tables.item).exists()


def _named(conn: Connection, of: Where, cases: Visible) -> Where:
    """The same, found beforehand where they are few: it is asked again at each step of a walk."""
    ids = list(conn.execute(_in_cases(of, cases).limit(_FEW)).scalars())
    if len(ids) == _FEW:
        return _in_one(of, cases)
    return _I.id.in_(ids) if ids else false()


def _attributed(*where: Where) -> Where:
    return exists().where(_A.item == _I.id, *where)


def _of_units(units: frozenset[str]) -> Where:
    """Of one of these units: as it was attributed, else as its device is."""
    unknown = ~_attributed(_A.unit.is_not(None))
    return or_(
        _attributed(_A.unit.in_(units)),
        and_(unknown, exists().where(_D.id == _I.source, _D.unit.in_(units))),
    )
