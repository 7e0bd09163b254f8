"""The API of excerpts and stills: ask for one, see how far it is, take it, and its receipt.

Guarantee: an excerpt is asked for with a purpose by an entry, and each taking of it is a view,
recorded before the first byte; its receipt says of which recording it is, what was asked, what is
in it, and where that stands in the log.  Of a case that one may not see an excerpt tells neither
the id nor the purpose.
Not covered: making it (`ingest.media.clips`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from sqlalchemy import Connection, select

from cases import case_list, trail
from console import shown
from console.answers import allowed, plain, speech
from console.course_said import recorded
from console.errors import NotDerivedError
from console.guard import permit_case, visible_to
from console.i18n import Speech
from console.media import VIEWS, disposition
from console.parts import PARTS
from ingest import excerpts
from ingest.excerpts import Wanted
from ingest.media.clips import clock
from storage import tables
from storage.access import Right
from storage.errors import HaltedError, NotComparedError
from verify.entries import format_time
from verify.errors import IncompleteError, NotFoundError, UnavailableError

ROUTES = web.RouteTableDef()
MAX_WAIT_S = 20
MOST = 500
_STATES = {"queued": "waiting", "running": "running", "failed": "failed", "cancelled": "failed"}


def _rows(conn: Connection, item: str, clip: str | None = None) -> list[Any]:
    """Each with the state of its job."""
    c, j = tables.clip, tables.job.c
    query = (
        select(c, j.state, j.progress)
        .outerjoin_from(c, tables.job, j.key == "clip:" + c.c.id)
        .where(c.c.item == item)
        .order_by(c.c.asked_index.desc())
        .limit(MOST)
    )
    if clip is not None:
        query = query.where(c.c.id == clip)
    return list(conn.execute(query).all())


@dataclass(frozen=True, slots=True)
class Known:
    """What the reader may know beside the rows: names of people, and which cases he may see."""

    names: Mapping[str, str]
    cases: frozenset[str]

    def hides(self, row: Any) -> bool:
        return row.case is not None and row.case not in self.cases


async def _found(request: web.Request) -> tuple[list[Any], Known]:
    item, clip = request.match_info["item"], request.match_info.get("clip")
    c, seen = tables.case.c, case_list.seen(visible_to(request, "case.read"))
    async with request.app[PARTS].database.read() as conn:
        rows = await conn.run_sync(lambda sync: _rows(sync, item, clip))
        names = await trail.names_of(conn, {row.actor for row in rows})
        named = {row.case for row in rows if row.case is not None}
        cases = (await conn.execute(select(c.id).where(c.id.in_(named), seen))).scalars()
        known = Known(
            {actor: shown.visible(name) for actor, name in names.items() if name}, frozenset(cases)
        )
    if clip is not None and not rows:
        raise NotFoundError(f"clip: expected one of item {item}, got {clip:.40}")
    return rows, known


def said(row: Any, known: Known, spoken: Speech) -> dict[str, Any]:
    hidden = known.hides(row)
    state = "made" if row.made_index is not None else _STATES.get(row.state, "failed")
    value: dict[str, Any] = {
        "clip": row.id, "item": row.item, "kind": row.kind,
        "case": None if hidden else row.case,
        "asked": {"from_ms": row.asked_from_ms, "to_ms": row.asked_to_ms},
        "purpose": "" if hidden else row.purpose,
        "by": row.actor, "by_name": known.names.get(row.actor),
        "asked_at": format_time(row.asked_ms), "asked_index": row.asked_index,
        "state": state, "state_text": spoken.choice("clip.state", state),
        "progress": None if state != "running" else row.progress, "made": None,
    }  # fmt: skip
    if row.made_index is not None:
        value["made"] = {
            "from_ms": row.from_ms, "to_ms": row.to_ms, "name": row.name, "label": row.label,
            "sha256": row.sha256, "size": row.size, "mime": row.mime, "tool": row.tool,
            "arguments": json.loads(row.arguments), "input": row.input, "index": row.made_index,
            "at": format_time(row.made_ms),
        }  # fmt: skip
    return value


@ROUTES.get("/api/items/{item}/clips")
async def list_clips(request: web.Request) -> web.Response:
    await allowed(request, Right.READ)
    rows, known = await _found(request)
    spoken = speech(request)
    return plain({"clips": [said(row, known, spoken) for row in rows]})


@ROUTES.post("/api/items/{item}/clips")
async def ask_clip(request: web.Request) -> web.Response:
    caller = await allowed(request, Right.READ)
    body, item = await request.json(), request.match_info["item"]
    await permit_case(request, body.get("case"))
    wanted = Wanted(
        body["kind"], body["from_ms"], body.get("to_ms", body["from_ms"]), body["purpose"],
        body.get("case"),
    )  # fmt: skip
    id_, event = await excerpts.ask(request.app[PARTS].ledger, caller.actor, item, wanted)
    return plain(recorded(event.index, event.leaf, {"clip": id_}), 201)


@ROUTES.get("/api/items/{item}/clips/{clip}")
async def get_clip(request: web.Request) -> web.Response:
    await allowed(request, Right.READ)
    (row, *_), known = await _found(request)
    return plain(said(row, known, speech(request)))


@ROUTES.post("/api/items/{item}/clips/{clip}/views")
async def take_clip(request: web.Request) -> web.Response:
    """Recorded before its first byte, as any view is."""
    caller = await allowed(request, Right.READ)
    body = await request.json()
    await permit_case(request, body.get("case"))
    (row, *_), _ = await _found(request)
    if row.made_index is None:
        raise NotDerivedError(f"clip {row.id}: expected one that is made, got none yet")
    granted = await request.app[VIEWS].grant(
        caller, row.item, what="clip", purpose=body["purpose"], case=body.get("case"), clip=row.id
    )
    url = f"/api/views/{granted.view}/media"
    return plain({"view": granted.view, "until": format_time(granted.until_ms), "url": url}, 201)


@ROUTES.get("/api/items/{item}/clips/{clip}/receipt")
async def clip_receipt(request: web.Request) -> web.Response:
    """What it is, of what, and the proof of its entry; 202 while no checkpoint covers that."""
    await allowed(request, Right.READ)
    parts = request.app[PARTS]
    (row, *_), known = await _found(request)
    if row.made_index is None:
        raise NotDerivedError(f"clip {row.id}: expected one that is made, got none yet")
    i = tables.item.c
    async with parts.database.read() as conn:
        query = select(i.name, i.sha256, i.size, i.sealed_index).where(i.id == row.item)
        original = (await conn.execute(query)).one()
    try:
        wait = min(MAX_WAIT_S, int(request.query.get("wait", "0")))
        proof = await parts.receipts.of(row.made_index, wait=wait)
    except (IncompleteError, UnavailableError) as error:
        if isinstance(error, HaltedError | NotComparedError):
            raise
        waiting = plain({"state": "recorded", "index": row.made_index}, 202)
        waiting.headers["Retry-After"] = "1"
        return waiting
    spoken, form = speech(request), request.query.get("form", "json")
    if form == "proof":
        return _file(proof, f"{row.name}.tlog-proof")
    value = {
        "excerpt": said(row, known, spoken),
        "original": {
            "item": row.item, "name": shown.visible(original.name), "sha256": original.sha256,
            "size": original.size, "sealed_index": original.sealed_index,
        },
        "log": {"origin": parts.origin, "index": row.made_index, "proof": proof},
    }  # fmt: skip
    if form == "text":
        return _file(_printed(row, original, known, parts.origin, spoken), f"{row.name}.txt")
    return plain(value)


def _file(text: str, name: str) -> web.Response:
    return web.Response(
        text=text,
        content_type="text/plain",
        charset="utf-8",
        headers={"Content-Disposition": disposition(name), "Cache-Control": "private, no-cache"},
    )


def _printed(row: Any, original: Any, known: Known, origin: str, spoken: Speech) -> str:
    """One sheet, to be printed and put beside the excerpt."""
    lines = [
        ("original", shown.visible(original.name)), ("item", row.item),
        ("original_sha256", original.sha256),
        ("asked", f"{clock(row.asked_from_ms)} – {clock(row.asked_to_ms)}"),
        ("got", f"{clock(row.from_ms)} – {clock(row.to_ms)}"),
        ("name", row.name), ("sha256", row.sha256), ("size", str(row.size)),
        ("by", known.names.get(row.actor) or row.actor), ("asked_at", format_time(row.asked_ms)),
        ("purpose", "" if known.hides(row) else shown.visible(row.purpose)),
        ("made", format_time(row.made_ms)), ("tool", shown.visible(row.tool)),
        ("log", origin), ("index", str(row.made_index)),
    ]  # fmt: skip
    told = [f"{spoken(f'clip.receipt.{key}')}: {value}" for key, value in lines]
    return "\n".join([spoken("clip.receipt.title"), "", *told, "", spoken("clip.receipt.note"), ""])
