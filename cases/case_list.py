"""Finding cases: the list with its filters, within what the caller may see.

Guarantee: pages are stable while new cases come; a private case appears only to its own people, its
named viewers, the heads above it and programs.  Two Chinese characters suffice for a search.
Not covered: which of the caller's rights makes him see what (`storage.access.Visible` says it).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    exists,
    false,
    func,
    or_,
    select,
    true,
)

from cases.queries import Page, before, page_size, paged
from storage import grams, tables
from storage.access import Visible

_C, _P, _G = tables.case.c, tables.case_person.c, tables.case_gram.c
_L, _I = tables.link.c, tables.item.c
_WORDS = (_C.number, _C.title, _C.parties, _C.officers, _C.place)
_PAIRS = 16  # of a longer text, the rest is tried on what these find
_STEP = 50  # cases, read at once to be sifted
_RARE = 8000  # cases, up to which a pair is worth leading by
NAMED = 200  # people of whom one can be meant by a name


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for; None leaves it open."""

    text: str | None = None  # in number, title, parties, officers or place
    organ: str | None = None
    unit: str | None = None  # and the units below it
    person: str | None = None
    procedure: str | None = None  # its name, in any version
    state: str | None = None  # open, filed
    marked: bool | None = None
    leader: str | None = None  # in whose name it was filed
    device: str | None = None  # that one of its recordings is of
    place: str | None = None
    from_ms: int | None = None  # opened then or later
    until_ms: int | None = None  # opened before


ORDERS = ("newest", "oldest", "number", "number_back")


def found(
    conn: Connection,
    wanted: Filter,
    visible: Visible,
    *,
    cursor: str | None,
    limit: int,
    order: str = "newest",
) -> Page[Any]:
    """Rows of cases in one of `ORDERS`; a cursor names the last one seen in any of them."""
    query = select(tables.case).where(seen(visible), *_tests(conn, wanted))
    if order == "newest":
        return paged(conn, query, _C.opened_index, _row, cursor=cursor, limit=limit)
    column: ColumnElement[Any] = _C.opened_index if order == "oldest" else _C.number
    last = before(cursor)
    if last is not None:
        at: Any = last
        if column is _C.number:  # a number never changes, and no two cases have one
            mine = (_C.opened_index == last, seen(visible))  # a hidden case's number bounds nothing
            at = select(_C.number).where(*mine).scalar_subquery()
        query = query.where(column < at if order == "number_back" else column > at)
    by = column.desc() if order == "number_back" else column
    rows = conn.execute(query.order_by(by).limit(page_size(limit) + 1)).all()
    more = str(rows[limit - 1].opened_index) if len(rows) > limit else None
    return Page(rows[:limit], more)


def _row(row: Row[Any]) -> Row[Any]:
    return row


Test = Callable[[Connection, Row[Any]], bool]


@dataclass(frozen=True, slots=True)
class Sifted:
    """A page of what passed a test, and how many were looked at for it."""

    page: Page[Any]
    looked_at: int


def sifted(
    conn: Connection,
    wanted: Filter,
    visible: Visible,
    test: Test,
    *,
    cursor: str | None,
    limit: int,
    order: str = "newest",
    enough: Callable[[], bool],
) -> Sifted:
    """As `found`, of those that pass a test which no query can make.

    It ends once that is `enough`, after one case at least: a page may be short, even empty, and
    still have a next one.
    """
    rows, looked_at = list[Any](), 0
    while True:
        page = found(conn, wanted, visible, cursor=cursor, limit=_STEP, order=order)
        for at, row in enumerate(page.rows, 1):
            looked_at += 1
            if test(conn, row):
                rows.append(row)
            last = at == len(page.rows) and page.next is None
            if not last and (len(rows) == limit or enough()):
                return Sifted(Page(rows, str(row.opened_index)), looked_at)
        if page.next is None:
            return Sifted(Page(rows, None), looked_at)
        cursor = page.next


def seen(visible: Visible) -> ColumnElement[bool]:
    """Whether the row of a case is visible."""
    mine = false() if visible.person is None else _of(visible.person)
    near = [
        true() if visible.everything else false(),
        _C.organ.in_(visible.organs) if visible.organs else false(),
        _C.unit.in_(visible.units) if visible.units else false(),
        mine,
    ]
    if visible.unowned:
        nobody = ~exists().where(_P.case == _C.id)
        near.append(and_(_C.organ.is_(None), _C.unit.is_(None), nobody))
    if visible.private:
        return or_(*near)
    open_ = [
        _C.private.is_(False),
        mine,
        _C.unit.in_(visible.headed_units) if visible.headed_units else false(),
        _C.organ.in_(visible.headed_organs) if visible.headed_organs else false(),
    ]
    if visible.person is not None:
        open_.append(_C.viewers.contains(f'"{visible.person}"'))
    return and_(or_(*near), or_(*open_))


