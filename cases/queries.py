"""What people look at: cases, items, the inbox of unlinked items.  Rows go in, values come out.

Guarantee: every sealed item is in at least one case's list or in the inbox; pages are stable while
new rows come (a cursor names the last row seen, not a count).
Not covered: rights.  Trails are in `cases.trail`.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from verify.errors import MalformedError, NotFoundError

T = TypeVar("T")
MAX_PAGE = 200


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page; `next` is the cursor of the following one, None at the end."""

    rows: Sequence[T]
    next: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """A case as opened."""

    id: str
    number: str
    kind: str
    title: str
    officers: Sequence[str]
    opened_index: int
    opened_ms: int


@dataclass(frozen=True, slots=True)
class Item:
    """A sealed recording.  `name` is as the device named it: escape it before showing."""

    id: str
    upload: str
    source: str
    source_name: str
    name: str
    mime: str
    size: int
    sha256: str
    root: str
    marks: Sequence[str]
    sealed_index: int
    sealed_ms: int
    retain_until: str


@dataclass(frozen=True, slots=True)
class Linked:
    """An item of a case, and who-knows-why it is there."""

    item: Item
    case: str
    stage: str | None
    reason: str
    linked_index: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """An item in the inbox: `wish` is the case number its device named, `proposed` the id of the
    case that has this number by now (a person confirms), both None where there is none."""

    item: Item
    wish: str | None
    proposed: str | None


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that is not yet an item (or was given up), with the moving part where known."""

    id: str
    source: str
    source_name: str
    name: str
    size: int | None
    wish: str | None
    state: str  # open, sealed, aborted
    moving: str | None  # receiving, received, stored, done
    offset: int | None
    opened_index: int
    opened_ms: int
    touched_ms: int | None
    problem: str | None
    item: str | None


def before(cursor: str | None) -> int | None:
    """The index a cursor stands for; MalformedError for text that is no cursor of ours."""
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 15):
        raise MalformedError(f"cursor: expected one from an earlier page, got {cursor!r:.40}")
    return int(cursor)


def page_size(limit: int) -> int:
    """The limit, if it is a sensible one."""
    if not 1 <= limit <= MAX_PAGE:
        raise MalformedError(f"limit: expected 1 to {MAX_PAGE}, got {limit}")
    return limit


def paged(
    conn: Connection,
    query: Select[Any],
    index: Any,
    made: Callable[[Row[Any]], T],
    *,
    cursor: str | None,
    limit: int,
) -> Page[T]:
    """Newest first by the column `index`, which the query also selects."""
    limit = page_size(limit)
    last = before(cursor)
    if last is not None:
        query = query.where(index < last)
    rows = conn.execute(query.order_by(index.desc()).limit(limit + 1)).all()
    shown = rows[:limit]
    more = len(rows) > limit
    return Page(
        [made(row) for row in shown], str(shown[-1]._mapping[index]) if more and shown else None
    )


def _case(row: Row[Any]) -> Case:
    return Case(
        row.id, row.number, row.kind, row.title, tuple(json.loads(row.officers or "[]")),
        row.opened_index, row.opened_ms,
    )  # fmt: skip


async def case(conn: AsyncConnection, id_: str) -> Case:
    """One case by its id; NotFoundError."""
    row = (await conn.execute(select(tables.case).where(tables.case.c.id == id_))).first()
    if row is None:
        raise NotFoundError(f"case: expected a known id, got {id_:.40}")
    return _case(row)


_I, _S, _L, _U, _C, _T = (
    tables.item.c, tables.source.c, tables.link.c, tables.upload.c, tables.case.c,
    tables.transfer.c,
)  # fmt: skip
_ITEM_COLUMNS = (
    _I.id, _I.upload, _I.source, _S.name.label("source_name"), _I.name, _I.mime, _I.size,
    _I.sha256, _I.root, _I.marks, _I.sealed_index, _I.sealed_ms, _I.retain_until,
)  # fmt: skip


def _item(row: Row[Any]) -> Item:
    return Item(
        row.id, row.upload, row.source, row.source_name or "", row.name, row.mime, row.size,
        row.sha256, row.root, tuple(json.loads(row.marks or "[]")), row.sealed_index,
        row.sealed_ms, row.retain_until,
    )  # fmt: skip


def _items(*more: Any) -> Select[Any]:
    return select(*_ITEM_COLUMNS, *more).select_from(
        tables.item.outerjoin(tables.source, _S.id == _I.source)
    )


def items(
    conn: Connection,
    *,
    where: ColumnElement[bool] | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Item]:
    """All items, or those of a condition on `item`, newest first."""
    query = _items() if where is None else _items().where(where)
    return paged(conn, query, _I.sealed_index, _item, cursor=cursor, limit=limit)


async def item(conn: AsyncConnection, id_: str) -> Item:
    """One item by its id; NotFoundError."""
    row = (await conn.execute(_items().where(_I.id == id_))).first()
    if row is None:
        raise NotFoundError(f"item: expected a known id, got {id_:.40}")
    return _item(row)


def _linked(row: Row[Any]) -> Linked:
    return Linked(_item(row), row.case, row.stage, row.reason, row.linked_index)


async def items_of_case(
    conn: AsyncConnection, case_id: str, *, cursor: str | None = None, limit: int = 50
) -> Page[Linked]:
    """The items that are linked to the case now, last linked first."""
    query = (
        select(*_ITEM_COLUMNS, _L.case, _L.stage, _L.reason, _L.linked_index)
        .select_from(
            tables.link.join(tables.item, _I.id == _L.item).outerjoin(
                tables.source, _S.id == _I.source
            )
        )
        .where(_L.case == case_id, _L.unlinked_index.is_(None))
    )
    return await conn.run_sync(paged, query, _L.linked_index, _linked, cursor=cursor, limit=limit)


async def count_of_case(conn: AsyncConnection, case_id: str) -> int:
    """How many items are linked to the case now."""
    query = select(func.count()).where(_L.case == case_id, _L.unlinked_index.is_(None))
    return int((await conn.execute(query)).scalar_one())


async def cases_of_item(
    conn: AsyncConnection, item_id: str, where: ColumnElement[bool] | None = None
) -> Sequence[Case]:
    """The cases that the item is linked to now, or those of a condition on cases."""
    query = (
        select(tables.case)
        .join(tables.link, _L.case == _C.id)
        .where(_L.item == item_id, _L.unlinked_index.is_(None))
        .order_by(_L.linked_index)
    )
    if where is not None:
        query = query.where(where)
    return [_case(row) for row in await conn.execute(query)]


def waiting_items(cases: ColumnElement[bool]) -> Select[Any]:
    """Items of the inbox; their `sealed_index` stands first, to walk along.  Of cases that have the
    number that a device named, those of this condition."""
    w = tables.waiting.c
    return select(
        w.sealed_index, *_ITEM_COLUMNS, _U.case_number.label("wish"), _C.id.label("proposed")
    ).select_from(
        tables.waiting.join(tables.item, _I.id == w.item)
        .outerjoin(tables.source, _S.id == _I.source)
        .outerjoin(tables.upload, _U.id == _I.upload)
        .outerjoin(tables.case, and_(_C.number == _U.case_number, cases))
    )


def waiting_of(row: Row[Any]) -> Waiting:
    """A row of `waiting_items`."""
    return Waiting(_item(row), row.wish, row.proposed)


_UPLOAD_COLUMNS = (
    _U.id, _U.source, _S.name.label("source_name"), _U.name, _U.size, _U.case_number, _U.state,
    _T.state.label("moving"), _T.offset, _U.opened_index, _U.opened_ms, _T.touched_ms, _T.problem,
    _U.item,
)  # fmt: skip


def _upload(row: Row[Any]) -> Upload:
    return Upload(
        row.id, row.source, row.source_name or "", row.name, row.size, row.case_number, row.state,
        row.moving, row.offset, row.opened_index, row.opened_ms, row.touched_ms, row.problem,
        row.item,
    )  # fmt: skip


def _uploads() -> Select[Any]:
    return select(*_UPLOAD_COLUMNS).select_from(
        tables.upload.outerjoin(tables.source, _S.id == _U.source).outerjoin(
            tables.transfer, _T.upload == _U.id
        )
    )


async def open_uploads(
    conn: AsyncConnection,
    *,
    where: ColumnElement[bool],
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Upload]:
    """Uploads that are neither sealed nor given up, newest first; interrupted ones among them."""
    query = _uploads().where(_U.state == "open", where)
    return await conn.run_sync(paged, query, _U.opened_index, _upload, cursor=cursor, limit=limit)


async def upload(conn: AsyncConnection, id_: str) -> Upload:
    """One upload by its id; NotFoundError."""
    row = (await conn.execute(_uploads().where(_U.id == id_))).first()
    if row is None:
        raise NotFoundError(f"upload: expected a known id, got {id_:.40}")
    return _upload(row)
