"""The API of marks on the time line of a case.

Guarantee: a person's mark says that a person made it, a program's may say a device did; whose it is
comes from the session, never from the body.
Not covered: the rules (`cases.marks`).
"""

from typing import Any

from aiohttp import web
from sqlalchemy import select

from cases import case_list, marks, queries, trail
from cases.marks import Mark, Wording
from console import shown
from console.answers import allowed, plain, speech
from console.course_said import recorded
from console.guard import visible_to
from console.i18n import Speech
from console.parts import PARTS
from storage import tables
from storage.access import Right
from verify.entries import format_time, parse_time

ROUTES = web.RouteTableDef()


def said(mark: Mark, names: dict[str, str], actor: str, spoken: Speech) -> dict[str, Any]:
    return {
        "id": mark.id, "case": mark.case, "item": mark.item,
        "start": format_time(mark.start_ms), "end": format_time(mark.end_ms),
        "category": mark.category, "category_text": spoken.choice("mark.category", mark.category),
        "text": mark.text, "source": mark.source, "by": mark.actor,
        "by_name": names.get(mark.actor), "mine": mark.actor == actor,
        "made": format_time(mark.made_ms), "index": mark.made_index,
        "changed": mark.text_index != mark.made_index,
        "withdrawn": mark.withdrawn_index is not None,
    }  # fmt: skip


@ROUTES.get("/api/cases/{case}/marks")
async def list_marks(request: web.Request) -> web.Response:
    caller = await allowed(request, Right.READ)
    case, whole = request.match_info["case"], request.query.get("withdrawn") == "true"
    async with request.app[PARTS].database.read() as conn:
        found = await conn.run_sync(lambda sync: marks.of_case(sync, case, withdrawn=whole))
        names = await trail.names_of(conn, {mark.actor for mark in found})
    called = {actor: shown.visible(name) for actor, name in names.items() if name}
    spoken = speech(request)
    return plain({"marks": [said(mark, called, caller.actor, spoken) for mark in found]})


@ROUTES.get("/api/items/{item}/marks")
async def list_item_marks(request: web.Request) -> web.Response:
    """Those of cases that the caller may see; of others not even that there are any."""
    caller, id_ = await allowed(request, Right.READ), request.match_info["item"]
    m, c = tables.mark, tables.case.c
    query = (
        select(m)
        .where(
            m.c.item == id_,
            m.c.withdrawn_index.is_(None),
            m.c.case.in_(select(c.id).where(case_list.seen(visible_to(request, "case.read")))),
        )
        .order_by(m.c.start_ms, m.c.made_index)
    )
    async with request.app[PARTS].database.read() as conn:
        await queries.item(conn, id_)
        found = [Mark(*row) for row in (await conn.execute(query)).all()]
        names = await trail.names_of(conn, {mark.actor for mark in found})
    called = {actor: shown.visible(name) for actor, name in names.items() if name}
    spoken = speech(request)
    return plain({"marks": [said(mark, called, caller.actor, spoken) for mark in found]})


@ROUTES.post("/api/cases/{case}/marks")
async def make_mark(request: web.Request) -> web.Response:
    caller = await allowed(request, Right.CASE)
    body, case = await request.json(), request.match_info["case"]
    source = "person" if caller.person is not None else body.get("source", "person")
    id_, event = await marks.make(
        request.app[PARTS].ledger, caller.actor, case, _wording(body),
        source=source, item=body.get("item"),
    )  # fmt: skip
    return plain(recorded(event.index, event.leaf, {"mark": id_}), 201)


@ROUTES.post("/api/cases/{case}/marks/{mark}/changes")
async def change_mark(request: web.Request) -> web.Response:
    caller = await allowed(request, Right.CASE)
    body, at = await request.json(), request.match_info
    event = await marks.change(
        request.app[PARTS].ledger, caller.actor, at["case"], at["mark"], _wording(body),
        reason=body["reason"],
    )  # fmt: skip
    return plain(recorded(event.index, event.leaf), 201)


@ROUTES.post("/api/cases/{case}/marks/{mark}/withdrawal")
async def withdraw_mark(request: web.Request) -> web.Response:
    caller = await allowed(request, Right.CASE)
    body, at = await request.json(), request.match_info
    event = await marks.withdraw(
        request.app[PARTS].ledger, caller.actor, at["case"], at["mark"], reason=body["reason"]
    )
    return plain(recorded(event.index, event.leaf), 201)


def _wording(body: dict[str, Any]) -> Wording:
    start_ms = parse_time(body["start"])
    end_ms = parse_time(body["end"]) if "end" in body else start_ms
    return Wording(start_ms, end_ms, body.get("category", "key"), body["text"])