def _of(person: str) -> ColumnElement[bool]:
    return exists().where(_P.case == _C.id, _P.person == person)


def _tests(conn: Connection, wanted: Filter) -> Sequence[ColumnElement[bool]]:
    tests: list[ColumnElement[bool]] = []
    if wanted.text is not None and (text := wanted.text.strip()):
        tests.append(or_(words(conn, text), of_named(conn, text)))
    if wanted.organ is not None:
        tests.append(_C.organ == wanted.organ)
    if wanted.unit is not None:
        tests.append(_C.unit.in_(units_below(conn, wanted.unit)))
    if wanted.person is not None:
        tests.append(_of(wanted.person))
    if wanted.procedure is not None:
        tests.append(_C.procedure.startswith(f"{wanted.procedure}@", autoescape=True))
    if wanted.state is not None:
        filed = _C.closed_index.is_not(None)
        tests.append(filed if wanted.state == "filed" else ~filed)
    if wanted.marked is not None:
        tests.append(_marked() if wanted.marked else ~_marked())
    if wanted.leader is not None:
        f = tables.filing.c
        tests.append(exists().where(f.case == _C.id, f.leader == wanted.leader))
    if wanted.device is not None:
        its = select(_L.case).join(tables.item, _I.id == _L.item)
        tests.append(_C.id.in_(its.where(_I.source == wanted.device, _L.unlinked_index.is_(None))))
    if wanted.place is not None and (place := wanted.place.strip()):
        tests.append(words(conn, place, (_C.place,)))
    if wanted.from_ms is not None:
        tests.append(_C.opened_ms >= wanted.from_ms)
    if wanted.until_ms is not None:
        tests.append(_C.opened_ms < wanted.until_ms)
    return tests


def words(
    conn: Connection, text: str, columns: Sequence[ColumnElement[Any]] = _WORDS
) -> ColumnElement[bool]:
    """Whether the text stands in the words of the case; found by its pairs where it has any.

    The rarest pair leads: few cases are then read, however many there are.  Where every pair is
    common, so are the cases, and the newest are soon enough for a page.
    """
    said = or_(*(column.icontains(text, autoescape=True) for column in columns))
    pairs = grams.of([text])[:_PAIRS]
    if not pairs:
        return said
    rarest, count = pairs[0], _RARE
    for pair in pairs:
        if (found := _count(conn, pair, count)) < count:
            rarest, count = pair, found
    if count == 0:
        return false()
    has = [exists().where(_G.gram == pair, _G.case == _C.id) for pair in pairs if pair != rarest]
    leads = (
        _C.id.in_(select(_G.case).where(_G.gram == rarest))
        if count < _RARE
        else exists().where(_G.gram == rarest, _G.case == _C.id)
    )
    return and_(leads, *has, said)


def _count(conn: Connection, pair: str, most: int) -> int:
    """How many cases have the pair; no further than it matters."""
    some = select(_G.case).where(_G.gram == pair).limit(most).subquery()
    return int(conn.execute(select(func.count()).select_from(some)).scalar_one())


def of_named(conn: Connection, text: str) -> ColumnElement[bool]:
    """Whether one of its officers is called so in the register."""
    p = tables.person.c
    query = select(p.id).where(p.name.icontains(text, autoescape=True)).limit(NAMED)
    ids = list(conn.execute(query).scalars())
    return _C.id.in_(select(_P.case).where(_P.person.in_(ids))) if ids else false()


def _marked() -> ColumnElement[bool]:
    """A case with a permanent mark: on a fact, on a request that was late, on its filing."""
    rows = (
        (tables.case_point, "marks"), (tables.case_stage, "marks"), (tables.document, "marks"),
        (tables.approval, "marks"), (tables.filing, "defects"),
    )  # fmt: skip
    return or_(
        *(
            exists().where(table.c.case == _C.id, func.length(table.c[name]) > 2)
            for table, name in rows
        )
    )


def marked_among(conn: Connection, ids: Sequence[str]) -> frozenset[str]:
    """Those of these cases that bear a permanent mark."""
    rows = conn.execute(select(_C.id).where(_C.id.in_(ids), _marked()))
    return frozenset(row.id for row in rows)


def units_below(conn: Connection, unit: str) -> frozenset[str]:
    """The unit and all below it."""
    u = tables.unit.c
    below: dict[str | None, list[str]] = {}
    for row in conn.execute(select(u.id, u.parent)):
        below.setdefault(row.parent, []).append(row.id)
    known, todo = {unit}, [unit]
    while todo:
        for child in below.get(todo.pop(), ()):
            if child not in known:
                known.add(child)
                todo.append(child)
    return frozenset(known)
