"""What the replay page asks of a recording: does it play yet, who saw which part, small pictures.

Guarantee: asking whether it plays lets the conversion begin, ahead of those nobody waits for; what
a browser plays by itself is never converted.  Who saw what comes from the entries of views alone,
and of a view within a case that the caller may not see, neither the person nor the purpose is told.
Not covered: seconds are reckoned from bytes, evenly over what was served: the original, its copy, or
the pieces of a conversion, which no view mixes.  They are near, not exact; of pieces whose conversion
ended without a copy there are none.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web
from sqlalchemy import Connection, func, select

from cases import case_list, trail
from console import items, said, shown
from console.answers import allowed, is_known, plain, speech
from console.errors import NotDerivedError
from console.guard import visible_to
from console.parts import PARTS
from console.ranges import Interval, merged
from ingest.media import sprites as sheets
from ingest.media import wishes
from ingest.media.classify import codecs_of
from ingest.media.live import Watchable
from storage import tables
from storage.access import Right
from storage.objects.port import Class, ObjectStore
from verify.entries import format_time
from verify.errors import NotFoundError

ROUTES = web.RouteTableDef()
Scale = tuple[int, int | None]  # so many bytes last so long
_SURE = 0.02  # of the work, from which on its rest can be reckoned


@ROUTES.get("/api/items/{item}/playable")
async def playable(request: web.Request) -> web.Response:
    await allowed(request, Right.READ)
    parts, id_ = request.app[PARTS], request.match_info["item"]
    now_ms = parts.clock.now_ms()
    async with parts.database.read() as conn:
        value = await conn.run_sync(lambda sync: how(sync, id_, now_ms))
    if value["how"] in {"examining", "converting"} and value["place"] != 0:  # 0: it is running
        await parts.database.write(lambda c: parts.want_playable(c, id_, now_ms))
        async with parts.database.read() as conn:
            value = await conn.run_sync(lambda sync: how(sync, id_, now_ms))
    live = None
    if value["how"] == "converting":
        live = await asyncio.to_thread(parts.live.watch, id_)
    value["watchable_ms"] = None if live is None else live.length_ms
    reason = value["reason"]
    text = None if reason is None else said.reason_text(reason, speech(request))
    return plain(value | {"reason_text": text})


def how(conn: Connection, id_: str, now_ms: int) -> dict[str, Any]:
    """Whether and how it plays now; NotFoundError."""
    i, d = tables.item.c, tables.derived.c
    item = conn.execute(select(i.mime).where(i.id == id_)).first()
    if item is None:
        raise NotFoundError(f"item: expected a known id, got {id_:.40}")
    known = wishes.seen(conn, id_)
    made = conn.execute(select(d.mime).where(d.item == id_, d.what == "playable")).scalar()
    value: dict[str, Any] = {
        "how": "examining", "mime": None, "percent": None, "seconds_left": None, "place": None,
        "reason": None,
    }  # fmt: skip
    if known is None:
        return value | _job(conn, f"probe:{id_}", now_ms, failed="not-probed")
    if known.verdict in ("native", "image"):
        plan = known.plan
        mime = (plan.mime if plan is not None else None) or item.mime
        codecs = codecs_of(known.facts) if known.facts is not None else None
        return value | {"how": "native", "mime": f'{mime}; codecs="{codecs}"' if codecs else mime}
    if made is not None:
        return value | {"how": "remuxed" if known.verdict == "remux" else "encoded", "mime": made}
    if known.verdict == "none":
        return value | {"how": "cannot", "reason": known.reason}
    value["how"] = "converting"
    return value | _job(conn, f"playable:{id_}", now_ms, failed="not-converted")


def _job(conn: Connection, key: str, now_ms: int, *, failed: str) -> dict[str, Any]:
    """How far the job is; its place in the line, 0 while it runs."""
    j = tables.job.c
    columns = (j.state, j.progress, j.lane, j.priority, j.run_at_ms, j.created_ms, j.started_ms)
    row = conn.execute(select(*columns).where(j.key == key)).first()
    if row is None or row.state == "done":
        return {}
    if row.state in ("failed", "cancelled"):
        return {"how": "cannot", "reason": failed}
    if row.state == "running":
        done = min(1.0, max(0.0, row.progress or 0.0))
        left = None
        if row.started_ms is not None and done >= _SURE:
            left = round((now_ms - row.started_ms) / 1000 * (1 - done) / done)
        return {"percent": int(100 * done), "seconds_left": left, "place": 0}
    before = conn.execute(
        select(func.count()).where(
            j.lane == row.lane,
            (j.state == "running")
            | (
                (j.state == "queued")
                & (
                    (j.priority > row.priority)
                    | ((j.priority == row.priority) & (j.created_ms < row.created_ms))
                )
            ),
        )
    ).scalar()
    return {"percent": 0, "place": 1 + int(before or 0)}


@ROUTES.get("/api/items/{item}/viewed")
async def viewed(request: web.Request) -> web.Response:
    await allowed(request, Right.READ)
    id_ = request.match_info["item"]
    visible = visible_to(request, "trail.read")
    live = await asyncio.to_thread(request.app[PARTS].live.watch, id_)
    async with request.app[PARTS].database.read() as conn:
        views, duration_ms = await conn.run_sync(lambda sync: _views(sync, id_, live))
        cases = {row.case for row in views} - {None}
        if not (visible.everything and visible.private):
            c = tables.case.c
            query = select(c.id).where(c.id.in_(cases), case_list.seen(visible))
            cases = set((await conn.execute(query)).scalars())
        open_to_caller = cases | {None}
        names = await trail.names_of(conn, {v.person for v in views if v.case in open_to_caller})
    told: dict[str | None, list[Any]] = {}
    for row in views:
        told.setdefault(row.person if row.case in open_to_caller else None, []).append(row)
    people = [_person(person, rows, names) for person, rows in told.items()]
    return plain({"duration_ms": duration_ms, "people": people})


def _views(
    conn: Connection, id_: str, live: Watchable | None
) -> tuple[Sequence["Seen"], int | None]:
    """The views of an item with what was served, and its duration."""
    v, r, i = tables.view.c, tables.view_range.c, tables.item.c
    size = conn.execute(select(i.size).where(i.id == id_)).scalar()
    if size is None:
        raise NotFoundError(f"item: expected a known id, got {id_:.40}")
    d, m = tables.derived.c, tables.media.c
    copy = conn.execute(select(d.size).where(d.item == id_, d.what == "playable")).scalar()
    duration = conn.execute(select(m.duration_ms).where(m.item == id_)).scalar()
    columns = (
        v.id, v.person, v.purpose, v.what, v.case, v.granted_ms, v.granted_index, v.served,
        v.unconfirmed, v.clip,
    )  # fmt: skip
    rows = conn.execute(select(*columns).where(v.item == id_).order_by(v.granted_index)).all()
    open_ = [row.id for row in rows if row.served is None]
    running: dict[str, list[Interval]] = {}
    for row in conn.execute(select(r.view, r.start, r.served_end).where(r.view.in_(open_))):
        running.setdefault(row.view, []).append((row.start, row.served_end))
    native = conn.execute(select(m.verdict).where(m.item == id_)).scalar() in ("native", "image")

    def scale(row: Any) -> Scale:
        if row.what == "original" or (row.what == "playable" and native and copy is None):
            return int(size), duration
        if row.what == "playable" and copy is not None:  # pieces are nearly as large as the copy
            return int(copy), duration
        if row.what == "playable" and live is not None:
            return live.pieces[-1].end, live.length_ms
        return 0, None

    return [Seen(row, running.get(row.id, []), scale(row)) for row in rows], duration


class Seen:
    """A view and the bytes that went out under it, up to now where it is open."""

    def __init__(self, row: Any, running: Sequence[Interval], scale: Scale) -> None:
        self.person, self.purpose, self.what, self.case = (
            row.person,
            row.purpose,
            row.what,
            row.case,
        )
        self.at_ms, self.clip, self.index = row.granted_ms, row.clip, row.granted_index
        closed = json.loads(row.served) if row.served is not None else running
        self.bytes: list[Interval] = [(start, end) for start, end in closed if end > start]
        self.ranges_ms = in_time(self.bytes, *scale)


def _person(
    person: str | None,
    rows: Sequence[Seen],
    names: Mapping[str, str],
) -> dict[str, Any]:
    """What one person saw, merged.  None: people whose views are within cases of others."""
    name = names.get(person) if person is not None else None
    ranges = merged(interval for row in rows for interval in row.ranges_ms)
    return {
        "person": person,
        "name": None if name is None else shown.visible(name),
        "views": [
            {
                "at": format_time(row.at_ms), "index": row.index, "what": row.what,
                "purpose": None if person is None else row.purpose,
                "case": None if person is None else row.case,
                "bytes": [list(interval) for interval in merged(row.bytes)],
            }
            for row in rows
        ],
        "ranges_ms": [list(interval) for interval in ranges],
        "seconds": round(sum(end - start for start, end in ranges) / 1000),
    }  # fmt: skip


def in_time(at: Iterable[Interval], size: int, duration_ms: int | None) -> list[Interval]:
    """Ranges of bytes as milliseconds of the recording, as if its bytes lay evenly in it."""
    if not size or not duration_ms:
        return []
    return [
        (start * duration_ms // size, -(-min(end, size) * duration_ms // size)) for start, end in at
    ]


@ROUTES.get("/api/items/{item}/sprites")
async def sprites(request: web.Request) -> web.Response:
    """The index of the small pictures; 202 while they are made, which asking lets begin."""
    await allowed(request, Right.READ)
    parts, id_ = request.app[PARTS], request.match_info["item"]
    found = await _sheets(request, id_)
    if found is not None:
        return plain(found[2].index)
    now_ms = parts.clock.now_ms()
    async with parts.database.read() as conn:
        await items.sealed_index(conn, id_)
    if not await parts.database.write(lambda c: wishes.request_sprites(c, id_, now_ms)):
        raise NotDerivedError(f"item {id_}: expected a picture that moves, got none")
    waiting = plain({"state": "making"}, 202)
    waiting.headers["Retry-After"] = "2"
    return waiting


@ROUTES.get("/api/items/{item}/sprites/{sheet}")
async def sprite_sheet(request: web.Request) -> web.Response:
    """One sheet.  Seeing it needs the right to see the item and is no view, as of the poster."""
    await allowed(request, Right.READ)
    id_, number = request.match_info["item"], request.match_info["sheet"]
    found = await _sheets(request, id_)
    if found is None or not number.isdecimal() or int(number[:9]) >= len(found[2].places):
        raise NotDerivedError(f"item {id_}: expected sheet {number:.9}, got none")
    key, sha256, head = found
    headers = {"ETag": f'"{sha256}-{int(number)}"', "Cache-Control": "private, max-age=3600"}
    if is_known(request, headers["ETag"]):
        return web.Response(status=304, headers=headers)
    body = await _part(request.app[PARTS].work, key, *head.places[int(number)])
    return web.Response(body=body, content_type="image/jpeg", headers=headers)


async def _sheets(request: web.Request, id_: str) -> tuple[str, str, sheets.Sheets] | None:
    """Where the small pictures lie, and their head; None if there are none (any more)."""
    parts = request.app[PARTS]
    async with parts.database.read() as conn:
        found = await items.derived_object(conn, id_, "sprites")
    if found is None:
        return None
    key, _, sha256, size = found
    try:
        start = await _part(parts.work, key, 0, min(size, 4096))
        length = sheets.head_length(start)
        if length > len(start):
            start += await _part(parts.work, key, len(start), min(size, length))
    except NotFoundError:  # the work class may be lost; they are made again
        return None
    return key, sha256, sheets.read_head(start)


async def _part(store: ObjectStore, key: str, start: int, end: int) -> bytes:
    return b"".join([p async for p in store.read(Class.WORK, key, start=start, end=end)])
