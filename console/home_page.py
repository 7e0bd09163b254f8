"""The plain desk, for browsers without script: what waits for whoever looks, and what he may see of cases and uploads.

Guarantee: nothing stands here that its own page would refuse; the inbox and what is overdue are
what the API says, in the same words.
Not covered: searching and filtering; the API has all filters.
"""

import json
from typing import Any

from aiohttp import web
from sqlalchemy import ColumnElement, Connection, false, or_, true

from cases import case_list, queries
from cases.registers import queries as registers
from cases.rules import KINDS
from console import asking_api, inbox_api, items, matrix, shown
from console.answers import allowed
from console.guard import visible_to
from console.pages import render
from console.parts import PARTS
from console.rooms import HOME_ROWS, upload_state_of
from storage import tables
from storage.access import Right, Visible

ROUTES = web.RouteTableDef()


@ROUTES.get("/desk")
async def home(request: web.Request) -> web.Response:
    caller = await allowed(request, Right.READ)
    parts, query = request.app[PARTS], request.query
    async with parts.database.read() as conn:
        cases = await conn.run_sync(
            case_list.found, case_list.Filter(text=query.get("text") or None),
            visible_to(request, "case.read"), cursor=query.get("cases"), limit=HOME_ROWS,
        )  # fmt: skip
        marked = await conn.run_sync(case_list.marked_among, [row.id for row in cases.rows])
        theirs = await conn.run_sync(_of, visible_to(request, "upload.read"))
        uploads = await queries.open_uploads(
            conn, where=theirs, cursor=query.get("uploads"), limit=HOME_ROWS
        )
        moving = [await upload_state_of(request, conn, row) for row in uploads.rows]
        failed = []
        of_jobs = caller.person is None or matrix.anywhere(
            matrix.shipped(), caller.roles, "job.manage"
        )
        if of_jobs and Right.ADMIN in caller.rights:
            failed = await items.jobs(conn, only="failed", limit=HOME_ROWS)
    inbox = await inbox_api.inbox_page(
        request, inbox_api.asked_by(request), cursor=query.get("inbox"), rows=HOME_ROWS
    )
    async with parts.database.read() as conn:
        sealed = {one["id"]: one["sealed"]["index"] for one in inbox["items"]}
        beside = await conn.run_sync(items.beside, sealed)
    return await render(
        request,
        "home.html",
        beside=beside,
        cases=[course_row(row, marked) for row in cases.rows],
        cases_next=cases.next,
        text=query.get("text") or "",
        kinds=KINDS,
        inbox=inbox["items"],
        inbox_next=inbox["next"],
        approvals=await asking_api.approvals_value(request, "waiting", HOME_ROWS),
        asked=await asking_api.approvals_value(request, "asked", HOME_ROWS),
        me=caller.person,
        overdue=await inbox_api.overdue_value(request),
        uploads=list(zip(uploads.rows, moving, strict=True)),
        uploads_next=uploads.next,
        failed=failed,
    )


def course_row(row: Any, marked: frozenset[str]) -> dict[str, Any]:
    """A case of the list."""
    return {
        "id": row.id, "number": shown.visible(row.number), "title": row.title, "kind": row.kind,
        "officers": [shown.visible(name) for name in json.loads(row.officers)], "opened_ms": row.opened_ms,
        "filed": row.closed_index is not None, "marked": row.id in marked,
    }  # fmt: skip


def _of(conn: Connection, visible: Visible) -> ColumnElement[bool]:
    """Uploads of devices of these units and organs, or of a device that the caller holds."""
    d, u = tables.device.c, tables.upload.c
    if visible.everything:
        return true()
    of = or_(
        d.unit.in_(visible.units) if visible.units else false(),
        d.organ.in_(visible.organs) if visible.organs else false(),
    )
    mine = registers.held_by(conn, visible.person) if visible.person is not None else []
    placed = u.source.in_(tables.device.select().with_only_columns(d.id).where(of))
    known = u.source.in_(tables.device.select().with_only_columns(d.id))
    return or_(
        placed, u.source.in_(mine) if mine else false(), ~known if visible.unowned else false()
    )
