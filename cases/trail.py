"""Trails: everything that was recorded about a case, an item or an upload, in the log's order.

Guarantee: every entry that mentions the subject is in its trail, whatever chain it stands in, with
the fields that are still disclosed; `erased` names those that were and are no more.
Not covered: rights, and the proof of each entry (a receipt or an export carries it).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cases.queries import Page, before, page_size
from storage import tables

Subject = Literal["case", "item", "upload", "source", "view", "token"]
HIDDEN = frozenset({"objects"})
"""Where copies lie is for `storage` and its administrators, not for trails."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a trail.  `who` is the actor's name where the database knows one."""

    index: int
    chain: str
    seq: int
    type: str
    actor: str
    who: str | None
    at: str
    leaf: str
    fields: Mapping[str, Any]
    erased: Sequence[str]


def _step(row: Any, erased: Sequence[str]) -> Step:
    entry = json.loads(row.bytes)
    fields = {
        name: value
        for _, name, value in json.loads(row.disclosed)
        if name not in HIDDEN and name not in erased
    }
    return Step(
        row.number, row.chain, row.seq, row.type, entry["actor"], None, entry["at"],
        row.leaf.hex(), fields, tuple(erased),
    )  # fmt: skip


async def names_of(conn: AsyncConnection, actors: set[str]) -> Mapping[str, str]:
    """What the actors are called: a person's name, else a token's, a source's."""
    t, s, p = tables.token.c, tables.source.c, tables.person.c
    named = {
        r.actor: r.name
        for r in await conn.execute(select(t.actor, t.name).where(t.actor.in_(actors)))
    }
    ids = {a[2:] for a in actors if a.startswith("s:")}
    named |= {
        f"s:{r.id}": r.name for r in await conn.execute(select(s.id, s.name).where(s.id.in_(ids)))
    }
    people = {a[2:] for a in actors if a.startswith("u:")}
    return named | {
        f"u:{r.id}": r.name
        for r in await conn.execute(select(p.id, p.name).where(p.id.in_(people), p.name != ""))
    }


async def trail(
    conn: AsyncConnection, subject: Subject, id_: str, *, after: str | None = None, limit: int = 100
) -> Page[Step]:
    """The trail from the oldest entry on; `after` is the cursor of the page before."""
    limit = page_size(limit)
    m, e, d = tables.mention.c, tables.entry.c, tables.disclosure.c
    query = (
        select(*_columns())
        .select_from(
            tables.mention.join(tables.entry, e.index == m.index).join(
                tables.disclosure, d.index == m.index
            )
        )
        .where(m.kind == subject, m.id == id_)
        .order_by(m.index)
        .limit(limit + 1)
    )
    last = before(after)
    if last is not None:
        query = query.where(m.index > last)
    return await _page(conn, query, limit)


async def of_types(
    conn: AsyncConnection,
    types: Collection[str],
    *,
    cursor: str | None = None,
    limit: int = 100,
) -> Page[Step]:
    """Entries of these types, newest first, whatever they are about."""
    limit = page_size(limit)
    e, d = tables.entry.c, tables.disclosure.c
    query = (
        select(*_columns())
        .select_from(tables.entry.join(tables.disclosure, d.index == e.index))
        .where(e.type.in_(types))
        .order_by(e.index.desc())
        .limit(limit + 1)
    )
    last = before(cursor)
    return await _page(conn, query if last is None else query.where(e.index < last), limit)


def _columns() -> list[Any]:
    e, d = tables.entry.c, tables.disclosure.c
    return [e.index.label("number"), e.chain, e.seq, e.type, e.leaf, e.bytes, d.disclosed]


async def _page(conn: AsyncConnection, query: Select[Any], limit: int) -> Page[Step]:
    rows = (await conn.execute(query)).all()
    shown = rows[:limit]
    erased = await _erased(conn, [row.number for row in shown])
    steps = [_step(row, erased.get(row.number, ())) for row in shown]
    who = await names_of(conn, {step.actor for step in steps})
    named = [_with_name(step, who.get(step.actor)) for step in steps]
    return Page(named, str(shown[-1].number) if len(rows) > limit else None)


def _with_name(step: Step, who: str | None) -> Step:
    return Step(
        step.index, step.chain, step.seq, step.type, step.actor, who, step.at, step.leaf,
        step.fields, step.erased,
    )  # fmt: skip


async def _erased(conn: AsyncConnection, indexes: Sequence[int]) -> Mapping[int, Sequence[str]]:
    t = tables.erasure.c
    found: dict[int, list[str]] = {}
    query = (
        select(t.index.label("number"), t.name)
        .where(t.index.in_(indexes))
        .order_by(t.index, t.name)
    )
    for row in await conn.execute(query):
        found.setdefault(row.number, []).append(row.name)
    return found
