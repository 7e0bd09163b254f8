"""For operators and load balancers: alive, ready, numbers."""

from aiohttp import web

from console.answers import allowed, plain
from console.parts import PARTS
from storage.access import Right
from verify.errors import EvidenceError

ROUTES = web.RouteTableDef()


@ROUTES.get("/healthz")
async def alive(_request: web.Request) -> web.Response:
    """The process answers.  Nothing else is asked."""
    return plain({"status": "ok"})


@ROUTES.get("/readyz")
async def ready(request: web.Request) -> web.Response:
    """Whether this server can record: names of parts that cannot, no inside of theirs."""
    parts = request.app[PARTS]
    wrong = dict(await parts.ready())
    try:
        async with parts.database.read() as conn:
            await conn.exec_driver_sql("SELECT 1")
    except EvidenceError:
        wrong["database"] = "away"
    if not parts.ledger.is_open:
        wrong["ledger"] = "halted" if parts.ledger.halted is not None else "not-compared"
    if wrong:
        body = {"status": "not-ready", "parts": sorted(wrong)}
        response = plain(body, 503)
        response.headers["Retry-After"] = "5"
        return response
    return plain({"status": "ok"})


@ROUTES.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    await allowed(request, Right.ADMIN)
    parts = request.app[PARTS]
    async with parts.database.read() as conn:
        body = await parts.metrics.text(conn, parts.clock.now_ms())
    return web.Response(
        body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )
