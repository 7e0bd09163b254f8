"""The API of cases: finding, opening, describing one.

Guarantee: a list shows what its caller may see and nothing else; the case of another system is
opened once, whoever asks how often.
Not covered: what happens in a case (`console.course_api`).
"""

from collections.abc import Sequence
from typing import Any

from aiohttp import web
from sqlalchemy import Connection, Row
from sqlalchemy.ext.asyncio import AsyncConnection

from cases import acts, case_list, judging, policy, queries, rules, standing, trail
from cases.calendar import LocalDays
from cases.inbox import queries as inbox_queries
from cases.procedure import clocks, machine
from cases.recording.verdicts import unexplained
from cases.standing import Marked, Standing
from console import course_said, inbox_api, items, said, sharing
from console.answers import allowed, limit, moment, out_of_time, plain, speech, tagged
from console.errors import NumberTakenError, OtherOrganError
from console.guard import permit_owner, visible_to
from console.i18n import Speech
from console.matrix import Owner
from console.parts import PARTS
from console.registers_api import named
from storage.access import Caller, Right
from verify.errors import ConflictError, MalformedError

ROUTES = web.RouteTableDef()


@ROUTES.get("/api/cases")
async def list_cases(request: web.Request) -> web.Response:
    """Cases that the caller may see, in the order and by what is asked."""
    caller = await allowed(request, Right.READ)
    query, leader = request.query, request.query.get("leader")
    if leader == "me":
        leader = caller.person or ""  # a program leads nothing
    truth = {"true": True, "false": False}
    wanted = case_list.Filter(
        text=query.get("text"), organ=query.get("organ"), unit=query.get("unit"),
        person=query.get("person"), procedure=query.get("procedure"), state=query.get("state"),
        marked=truth.get(query.get("marked", "")), leader=leader, device=query.get("device"),
        place=query.get("place"), from_ms=moment(request, "from"),
        until_ms=moment(request, "until"),
    )  # fmt: skip
    visible, size, spoken = visible_to(request, "case.read"), limit(request), speech(request)
    cursor, order, test = query.get("cursor"), query.get("sort", "newest"), _test(request)

    def read(conn: Connection) -> dict[str, Any]:
        if test is None:
            page = case_list.found(conn, wanted, visible, cursor=cursor, limit=size, order=order)
            found = case_list.Sifted(page, len(page.rows))
        else:
            found = case_list.sifted(
                conn, wanted, visible, test, cursor=cursor, limit=size, order=order,
                enough=out_of_time(),
            )  # fmt: skip
        bearing = case_list.marked_among(conn, [row.id for row in found.page.rows])
        rows = [course_said.row(c, spoken) | {"marked": c.id in bearing} for c in found.page.rows]
        return {"cases": rows, "next": found.page.next, "looked_at": found.looked_at}

    return plain(await request.app[PARTS].database.ask(read))


def _test(request: web.Request) -> case_list.Test | None:
    """What must be reckoned of a case to say whether it is asked for: its deadlines, its coverage."""
    overdue, hole = (request.query.get(name) == "true" for name in ("overdue", "hole"))
    if not (overdue or hole):
        return None
    parts = request.app[PARTS]
    now_ms, zone = parts.clock.now_ms(), parts.settings.zone

    def test(conn: Connection, row: Row[Any]) -> bool:
        if overdue:
            now = standing.read(conn, row.id)
            days = policy.in_force(conn, now_ms).holidays.days()
            known = now.procedure
            if known is None or not any(
                one.overdue and one.met_ms is None and one.ended_ms is None
                for one in clocks.deadlines(known, now.state, zone, now_ms, days=days)
            ):
                return False
        return not hole or bool(unexplained(judging.read(conn, row.id, now_ms).verdicts))

    return test


def _place(caller: Caller, body: dict[str, Any]) -> tuple[str | None, str | None]:
    """Organ and unit of a new case: as said, else the caller's own."""
    organ = body.get("organ") or caller.organ
    unit = body.get("unit")
    if unit is None and caller.person is not None and organ == caller.organ:
        unit = caller.unit
    return organ, unit


@ROUTES.post("/api/cases")
async def open_case(request: web.Request) -> web.Response:
    """Open a case, or answer the one that the same system opened before."""
    caller = await allowed(request, Right.CASE)
    body = await request.json()
    if body.get("procedure") is None and not body.get("kind"):
        raise MalformedError("case: expected a procedure or a kind, got neither")
    organ, unit = _place(caller, body)
    people = body.get("people") or ([caller.person] if caller.person is not None else [])
    if caller.organ is not None or caller.person is not None:
        own = (organ, unit) == (caller.organ, caller.unit) and caller.person is not None
        owner = Owner(
            frozenset({caller.person or ""} if own else ()),
            frozenset({unit} if unit else ()),
            frozenset({organ} if organ else ()),
        )
        await permit_owner(request, "case.open", owner)
    placed = rules.Placed(
        organ=organ, unit=unit, people=people, parties=body.get("parties", []),
        place=body.get("place"), private=body.get("private", False),
        viewers=body.get("viewers", []), external=body.get("external"),
    )  # fmt: skip
    try:
        id_, new = await acts.open_placed(
            request.app[PARTS].ledger, caller.actor, number=body["number"], kind=body.get("kind"),
            title=body["title"], officers=body.get("officers", []),
            procedure=body.get("procedure"), placed=placed,
            theirs=sharing.theirs(caller, "case.read"),
        )  # fmt: skip
    except OtherOrganError:
        raise
    except ConflictError as error:
        raise NumberTakenError(str(error)) from error
    response = plain({"id": id_, "url": f"/cases/{id_}"}, 201 if new else 200)
    response.headers["Location"] = f"/api/cases/{id_}"
    return response


