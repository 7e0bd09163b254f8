"""Whose an object is: rows into `Owner`, so that the matrix can tell how near it is to a caller.

A recording is its officer's (its attribution's person), and of the people, units and organs of the
cases that it is linked to; before anybody is known, of whoever has its device.  It is private by
its own flag or by that of such a case.  An upload is also whose hands it came from.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from console.matrix import Owner
from storage import tables

Reader = Callable[[AsyncConnection, str], Awaitable[Owner | None]]
NOBODY = Owner()


def both(one: Owner, other: Owner) -> Owner:
    """Of both; private if one of them is, and then for the viewers that the private one names."""
    viewers = (one.viewers if one.private else frozenset()) | (
        other.viewers if other.private else frozenset()
    )
    return Owner(
        one.people | other.people, one.units | other.units, one.organs | other.organs,
        one.private or other.private, viewers,
    )  # fmt: skip


def _some(*values: str | None) -> frozenset[str]:
    return frozenset(value for value in values if value is not None)


async def _first(conn: AsyncConnection, query: Any) -> Any:
    return (await conn.execute(query)).first()


async def _case(conn: AsyncConnection, id_: str) -> Owner | None:
    c, p = tables.case.c, tables.case_person.c
    row = await _first(conn, select(c.organ, c.unit, c.private, c.viewers).where(c.id == id_))
    if row is None:
        return None
    people = (await conn.execute(select(p.person).where(p.case == id_))).scalars().all()
    return Owner(
        frozenset(people), _some(row.unit), _some(row.organ), row.private,
        frozenset(json.loads(row.viewers)),
    )  # fmt: skip


def of_case_row(row: Any) -> Owner:
    """Whose a case is, by its whole row: for acts, which decide under the log's lock."""
    return Owner(
        frozenset(json.loads(row.people)), _some(row.unit), _some(row.organ), bool(row.private),
        frozenset(json.loads(row.viewers)),
    )  # fmt: skip


async def _item(conn: AsyncConnection, id_: str) -> Owner | None:
    i, a, f, n = tables.item.c, tables.attribution.c, tables.flag.c, tables.link.c
    query = (
        select(i.source, a.item, a.person, a.unit, a.organ, f.private, f.viewers)
        .select_from(
            tables.item.outerjoin(tables.attribution, a.item == i.id).outerjoin(
                tables.flag, f.item == i.id
            )
        )
        .where(i.id == id_)
    )
    row = await _first(conn, query)
    if row is None:  # somebody follows an item's address with the id of its upload
        return await _upload(conn, id_)
    viewers = frozenset(json.loads(row.viewers)) if row.private else frozenset()
    owner = Owner(_some(row.person), _some(row.unit), _some(row.organ), bool(row.private), viewers)
    if not (owner.people or owner.units or owner.organs):
        owner = both(owner, await _device(conn, row.source) or NOBODY)
    linked = select(n.case).where(n.item == id_, n.unlinked_index.is_(None)).distinct()
    for case in (await conn.execute(linked)).scalars().all():
        owner = both(owner, await _case(conn, case) or NOBODY)
    return owner


async def _upload(conn: AsyncConnection, id_: str) -> Owner | None:
    u, e = tables.upload.c, tables.entry.c
    query = (
        select(u.source, u.item, e.bytes)
        .select_from(tables.upload.outerjoin(tables.entry, e.index == u.opened_index))
        .where(u.id == id_)
    )
    row = await _first(conn, query)
    if row is None:
        return None
    device = await _device(conn, row.source) or NOBODY
    owner = both(device, await _opener(conn, row.bytes, device))
    if row.item is not None:
        owner = both(owner, await _item(conn, row.item) or NOBODY)
    return owner


async def _opener(conn: AsyncConnection, entry: bytes | None, device: Owner) -> Owner:
    """Who handed it over: he must see how his upload stands, and get its receipt.

    Not for the device of another organ: naming it as the source would make its uploads his.
    """
    actor = str(json.loads(entry)["actor"]) if entry else ""
    p = tables.person.c
    row = await _first(conn, select(p.id, p.organ).where(p.id == actor.removeprefix("u:")))
    if row is None or (device.organs and row.organ not in device.organs):
        return NOBODY
    return Owner(frozenset({row.id}))


async def _view(conn: AsyncConnection, id_: str) -> Owner | None:
    v = tables.view.c
    row = await _first(conn, select(v.item).where(v.id == id_))
    return None if row is None else await _item(conn, row.item)


async def _device(conn: AsyncConnection, id_: str) -> Owner | None:
    """The device's unit and organ, and whoever it was issued to last and has not returned it."""
    d, c, s = tables.device.c, tables.custody.c, tables.source.c
    row = await _first(conn, select(d.unit, d.organ).where(d.id == id_))
    if row is None:
        known = await _first(conn, select(s.id).where(s.id == id_))
        return None if known is None else NOBODY
    last = (
        select(c.what, c.person)
        .where(c.device == id_, c.what.in_(("issued", "returned", "lost")))
        .order_by(c.at_ms.desc(), c.index.desc())
        .limit(1)
    )
    held = await _first(conn, last)
    person = held.person if held is not None and held.what == "issued" else None
    return Owner(_some(person), _some(row.unit), _some(row.organ))


async def _person(conn: AsyncConnection, id_: str) -> Owner | None:
    p = tables.person.c
    row = await _first(conn, select(p.unit, p.organ).where(p.id == id_))
    return None if row is None else Owner(_some(id_), _some(row.unit), _some(row.organ))


async def _unit(conn: AsyncConnection, id_: str) -> Owner | None:
    u = tables.unit.c
    row = await _first(conn, select(u.organ).where(u.id == id_))
    return None if row is None else Owner(units=_some(id_), organs=_some(row.organ))


async def _organ(conn: AsyncConnection, id_: str) -> Owner | None:
    o = tables.organ.c
    row = await _first(conn, select(o.id).where(o.id == id_))
    return None if row is None else Owner(organs=_some(id_))


async def _roster(conn: AsyncConnection, id_: str) -> Owner | None:
    r = tables.roster.c
    row = await _first(conn, select(r.organ).where(r.id == id_))
    return None if row is None else Owner(organs=_some(row.organ))


async def _rules(conn: AsyncConnection, id_: str) -> Owner | None:
    r = tables.rule_list.c
    row = await _first(conn, select(r.organ).where(r.id == id_))
    return None if row is None else Owner(organs=_some(row.organ))


async def _approval(conn: AsyncConnection, id_: str) -> Owner | None:
    """Whose the object is, and who asked."""
    a = tables.approval.c
    row = await _first(conn, select(a.case, a.item, a.asked_by).where(a.id == id_))
    if row is None:
        return None
    asker = _some(row.asked_by[2:] if row.asked_by.startswith("u:") else None)
    about = NOBODY
    if row.case is not None:
        about = await _case(conn, row.case) or NOBODY
    elif row.item is not None:
        about = await _item(conn, row.item) or NOBODY
    return Owner(asker | about.people, about.units, about.organs)


async def _token(conn: AsyncConnection, id_: str) -> Owner | None:
    t = tables.token.c
    row = await _first(conn, select(t.person, t.organ).where(t.id == id_))
    return None if row is None else Owner(_some(row.person), organs=_some(row.organ))


READERS: Mapping[str, Reader] = {
    "case": _case, "item": _item, "upload": _upload, "view": _view, "person": _person,
    "unit": _unit, "organ": _organ, "device": _device, "roster": _roster, "rules": _rules,
    "approval": _approval, "token": _token,
}  # fmt: skip


async def owner_of(conn: AsyncConnection, kind: str, id_: str) -> Owner | None:
    """Whose it is; None if there is no such object."""
    return await READERS[kind](conn, id_)
