"""How far a file that was handed over has come, for whoever handed it over: /api/uploads/{upload}/state.

Guarantee: it says no more of a recording than its receipt does, so that a person who may not look
at it (it is a colleague's) still sees that what he gave is stored, sealed and playable.
Not covered: handing over (`ingest.app`), and looking at recordings (`console.api`).
"""

from typing import Any

from aiohttp import web

from cases import queries
from console import items, said
from console.answers import allowed, speech, tagged
from console.parts import PARTS
from console.rooms import upload_state_of
from storage.access import Right
from verify.entries import format_time

ROUTES = web.RouteTableDef()


@ROUTES.get("/api/uploads/{upload}/state")
async def upload_standing(request: web.Request) -> web.Response:
    await allowed(request, Right.READ)
    async with request.app[PARTS].database.read() as conn:
        row = await queries.upload(conn, request.match_info["upload"])
        if row.item is None:
            return tagged(
                request, {"state": await upload_state_of(request, conn, row), "item": None}
            )
        item = await queries.item(conn, row.item)
        beside = (await conn.run_sync(items.beside_of, [item]))[item.id]
    body: dict[str, Any] = {
        "state": said.state(beside.state, speech(request)),
        "item": {
            "id": item.id, "name": item.name, "size": item.size, "sha256": item.sha256,
            "sealed": format_time(item.sealed_ms), "own": item.upload == row.id,
        },
    }  # fmt: skip
    return tagged(request, body)
