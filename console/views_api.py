"""Routes of views: ask for one, serve it, close it."""

import asyncio

from aiohttp import web

from console import media
from console.answers import allowed, plain
from console.guard import permit_case
from console.media import VIEWS
from console.parts import PARTS
from storage.access import Right
from verify.entries import format_time

ROUTES = web.RouteTableDef()


@ROUTES.post("/api/items/{item}/views")
async def grant(request: web.Request) -> web.Response:
    caller = await allowed(request, Right.READ)
    body, item = await request.json(), request.match_info["item"]
    await permit_case(request, body.get("case"))
    live = await asyncio.to_thread(request.app[PARTS].live.watch, item)
    granted = await request.app[VIEWS].grant(
        caller,
        item,
        what=body["what"],
        purpose=body["purpose"],
        case=body.get("case"),
        live=live is not None,
    )
    url = f"/api/views/{granted.view}/media"
    return plain({"view": granted.view, "until": format_time(granted.until_ms), "url": url}, 201)


@ROUTES.get("/api/views/{view}/media")
async def serve(request: web.Request) -> web.StreamResponse:
    return await media.serve(request)


@ROUTES.post("/api/views/{view}/close")
async def close(request: web.Request) -> web.Response:
    caller = await allowed(request, Right.READ)
    views = request.app[VIEWS]
    view = await views.of(caller, request.match_info["view"])
    await views.close(view, actor=caller.actor)
    return web.Response(status=204)
