"""The API of people and programs: cases, items, jobs.  The contract is openapi.yaml.

Guarantee: every route asks for its right first; whatever changes the record is an act of `cases`
or `console.views`.
Not covered: uploads and the log's files (`ingest`), bytes of recordings (`console.media`).
"""

from dataclasses import asdict
from typing import Any

from aiohttp import web
from sqlalchemy import Connection, select

from cases import acts, case_list, item_search, queries, trail
from cases.inbox import queries as inbox_queries
from console import inbox_api, items, said, shown
from console.answers import allowed, limit, moment, out_of_time, plain, speech, tagged
from console.errors import (
    AlreadyLinkedError,
    NotDerivedError,
    NotLinkedError,
)
from console.guard import permit, visible_to
from console.masking import masked
from console.media import disposition
from console.parts import PARTS
from console.words import names_in
from storage import tables
from storage.access import Right
from storage.errors import HaltedError, NotComparedError
from storage.objects.port import Class, read_all
from verify.errors import ConflictError, IncompleteError, NotFoundError, UnavailableError

ROUTES = web.RouteTableDef()
POSTER_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
MAX_WAIT_S = 20


async def item_values(request: web.Request, rows: list[queries.Item]) -> list[dict[str, Any]]:
    """Items of a list with their states."""
    async with request.app[PARTS].database.read() as conn:
        beside = await conn.run_sync(items.beside_of, rows)
    spoken = speech(request)
    return [said.item(row, said.state(beside[row.id].state, spoken)) for row in rows]


@ROUTES.get("/api/cases/{case}/trail")
async def case_trail(request: web.Request) -> web.Response:
    return await _trail(request, "case")


@ROUTES.get("/api/items/{item}/trail")
async def item_trail(request: web.Request) -> web.Response:
    return await _trail(request, "item")


async def _trail(request: web.Request, subject: trail.Subject) -> web.Response:
    await allowed(request, Right.READ)
    id_ = request.match_info[subject]
    async with request.app[PARTS].database.read() as conn:
        await (queries.case if subject == "case" else queries.item)(conn, id_)
        page = await trail.trail(
            conn, subject, id_, after=request.query.get("cursor"), limit=limit(request, 100)
        )
        case = id_ if subject == "case" else None
        steps = await masked(conn, request, page.rows, case=case)
        names = await names_in(conn, steps)
    spoken = speech(request)
    return plain({"entries": [said.step(s, spoken, names) for s in steps], "next": page.next})


@ROUTES.post("/api/cases/{case}/links")
async def link(request: web.Request) -> web.Response:
    caller = await allowed(request, Right.CASE)
    body = await request.json()
    # Linking opens the item to the case's people: it takes the right to the item, too.
    await permit(request, "item.link", "item", body["item"])
    try:
        event = await acts.link(
            request.app[PARTS].ledger,
            caller.actor,
            case=request.match_info["case"],
            item=body["item"],
            stage=body.get("stage") or None,
            reason=body["reason"],
        )
    except ConflictError as error:
        raise AlreadyLinkedError(str(error)) from error
    return plain({"index": event.index, "leaf": event.leaf.hex()}, 201)


@ROUTES.post("/api/cases/{case}/links/{item}/unlink")
async def unlink(request: web.Request) -> web.Response:
    caller = await allowed(request, Right.CASE)
    body = await request.json()
    try:
        event = await acts.unlink(
            request.app[PARTS].ledger,
            caller.actor,
            case=request.match_info["case"],
            item=request.match_info["item"],
            reason=body["reason"],
        )
    except ConflictError as error:
        raise NotLinkedError(str(error)) from error
    return plain({"index": event.index, "leaf": event.leaf.hex()}, 201)


@ROUTES.get("/api/items")
async def list_items(request: web.Request) -> web.Response:
    """Recordings that the caller may see, by what is asked, each with whose it is and its cases."""
    await allowed(request, Right.READ)
    query, cases = request.query, visible_to(request, "case.read")
    truth = {"true": True, "false": False}
    wanted = item_search.Filter(
        text=query.get("text"), case=query.get("case"), person=query.get("person"),
        unit=query.get("unit"), device=query.get("device"), kind=query.get("kind"),
        place=query.get("place"), linked=truth.get(query.get("linked", "")),
        late=truth.get(query.get("late", "")), from_ms=moment(request, "from"),
        until_ms=moment(request, "until"),
    )  # fmt: skip
    spoken = speech(request)
    visible, size = visible_to(request, "item.read"), limit(request)

    def read(conn: Connection) -> dict[str, Any]:
        page = item_search.found(
            conn, wanted, visible, cases, cursor=query.get("cursor"), limit=size,
            enough=out_of_time(),
        )  # fmt: skip
        ids = [row.id for row in page.rows]
        whose, late = inbox_api.attributed(conn, ids, spoken), inbox_queries.late_ones(conn, ids)
        beside, of = items.beside_of(conn, page.rows), item_search.cases_of(conn, ids, cases)
        values = [
            said.item(row, said.state(beside[row.id].state, spoken))
            | {
                "attribution": whose.get(row.id),
                "late": inbox_api.said_late(late.get(row.id)),
                "cases": [asdict(one) for one in of.get(row.id, ())],
            }
            for row in page.rows
        ]
        return {"items": values, "next": page.next}

    return plain(await request.app[PARTS].database.ask(read))