@ROUTES.post("/api/cases/{case}/changes")
async def change_case(request: web.Request) -> web.Response:
    """Describe the case anew; what is not said stays."""
    caller = await allowed(request, Right.CASE)
    body = await request.json()
    reason, read_index = body.pop("reason"), body.pop("changed_index", None)
    if caller.person is not None and "unit" in body:
        owner = Owner(units=frozenset({body["unit"]}), organs=frozenset({caller.organ or ""}))
        await permit_owner(request, "case.open", owner)
    event = await acts.change_case(
        request.app[PARTS].ledger, caller.actor, request.match_info["case"], changes=body,
        reason=reason, read_index=read_index, theirs=sharing.theirs(caller, "case.change"),
    )  # fmt: skip
    return plain(course_said.recorded(event.index, event.leaf), 201)


# --- one case -------------------------------------------------------------------------------


@ROUTES.get("/api/cases/{case}")
async def get_case(request: web.Request) -> web.Response:
    """The case, its course, and a page of its recordings."""
    await allowed(request, Right.READ)
    id_ = request.match_info["case"]
    async with request.app[PARTS].database.read() as conn:
        case = await queries.case(conn, id_)
        page = await queries.items_of_case(
            conn, id_, cursor=request.query.get("cursor"), limit=limit(request)
        )
        beside = await conn.run_sync(items.beside_of, [linked.item for linked in page.rows])
        ids, spoken = [linked.item.id for linked in page.rows], speech(request)
        late = await conn.run_sync(inbox_queries.late_ones, ids)
        whose = await conn.run_sync(inbox_api.attributed, ids, spoken)
        course = await _course(conn, request, id_)
        count = await queries.count_of_case(conn, id_)
    linked = [
        said.item(row.item, said.state(beside[row.item.id].state, spoken))
        | {
            "stage": row.stage, "reason": row.reason, "linked_index": row.linked_index,
            "attribution": whose.get(row.item.id),
            "late": inbox_api.said_late(late.get(row.item.id)),
        }
        for row in page.rows
    ]  # fmt: skip
    counted = {"items": linked, "item_count": count, "next": page.next}
    return tagged(request, said.case(case, spoken) | course | counted)


async def _course(conn: AsyncConnection, request: web.Request, case: str) -> dict[str, Any]:
    now_ms, spoken = request.app[PARTS].clock.now_ms(), speech(request)

    def read(sync: Connection) -> dict[str, Any]:
        now = standing.read(sync, case)
        days = policy.in_force(sync, now_ms).holidays.days()
        told = course(now, standing.marked_requests(sync, case), spoken, now_ms, days)
        return told | {"named": _named(sync, told)}

    return await with_filers(conn, await conn.run_sync(read))


def _named(conn: Connection, told: dict[str, Any]) -> dict[str, Any]:
    """What the unit, the officers with an account and the viewers of the case are called."""
    people, viewers, unit = told["people"], told["viewers"], told["unit"]
    names = inbox_queries.names(conn, people=[*people, *viewers], units=[unit])
    return {
        "unit": named(unit, names), "people": [named(one, names) for one in people],
        "viewers": [named(one, names) for one in viewers],
    }  # fmt: skip


async def with_filers(conn: AsyncConnection, told: dict[str, Any]) -> dict[str, Any]:
    """The course with the names of those who filed, as they are called now."""
    if not told["filings"]:
        return told
    names = await trail.names_of(conn, {filing["by"] for filing in told["filings"]})
    filings = [filing | {"by_name": names.get(filing["by"])} for filing in told["filings"]]
    return told | {"filings": filings}


def course(
    now: Standing, asked: Sequence[Marked], spoken: Speech, now_ms: int, days: LocalDays
) -> dict[str, Any]:
    """Everything but the recordings, in the caller's language."""
    known = now.procedure
    live = {p.index for p in now.live_points}
    running = []
    if known is not None:
        running = clocks.deadlines(known, now.state, spoken.zone, now_ms, days=days)
    return course_said.placed(now.case) | {
        "procedure": None if known is None else course_said.procedure(known, spoken),
        "vocabulary": course_said.vocabulary(known, spoken),
        "stage": course_said.stage_now(now, spoken),
        "ways": ways(now, spoken, now_ms),
        "deadlines": [course_said.deadline(one, spoken) for one in running],
        "stages": [course_said.stage(known, s, spoken) for s in now.stages],
        "points": [
            course_said.point(known, p, spoken, live=p.index in live) for p in now.points
        ],
        "documents": [course_said.document(known, d, spoken) for d in now.documents],
        "filings": [course_said.filing(f) for f in now.filings],
        "marks": [course_said.mark(known, m, spoken) for m in standing.marks(now, asked)],
    }  # fmt: skip


def ways(now: Standing, spoken: Speech, now_ms: int) -> list[dict[str, Any]]:
    """The transitions out of where the case stands, each with what it still lacks."""
    known = now.procedure
    if known is None:
        return []
    return [
        {
            "transition": way.code, "label": way.label.text(spoken.language), "to": way.to,
            "exit": way.exit, "by": list(way.by),
            "missing": course_said.missing(
                known, machine.transition_lacks(known, now.state, way, now_ms), spoken
            ),
        }
        for way in machine.allowed_transitions(known, now.state)
    ]  # fmt: skip
