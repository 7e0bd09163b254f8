"""The API of numbers: counts and rates of units, and what is missing in cases that are open.

Guarantee: only units that the caller oversees are counted, and of nothing private that he may not
see; what is missing is told of cases that the list of cases would show him, in their words.
Not covered: what the numbers mean (`cases.statistics` defines each).
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import Connection, select

from cases import case_list, judging, statistics
from cases.recording.verdicts import unexplained
from cases.statistics import Asked, By, Counts, Place
from console import course_api, course_said
from console.answers import allowed, limit, plain, speech
from console.guard import visible_to
from console.parts import PARTS
from storage import tables
from storage.access import Right, Visible
from verify.entries import format_time
from verify.errors import MalformedError

ROUTES = web.RouteTableDef()
MOST_CASES = 50  # each is judged for the answer
_USUAL_WEEKS = 12
_BY: dict[str, By] = {"day": "day", "week": "week", "month": "month"}


@ROUTES.get("/api/statistics")
async def numbers(request: web.Request) -> web.Response:
    """Counts and rates: by unit over the whole span, and by period over all units."""
    await allowed(request, Right.READ)
    parts, unit = request.app[PARTS], request.query.get("unit")
    zone, now_ms = str(parts.settings.zone), parts.clock.now_ms()
    first, last = _span(request, zone, now_ms)
    visible = visible_to(request, "statistics.read")
    async with parts.database.read() as conn:
        units = None if unit is None else await conn.run_sync(case_list.units_below, unit)
        asked = Asked(first, last, _BY[request.query.get("by", "week")], zone, now_ms, units)
        found = await conn.run_sync(lambda c: statistics.found(c, asked, visible))
        rows = await conn.run_sync(lambda c: _units(c, found.units, visible, units))
    return plain(
        {
            "first": first.isoformat(), "last": last.isoformat(), "by": asked.by,
            "policy": found.policy, "total": said_counts(found.total), "units": rows,
            "periods": [
                {
                    "start": format_time(one.start_ms), "end": format_time(one.end_ms),
                    **said_counts(one.counts),
                }
                for one in found.periods
            ],
        }
    )  # fmt: skip


def said_counts(counts: Counts) -> dict[str, Any]:
    """Counts and the rates that follow from them."""
    return {"counts": asdict(counts), "rates": counts.rates()}


def _span(request: web.Request, zone: str, now_ms: int) -> tuple[date, date]:
    """The days asked for; else the twelve weeks that end with this one, from a Monday."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(zone)).date()
    last = _day(request, "last") or today
    first = _day(request, "first") or last - timedelta(days=last.weekday() + 7 * (_USUAL_WEEKS - 1))
    return first, last


def _day(request: web.Request, name: str) -> date | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as exc:
        raise MalformedError(f"{name}: expected a day as 2026-11-27, got {text!r:.20}") from exc
    if not 1971 <= day.year <= 9000:
        raise MalformedError(f"{name}: expected a day from 1971 to 9000, got {text!r:.20}")
    return day


def _units(
    conn: Connection,
    counted: Mapping[Place, Counts],
    visible: Visible,
    only: frozenset[str] | None,
) -> list[dict[str, Any]]:
    """Every unit that may be counted, also one of which there is nothing, and what has no unit."""
    known = statistics.visible_units(conn, visible)
    names = {id_: name for id_, _, name, _ in known}
    above = {id_: parent for id_, _, _, parent in known}
    organs = {organ for organ, _ in counted} | {organ for _, organ, _, _ in known}
    o = tables.organ.c
    titles: dict[str, str] = {
        row.id: row.name
        for row in conn.execute(select(o.id, o.name).where(o.id.in_(organs - {None})))
    }
    places = {(organ, id_): statistics.NOTHING for id_, organ, _, _ in known}
    if only is not None:
        places = {place: nothing for place, nothing in places.items() if place[1] in only}
    places |= counted
    rows = [
        {
            "organ": _named(organ, titles), "unit": _named(unit, names),
            "parent": above.get(unit or ""), **said_counts(counts),
        }
        for (organ, unit), counts in places.items()
    ]  # fmt: skip
    return sorted(
        rows,
        key=lambda row: (
            "" if row["organ"] is None else row["organ"]["name"],
            row["unit"] is None,
            "" if row["unit"] is None else row["unit"]["name"],
        ),
    )


def _named(id_: str | None, names: Mapping[str, str]) -> dict[str, str] | None:
    return None if id_ is None else {"id": id_, "name": names.get(id_, "")}


@ROUTES.get("/api/missing")
async def missing(request: web.Request) -> web.Response:
    """Of open cases, newest first: what must be recorded, is due, and is neither there nor explained."""
    caller = await allowed(request, Right.READ)
    parts, spoken, query = request.app[PARTS], speech(request), request.query
    zone, now_ms = str(parts.settings.zone), parts.clock.now_ms()
    low, high = (_day(request, name) for name in ("first", "last"))
    low_ms = statistics.midnight(low, zone) if low else 0
    high_ms = statistics.midnight(high + timedelta(days=1), zone) if high else 1 << 60
    person = query.get("person")
    if person == "me":
        person = caller.person or "nobody"  # a program has none of its own
    wanted = case_list.Filter(state="open", unit=query.get("unit"), person=person)
    recorded = request.app[course_api.RECORDED]

    def lacks(conn: Connection, row: Any) -> dict[str, Any] | None:
        found, _ = recorded.judged(conn, row.id, now_ms)
        open_ = [
            verdict
            for verdict in unexplained(found.verdicts)
            if low_ms <= judging.should_start(found, verdict) < high_ms
        ]
        if not open_:
            return None
        known = found.standing.procedure
        said = [course_said.verdict(known, verdict, spoken) for verdict in open_]
        return {"case": course_said.row(row, spoken), "verdicts": said}

    async with parts.database.read() as conn:
        page = await conn.run_sync(
            case_list.found, wanted, visible_to(request, "case.read"),
            cursor=query.get("cursor"), limit=min(limit(request, 20), MOST_CASES),
        )  # fmt: skip
        told = [await conn.run_sync(lacks, row) for row in page.rows]
    cases = [one for one in told if one is not None]
    return plain({"looked_at": len(page.rows), "cases": cases, "next": page.next})