@ROUTES.get("/api/items/{item}")
async def get_item(request: web.Request) -> web.Response:
    await allowed(request, Right.READ)
    async with request.app[PARTS].database.read() as conn:
        seen = case_list.seen(visible_to(request, "case.read"))
        id_, spoken = request.match_info["item"], speech(request)
        detail = await items.detail(conn, id_, seen)
        whose = await conn.run_sync(inbox_api.attributed, [id_], spoken)
    return tagged(request, said.detail(detail, spoken) | {"attribution": whose.get(id_)})


@ROUTES.get("/api/items/{item}/receipt")
async def receipt(request: web.Request) -> web.Response:
    """The receipt as a file; 202 while no checkpoint covers the entry."""
    await allowed(request, Right.READ)
    parts = request.app[PARTS]
    async with parts.database.read() as conn:
        index = await items.sealed_index(conn, request.match_info["item"])
        row = await queries.item(conn, request.match_info["item"])
    wait = min(MAX_WAIT_S, int(request.query.get("wait", "0")))
    try:
        text = await parts.receipts.of(index, wait=wait)
    except (IncompleteError, UnavailableError) as error:
        if isinstance(error, HaltedError | NotComparedError):
            raise
        waiting = plain({"state": "recorded", "index": index}, 202)
        waiting.headers["Retry-After"] = "1"
        return waiting
    return web.Response(
        text=text,
        content_type="text/plain",
        charset="utf-8",
        headers={
            "Content-Disposition": disposition(f"{shown.safe_filename(row.name)}.tlog-proof"),
            "Cache-Control": "private, no-cache",
        },
    )


@ROUTES.get("/api/items/{item}/poster")
async def poster(request: web.Request) -> web.Response:
    return await _derived(request, "poster")


@ROUTES.get("/api/items/{item}/peaks")
async def peaks(request: web.Request) -> web.Response:
    return await _derived(request, "peaks")


async def _derived(request: web.Request, what: str) -> web.Response:
    """A small derivative whole.  Seeing it needs the right to see the item and is no view."""
    await allowed(request, Right.READ)
    parts, id_ = request.app[PARTS], request.match_info["item"]
    async with parts.database.read() as conn:
        found = await items.derived_object(conn, id_, what)
    if found is None:
        raise NotDerivedError(f"item {id_}: expected a {what}, got none")
    key, mime, sha256, _ = found
    etag = f'"{sha256}"'
    headers = {"ETag": etag, "Cache-Control": "private, max-age=3600"}
    if f'"{sha256}"' in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    try:
        body = await read_all(parts.work, Class.WORK, key)
    except NotFoundError as error:  # the work class may be lost; it is made again on demand
        raise NotDerivedError(f"item {id_}: expected a {what}, got none") from error
    type_ = mime if mime in POSTER_TYPES else "application/octet-stream"
    return web.Response(body=body, content_type=type_, headers=headers)


@ROUTES.post("/api/items/{item}/playable")
async def want_playable(request: web.Request) -> web.Response:
    """Somebody waits: put its conversion first."""
    await allowed(request, Right.READ)
    parts, id_ = request.app[PARTS], request.match_info["item"]
    now_ms = parts.clock.now_ms()

    def work(conn: Connection) -> None:
        known = conn.execute(select(tables.item.c.id).where(tables.item.c.id == id_)).scalar()
        if known is None:
            raise NotFoundError(f"item: expected a known id, got {id_}")
        parts.want_playable(conn, id_, now_ms)

    await parts.database.write(work)
    async with parts.database.read() as conn:
        detail = await items.detail(conn, id_)
    return plain({"state": said.state(detail.beside.state, speech(request))}, 202)


@ROUTES.get("/api/jobs")
async def list_jobs(request: web.Request) -> web.Response:
    await allowed(request, Right.ADMIN)
    async with request.app[PARTS].database.read() as conn:
        rows = await items.jobs(conn, only=request.query.get("state"), limit=limit(request, 100))
    spoken = speech(request)
    return plain({"jobs": [said.job(row, spoken) for row in rows]})


@ROUTES.post("/api/jobs/{key}/retry")
async def retry_job(request: web.Request) -> web.Response:
    await allowed(request, Right.ADMIN)
    await request.app[PARTS].retry_job(request.match_info["key"])
    return plain({"key": request.match_info["key"]}, 202)
