"""The page of a case: where it stands, what its recordings cover, what happened, what stays marked.

Guarantee: the page says what the API says, in the same words, from one reading of the database;
marks stand at the top, whatever else is shown.
Not covered: editing by forms other than those of the page; the API has all acts.
"""

from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from cases import approvals, judging, queries, standing, trail
from cases.inbox.queries import late_ones
from cases.recording.verdicts import Verdict
from console import asking_api, course_said, inbox_api, items, said, strip, words
from console.access import CALLER
from console.answers import allowed, speech
from console.cases_api import course, with_filers
from console.i18n import Speech
from console.masking import masked
from console.pages import render
from console.parts import PARTS
from console.rooms import HOME_ROWS, TRAIL_ROWS, steps_of
from storage.access import Right

ROUTES = web.RouteTableDef()
CAUSES = approvals.CAUSES


@ROUTES.get("/cases/{case}")
async def case(request: web.Request) -> web.Response:
    await allowed(request, Right.READ)
    parts, spoken, id_ = request.app[PARTS], speech(request), request.match_info["case"]
    now_ms = parts.clock.now_ms()

    def read(conn: Connection) -> tuple[judging.Judged, dict[str, Any]]:
        judged = judging.read(conn, id_, now_ms)
        asked = standing.marked_requests(conn, id_)
        days = judged.policy.holidays.days()
        return judged, course(judged.standing, asked, spoken, now_ms, days)

    async with parts.database.read() as conn:
        row = await queries.case(conn, id_)
        judged, told = await conn.run_sync(read)
        told = await with_filers(conn, told)
        linked = await queries.items_of_case(
            conn, id_, cursor=request.query.get("items"), limit=HOME_ROWS
        )
        beside = await conn.run_sync(items.beside_of, [one.item for one in linked.rows])
        ids = [one.item.id for one in linked.rows]
        attributed = await conn.run_sync(inbox_api.attributed, ids, spoken)
        late = await conn.run_sync(late_ones, ids)
        steps = await trail.trail(
            conn, "case", id_, after=request.query.get("trail"), limit=TRAIL_ROWS
        )
        steps = queries.Page(await masked(conn, request, steps.rows, case=id_), steps.next)
        names = await words.names_in(conn, steps.rows)
    inbox = await inbox_api.inbox_page(
        request, inbox_api.asked_by(request), cursor=None, rows=HOME_ROWS
    )
    known = judged.standing.procedure
    verdicts = [course_said.verdict(known, v, spoken) for v in judged.verdicts]
    lanes = [
        strip.Lane(v["matter"], _short(value, spoken), value)
        for v, value in zip(verdicts, judged.verdicts, strict=True)
    ]
    return await render(
        request,
        "case.html",
        case=row,
        told=told,
        verdicts=verdicts,
        judged=judged,
        strip=strip.strip(lanes, spoken),
        causes=CAUSES,
        linked=linked,
        attributed=attributed,
        approvals=await asking_api.approvals_value(request, "waiting", HOME_ROWS, case=id_),
        me=request[CALLER].person,
        late=late,
        beside=beside,
        states={one.item.id: said.state(beside[one.item.id].state, spoken) for one in linked.rows},
        waiting=inbox["items"],
        stages=[]
        if known is None
        else [(s.code, s.label.text(spoken.language)) for s in known.stages],
        steps=steps_of(steps, spoken, names),
        steps_next=steps.next,
    )


def _short(value: Verdict, spoken: Speech) -> str:
    """The verdict beside its lane: the word, and the seconds that are missing."""
    word = spoken(f"verdict.{value.verdict}")
    if value.verdict != "partial" or not value.missing_ms:
        return word
    told = spoken("hole.seconds", seconds=course_said.seconds(value.missing_ms))
    return spoken.listed([word, told])
