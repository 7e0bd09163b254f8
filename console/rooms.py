"""The pages themselves: item, upload, how to verify (the desk: `console.home_page`, a case:
`console.case_page`)."""

import logging
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from cases import case_list, queries, trail
from cases.rules import STAGES
from console import items, said, shown, words
from console.answers import allowed, speech, tagged
from console.guard import is_permitted, visible_to
from console.i18n import Speech
from console.masking import masked
from console.media import shown_type
from console.pages import render
from console.parts import PARTS
from console.security import base_url
from storage.access import Right
from verify.errors import EvidenceError, NotFoundError

LOG = logging.getLogger("liuhen.console")
ROUTES = web.RouteTableDef()
HOME_ROWS = 20
TRAIL_ROWS = 100
MOST_CASES = 100


async def upload_state_of(request: web.Request, conn: Any, row: queries.Upload) -> dict[str, Any]:
    """How an upload stands, in words."""
    parts = request.app[PARTS]
    value = await items.upload_state(
        conn,
        row,
        now_ms=parts.clock.now_ms(),
        interrupted_after_ms=parts.settings.interrupted_after_s * 1000,
    )
    return said.state(value, speech(request))


def steps_of(
    page: queries.Page[trail.Step], spoken: Speech, names: words.Names
) -> list[dict[str, Any]]:
    return [
        {
            "index": step.index, "seq": step.seq, "type": step.type, "at": step.at,
            "leaf": step.leaf, "chain": step.chain, "who": words.who(step, spoken),
            "words": words.words(step, spoken, names),
        }
        for step in page.rows
    ]  # fmt: skip


@ROUTES.get("/items/{item}")
async def item(request: web.Request) -> web.Response:
    await allowed(request, Right.READ)
    parts, spoken, id_ = request.app[PARTS], speech(request), request.match_info["item"]
    trail_shown = await is_permitted(request, "trail.read", "item", id_)
    async with parts.database.read() as conn:
        try:
            seen = case_list.seen(visible_to(request, "case.read"))
            detail = await items.detail(conn, id_, seen)
        except NotFoundError:
            return await _as_upload(request, id_)
        steps, names = await _trail(conn, request, detail.item)
        cases = await conn.run_sync(
            case_list.found, case_list.Filter(state="open"), visible_to(request, "case.read"), cursor=None,
            limit=MOST_CASES,
        )  # fmt: skip
    linked = {c.id for c in detail.cases}
    return await render(
        request,
        "item.html",
        d=detail,
        item=detail.item,
        state=said.state(detail.beside.state, spoken),
        safe_name=shown.safe_filename(detail.item.name or id_),
        inline_type=_inline(detail),
        is_image=detail.beside.verdict == "image",
        has_peaks="peaks" in detail.beside.derived,
        has_poster="poster" in detail.beside.derived,
        open_cases=[c for c in cases.rows if c.id not in linked],
        proposed=next((c for c in cases.rows if c.number == detail.wish), None),
        stages=STAGES,
        trail_shown=trail_shown,
        steps=steps_of(steps, spoken, names) if trail_shown else [],
        steps_next=steps.next,
        vkey=parts.vkey,
        base=base_url(request, parts.settings.trusted_proxies, parts.settings.public_url),
    )


async def _trail(
    conn: AsyncConnection, request: web.Request, row: queries.Item
) -> tuple[queries.Page[trail.Step], words.Names]:
    """A page of the item's trail; the first begins with how it came in."""
    steps = await trail.trail(
        conn, "item", row.id, after=request.query.get("trail"), limit=TRAIL_ROWS
    )
    rows = {step.index: step for step in steps.rows}
    if "trail" not in request.query:
        before = await trail.trail(conn, "upload", row.upload, limit=TRAIL_ROWS)
        rows |= {step.index: step for step in before.rows}
    shown_ = await masked(conn, request, [rows[index] for index in sorted(rows)])
    return queries.Page(shown_, steps.next), await words.names_in(conn, shown_)


def _inline(detail: items.Detail) -> str:
    """video, audio or image: which element shows it."""
    made = next((d.mime for d in detail.derived if d.what == "playable"), None)
    mime = made or shown_type(str(detail.probe.get("mime") or "")) or shown_type(detail.item.mime)
    return (mime or "video/mp4").split("/")[0]


async def _as_upload(request: web.Request, id_: str) -> web.Response:
    """Somebody followed an item's address with the id of its upload."""
    async with request.app[PARTS].database.read() as conn:
        row = await queries.upload(conn, id_)
    raise web.HTTPSeeOther(f"/uploads/{row.id}")


@ROUTES.get("/uploads/{upload}")
async def upload(request: web.Request) -> web.Response:
    await allowed(request, Right.READ)
    spoken, id_ = speech(request), request.match_info["upload"]
    trail_shown = await is_permitted(request, "trail.read", "upload", id_)
    async with request.app[PARTS].database.read() as conn:
        row = await queries.upload(conn, id_)
        if row.state == "sealed" and row.item is not None:
            raise web.HTTPSeeOther(f"/items/{row.item}")
        state = await upload_state_of(request, conn, row)
        steps = await trail.trail(conn, "upload", id_, limit=TRAIL_ROWS)
        steps = queries.Page(await masked(conn, request, steps.rows), steps.next)
        names = await words.names_in(conn, steps.rows)
    return await render(
        request, "upload.html", upload=row, state=state, trail_shown=trail_shown,
        steps=steps_of(steps, spoken, names) if trail_shown else [], steps_next=None,
    )  # fmt: skip


@ROUTES.get("/uploads/{upload}/state")
async def upload_state(request: web.Request) -> web.Response:
    """What the upload's page asks for while somebody looks."""
    await allowed(request, Right.READ)
    async with request.app[PARTS].database.read() as conn:
        row = await queries.upload(conn, request.match_info["upload"])
        state = await upload_state_of(request, conn, row)
    goal = f"/items/{row.item}" if row.state == "sealed" and row.item else None
    return tagged(request, {"state": state, "goal": goal, "offset": row.offset, "size": row.size})


@ROUTES.get("/verify")
async def verify(request: web.Request) -> web.Response:
    """Public: how anybody checks a receipt without us."""
    parts = request.app[PARTS]
    try:
        await parts.access.caller(request)  # only to show who is signed in
    except EvidenceError:  # the page is for strangers, too
        LOG.debug("verify page shown to a stranger")
    return await render(
        request,
        "verify.html",
        vkey=parts.vkey,
        base=base_url(request, parts.settings.trusted_proxies, parts.settings.public_url),
    )
