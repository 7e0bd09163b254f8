"""The API of what comes next: where open cases stand, their running deadlines, whose turn it is.

Guarantee: only cases that the list of cases would show the caller; a deadline that was met is not
told, one that is over is.
Not covered: cases further down the list than the page that was asked for; `next` says that there
are more.
"""

from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from cases import case_list, policy, standing
from cases.procedure import clocks, machine
from console import course_said
from console.answers import allowed, limit, plain, speech
from console.guard import visible_to
from console.parts import PARTS
from storage.access import Right

ROUTES = web.RouteTableDef()
MOST_CASES = 50  # each is read whole for the answer


@ROUTES.get("/api/upcoming")
async def upcoming(request: web.Request) -> web.Response:
    """Of open cases, newest first: the stage, deadlines not met yet, roles whose act is next."""
    caller = await allowed(request, Right.READ)
    parts, spoken, query = request.app[PARTS], speech(request), request.query
    now_ms = parts.clock.now_ms()
    person = query.get("person")
    if person == "me":
        person = caller.person or "nobody"  # a program has none of its own
    wanted = case_list.Filter(state="open", unit=query.get("unit"), person=person)

    def told(conn: Connection, row: Any) -> dict[str, Any]:
        now = standing.read(conn, row.id)
        known, running, turns = now.procedure, [], set[str]()
        if known is not None:
            days = policy.in_force(conn, now_ms).holidays.days()
            running = clocks.deadlines(known, now.state, spoken.zone, now_ms, days=days)
            for way in machine.allowed_transitions(known, now.state):
                turns.update(way.by)
        return {
            "case": course_said.row(row, spoken), "stage": course_said.stage_now(now, spoken),
            "deadlines": [course_said.deadline(one, spoken) for one in running
                if one.met_ms is None and one.ended_ms is None
            ],
            "turns": sorted(turns),
        }  # fmt: skip

    visible, size = visible_to(request, "case.read"), min(limit(request, 20), MOST_CASES)

    def read(conn: Connection) -> dict[str, Any]:
        page = case_list.found(conn, wanted, visible, cursor=query.get("cursor"), limit=size)
        return {"cases": [told(conn, row) for row in page.rows], "next": page.next}

    return plain(await parts.database.ask(read))
