"""For operators and load balancers: alive, ready, numbers."""

import asyncio
from typing import Any

from aiohttp import web

from cases import trail
from console import findings
from console.answers import allowed, plain, speech
from console.census import Counted, growth
from console.parts import PARTS
from storage.access import Right
from verify.entries import format_time
from verify.errors import EvidenceError

ROUTES = web.RouteTableDef()
COUNTED: web.AppKey[Counted] = web.AppKey("COUNTED", Counted)


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


@ROUTES.get("/api/health/system")
async def system(request: web.Request) -> web.Response:
    """What is stuck, late, lost or about to fill, the serious first."""
    await allowed(request, Right.ADMIN)
    parts = request.app[PARTS]
    now_ms = parts.clock.now_ms()
    wrong = dict(await parts.ready())
    if not parts.ledger.is_open:
        wrong["ledger"] = "halted"
    disks, clock = await asyncio.to_thread(lambda: (parts.disks(), parts.clock_sync()))
    census = await request.app[COUNTED].now(parts.database, now_ms)
    per_day = growth(census, {name: disk.device for name, disk in disks.items()})
    spoken = speech(request)
    async with parts.database.read() as conn:
        found = await findings.of_work(conn, now_ms)
        scrubs = (await trail.of_types(conn, ("scrub.done",), limit=1)).rows
    scrub = scrubs[0] if scrubs else None
    found += [
        *findings.of_parts(wrong), *findings.of_disks(disks, per_day),
        *findings.of_copies(census, len(parts.stores)),
        *findings.of_scrub(scrub, census, now_ms), *findings.of_clock(clock),
    ]  # fmt: skip
    found.sort(key=lambda one: one.severity)  # "serious" < "warning"
    return plain(
        {
            "at": format_time(now_ms),
            "findings": [
                {
                    "severity": one.severity, "code": one.code, "about": one.about,
                    "about_text": spoken.choice("job", one.about) if one.code.startswith("job-") else one.about,
                    "count": one.count,
                    "since": None if one.since_ms is None else format_time(one.since_ms),
                }
                for one in found
            ],
            "disks": [
                {
                    "name": name, "total": disk.total, "free": disk.free,
                    "per_day": int(per_day[name]),
                    "days": _whole(findings.days_left(disk, per_day[name])),
                }
                for name, disk in sorted(disks.items())
            ],
            "stores": len(parts.stores),
            "items": census.items,
            "scrub": None if scrub is None else _scrubbed(scrub),
            "clock": None if clock is None else {"synchronised": clock.good, "at_most_ms": clock.at_most_ms},
            "versions": dict(parts.versions),
        }
    )  # fmt: skip


def _whole(days: float | None) -> int | None:
    return None if days is None else int(min(days, 36_500))


def _scrubbed(step: trail.Step) -> dict[str, Any]:
    counts = {
        kind: len(step.fields.get(kind, ())) for kind in ("missing", "changed", "extra", "repaired")
    }
    told = {name: step.fields.get(name, 0) for name in ("checked", "bytes")}
    return {"at": step.at, "index": step.index, **told, **counts}
