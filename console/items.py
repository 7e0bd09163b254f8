"""What the pages and the API say about items and uploads: rows and states together.

Guarantee: one reading transaction per answer, and a fixed number of queries however many items
are listed.
Not covered: rights.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cases import queries
from console import state
from storage import tables
from verify.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside an item's row: its state and what was made of it."""

    state: state.State
    verdict: str | None
    duration_ms: int | None
    derived: frozenset[str]


@dataclass(frozen=True, slots=True)
class Copy:
    """Where the original lies.  The key is for administrators, not shown."""

    store: str
    index: int


@dataclass(frozen=True, slots=True)
class Derived:
    """A copy made for watching; never the evidence."""

    what: str
    sha256: str
    size: int
    mime: str
    tool: str
    arguments: Sequence[str]
    index: int


@dataclass(frozen=True, slots=True)
class Detail:
    """Everything about one item."""

    item: queries.Item
    beside: Beside
    chunk: int
    name_raw: str | None
    sealed_leaf: str
    device_times: Sequence[Mapping[str, Any]]
    clock_offset: Mapping[str, Any] | None
    announced: Mapping[str, Any] | None
    wish: str | None
    opened_ms: int | None
    copies: Sequence[Copy]
    derived: Sequence[Derived]
    cases: Sequence[queries.Case]
    probe: Mapping[str, Any]


def beside(conn: Connection, sealed: Mapping[str, int]) -> dict[str, Beside]:
    """The states of many items; `sealed` gives the index of each one's sealing entry."""
    ids = list(sealed)
    size = conn.execute(select(tables.published.c.size)).scalar() or 0
    c, m, d, j = tables.copy.c, tables.media.c, tables.derived.c, tables.job.c
    stores: dict[str, set[str]] = {}
    for row in conn.execute(select(c.item, c.store).where(c.item.in_(ids), c.what == "original")):
        stores.setdefault(row.item, set()).add(row.store)
    media = {
        row.item: row
        for row in conn.execute(
            select(m.item, m.verdict, m.reason, m.duration_ms).where(m.item.in_(ids))
        )
    }
    made: dict[str, set[str]] = {}
    for row in conn.execute(select(d.item, d.what).where(d.item.in_(ids))):
        made.setdefault(row.item, set()).add(row.what)
    keys = [f"{kind}:{id_}" for id_ in ids for kind in ("probe", "playable")]
    jobs = {
        row.key: state.Job(row.state, row.progress)
        for row in conn.execute(select(j.key, j.state, j.progress).where(j.key.in_(keys)))
    }
    found = {}
    for id_, index in sealed.items():
        probed = media.get(id_)
        derived = frozenset(made.get(id_, ()))
        found[id_] = Beside(
            state.of_item(
                published=index < size,
                copies=len(stores.get(id_, ())),
                verdict=probed and probed.verdict,
                reason=probed and probed.reason,
                has_playable="playable" in derived,
                jobs={
                    kind: jobs[f"{kind}:{id_}"]
                    for kind in ("probe", "playable")
                    if f"{kind}:{id_}" in jobs
                },
            ),
            probed and probed.verdict,
            probed and probed.duration_ms,
            derived,
        )
    return found


def beside_of(conn: Connection, items: Sequence[queries.Item]) -> dict[str, Beside]:
    return beside(conn, {item.id: item.sealed_index for item in items})


async def detail(
    conn: AsyncConnection, id_: str, cases: ColumnElement[bool] | None = None
) -> Detail:
    """One item with everything, of its cases those of this condition; NotFoundError."""
    item = await queries.item(conn, id_)
    i, c, d, u = tables.item.c, tables.copy.c, tables.derived.c, tables.upload.c
    row = (
        await conn.execute(
            select(
                i.chunk, i.name_raw, i.sealed_leaf, i.device_times, i.clock_offset, i.announced
            ).where(i.id == id_)
        )
    ).one()
    upload = (
        await conn.execute(select(u.case_number, u.opened_ms).where(u.id == item.upload))
    ).first()
    copies = await conn.execute(
        select(c.store, c.index.label("number"))
        .where(c.item == id_, c.what == "original")
        .order_by(c.index)
    )
    derived = await conn.execute(
        select(d.what, d.sha256, d.size, d.mime, d.tool, d.arguments, d.index.label("number"))
        .where(d.item == id_)
        .order_by(d.what)
    )
    probe = (
        await conn.execute(select(tables.media.c.probe).where(tables.media.c.item == id_))
    ).scalar()
    return Detail(
        item=item,
        beside=(await conn.run_sync(beside, {id_: item.sealed_index}))[id_],
        chunk=row.chunk,
        name_raw=row.name_raw,
        sealed_leaf=row.sealed_leaf,
        device_times=json.loads(row.device_times or "[]"),
        clock_offset=json.loads(row.clock_offset or "null"),
        announced=json.loads(row.announced or "null"),
        wish=upload and upload.case_number,
        opened_ms=upload and upload.opened_ms,
        copies=[Copy(r.store, r.number) for r in copies],
        derived=[
            Derived(r.what, r.sha256, r.size, r.mime, r.tool, json.loads(r.arguments), r.number)
            for r in derived
        ],
        cases=await queries.cases_of_item(conn, id_, cases),
        probe=json.loads(probe or "{}"),
    )


async def derived_object(
    conn: AsyncConnection, id_: str, what: str
) -> tuple[str, str, str, int] | None:
    """Key, type, SHA-256 and size of a poster or waveform; None if there is none."""
    d = tables.derived.c
    row = (
        await conn.execute(
            select(d.key, d.mime, d.sha256, d.size).where(d.item == id_, d.what == what)
        )
    ).first()
    return None if row is None else (row.key, row.mime, row.sha256, row.size)


async def upload_state(
    conn: AsyncConnection,
    upload: queries.Upload,
    *,
    now_ms: int,
    interrupted_after_ms: int,
) -> state.State:
    """The state of an upload that is open or was given up."""
    t, u = tables.transfer.c, tables.upload.c
    moving = (
        await conn.execute(select(t.length, t.copies).where(t.upload == upload.id))
    ).one_or_none()
    length = moving and moving.length
    reason = None
    if upload.state == "aborted":
        reason = (await conn.execute(select(u.reason).where(u.id == upload.id))).scalar()
    return state.of_upload(
        state=upload.state,
        moving=upload.moving,
        offset=upload.offset or 0,
        length=upload.size if length is None else length,
        touched_ms=upload.touched_ms,
        now_ms=now_ms,
        interrupted_after_ms=interrupted_after_ms,
        reason=reason,
        problem=upload.problem,
        copies=(moving and moving.copies) or 0,
    )


async def sealed_index(conn: AsyncConnection, id_: str) -> int:
    """The index of the entry that sealed the item; NotFoundError."""
    found = (
        await conn.execute(select(tables.item.c.sealed_index).where(tables.item.c.id == id_))
    ).scalar()
    if found is None:
        raise NotFoundError(f"item: expected a known id, got {id_:.40}")
    return int(found)


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as people see it."""

    key: str
    kind: str
    state: str
    attempt: int
    progress: float | None
    error: str | None
    item: str | None
    updated_ms: int


async def jobs(conn: AsyncConnection, *, only: str | None = None, limit: int = 100) -> list[JobRow]:
    """Jobs, last touched first; `only` one state."""
    j = tables.job.c
    query = select(j.key, j.kind, j.state, j.attempt, j.progress, j.error, j.args, j.updated_ms)
    if only is not None:
        query = query.where(j.state == only)
    rows = await conn.execute(query.order_by(j.updated_ms.desc(), j.key).limit(limit))
    return [
        JobRow(
            r.key, r.kind, r.state, r.attempt, r.progress, r.error,
            json.loads(r.args).get("item"), r.updated_ms,
        )
        for r in rows
    ]  # fmt: skip
