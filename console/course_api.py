"""The API of what happens in a case: points, stages, documents, coverage, filing, the time line.

Guarantee: an act (`how: act`, filing) is refused with everything that it lacks, in the caller's
language; a fact is recorded whatever it is.  Every accepted call leaves exactly one entry in the
case's chain (and one in the other case's, where two are joined and the caller may write there).
Not covered: asking and deciding (`console.asking_api`).
"""

from collections.abc import Callable, Collection, Hashable, Iterable
from typing import Any, TypeVar

from aiohttp import web
from sqlalchemy import Connection

from cases import course_acts, filing, judging, marks, policy, standing, timeline
from cases.course import Moment, NoProcedureError, Paper, Step
from cases.judging import Judged
from cases.kept import Kept, Made
from cases.procedure import draw
from cases.recorded import OfCase, Recorded, Told
from cases.recording.verdicts import Hole, Verdict, summary
from console import course_said
from console.answers import allowed, plain, speech
from console.guard import is_permitted, permit
from console.i18n import Speech
from console.parts import PARTS
from console.told import telling
from storage.access import Caller, Right
from storage.ledger import Event
from verify.entries import format_time, parse_time

ROUTES = web.RouteTableDef()
T = TypeVar("T")


def _recorded(event: Event, **more: Any) -> web.Response:
    told = more | {"marks": list(event.fields.get("marks", []))}
    return plain(course_said.recorded(event.index, event.leaf, told), 201)


def _roles(caller: Caller) -> Collection[str] | None:
    """Whose part an act must be; a program's is whichever it says."""
    return None if caller.person is None else caller.roles


@ROUTES.post("/api/cases/{case}/points")
async def add_point(request: web.Request) -> web.Response:
    """A time point; a correction names the entry that it replaces."""
    caller = await allowed(request, Right.CASE)
    parts, body = request.app[PARTS], await request.json()
    event = await course_acts.record_point(
        parts.ledger, caller.actor, request.match_info["case"], Moment(**body),
        now_ms=parts.clock.now_ms(),
    )  # fmt: skip
    return _recorded(event)


@ROUTES.post("/api/cases/{case}/stages")
async def add_stage(request: web.Request) -> web.Response:
    """A transition taken here, or a stage or an exit that happened."""
    caller = await allowed(request, Right.CASE)
    parts, body, case = request.app[PARTS], await request.json(), request.match_info["case"]
    await permit(request, "case.act" if body["how"] == "act" else "case.fact", "case", case)
    there = True
    if (other := body.get("other")) is not None:
        there = await is_permitted(request, "case.fact", "case", other)
        if body["how"] == "act":
            await permit(request, "case.fact", "case", other)
    async with telling(request, case):
        event = await course_acts.record_step(
            parts.ledger, caller.actor, case, Step(**body), now_ms=parts.clock.now_ms(),
            roles=_roles(caller), there=there,
        )  # fmt: skip
    return _recorded(event, stage=event.fields["stage"], exit=event.fields.get("exit"))


@ROUTES.post("/api/cases/{case}/documents")
async def add_document(request: web.Request) -> web.Response:
    """A document issued here, or one that exists."""
    caller = await allowed(request, Right.CASE)
    parts, body, case = request.app[PARTS], await request.json(), request.match_info["case"]
    await permit(request, "case.act" if body["how"] == "act" else "case.fact", "case", case)
    if body.get("item") is not None:
        await permit(request, "item.read", "item", body["item"])
    async with telling(request, case):
        event = await course_acts.record_document(
            parts.ledger, caller.actor, case, Paper(**body), now_ms=parts.clock.now_ms(),
            zone=parts.settings.zone, roles=_roles(caller),
        )  # fmt: skip
    return _recorded(event, document=event.fields["document"], number=event.fields.get("number"))


async def _standing(request: web.Request) -> standing.Standing:
    await allowed(request, Right.READ)
    async with request.app[PARTS].database.read() as conn:
        return await conn.run_sync(standing.read, request.match_info["case"])


@ROUTES.get("/api/cases/{case}/points")
async def list_points(request: web.Request) -> web.Response:
    now, spoken = await _standing(request), speech(request)
    live = {p.index for p in now.live_points}
    points = [course_said.point(now.procedure, p, spoken, live=p.index in live) for p in now.points]
    return plain({"points": points})


@ROUTES.get("/api/cases/{case}/stages")
async def list_stages(request: web.Request) -> web.Response:
    now, spoken = await _standing(request), speech(request)
    return plain({"stages": [course_said.stage(now.procedure, s, spoken) for s in now.stages]})


@ROUTES.get("/api/cases/{case}/documents")
async def list_documents(request: web.Request) -> web.Response:
    now, spoken = await _standing(request), speech(request)
    documents = [course_said.document(now.procedure, d, spoken) for d in now.documents]
    return plain({"documents": documents})


# --- coverage and filing --------------------------------------------------------------------


KEPT: web.AppKey[Kept] = web.AppKey("KEPT", Kept)
RECORDED: web.AppKey[Recorded] = web.AppKey("RECORDED", Recorded)
"""Answers and recordings of cases as they were last; `create_app` makes both."""

Tell = Callable[[Connection, Judged, OfCase], tuple[dict[str, Any], str]]
"""Members of an answer, and more of them as JSON text."""


async def _answer(request: web.Request, what: str, tell: Tell) -> web.Response:
    """JSON made of the coverage and the recordings, kept until an entry touches the case."""
    parts, case, spoken = request.app[PARTS], request.match_info["case"], speech(request)
    now_ms, kept, recorded = parts.clock.now_ms(), request.app[KEPT], request.app[RECORDED]

    def body(conn: Connection) -> bytes:
        def made() -> Made[bytes]:
            judged, found = recorded.judged(conn, case, now_ms)
            value, more = tell(conn, judged, found)
            text = f"{timeline.to_text(value)[:-1]},{more}}}".encode()
            return Made(text, found.items, len(text) + 100 * len(found.items))

        version = policy.in_force(conn, now_ms).version  # its day may come without an entry
        key = what, request.query_string, spoken.language, version
        return kept.of(conn, case, key, made)

    async with parts.database.read() as conn:
        found = await conn.run_sync(body)
    return web.Response(body=found, content_type="application/json", charset="utf-8")


def _list(
    found: OfCase,
    name: str,
    spoken: Speech,
    values: Iterable[tuple[Hashable, T]],
    say: Callable[[T], Any],
) -> str:
    """A member of an answer: a list of values, each with its key; one that is as it was when it was
    told last is not told again, and of others nothing stays."""
    at = name, spoken.language
    before, now, texts = found.told.get(at, {}), Told(), list[str]()
    for key, value in values:
        one = before.get(key)
        if one is None or one[0] != value:
            one = value, timeline.to_text(say(value))
        now[key] = one
        texts.append(one[1])
    found.told[at] = now
    return f'"{name}":[{",".join(texts)}]'


@ROUTES.get("/api/cases/{case}/coverage")
async def coverage(request: web.Request) -> web.Response:
    """The verdicts as of now; nothing is recorded."""
    await allowed(request, Right.READ)
    spoken = speech(request)

    def tell(_conn: Connection, found: Judged, recorded: OfCase) -> tuple[dict[str, Any], str]:
        counts, known = summary(found.verdicts), found.standing.procedure
        verdicts = _list(
            recorded, "verdicts", spoken,
            (((judging.key_of(v), v.occasion), v) for v in found.verdicts),
            lambda v: course_said.verdict(known, v, spoken),
        )  # fmt: skip
        value = {
            "case": found.standing.case.id, "procedure": found.standing.case.procedure,
            "rules": list(found.rules), "policy": found.policy.version,
            "recordings": found.tracks, "untimed": found.untimed,
            "summary": {
                "must": counts.must, "may": counts.may, "not_due": counts.not_due,
                "missing_ms": counts.missing_ms, "unexplained": counts.unexplained,
            },
        }  # fmt: skip
        return value, verdicts

    return await _answer(request, "coverage", tell)


@ROUTES.post("/api/cases/{case}/judgements")
async def judge(request: web.Request) -> web.Response:
    """Keep the verdicts of now, with the versions that they are given under."""
    caller = await allowed(request, Right.CASE)
    parts, body = request.app[PARTS], await request.json()
    event = await judging.record(
        parts.ledger, caller.actor, request.match_info["case"], why=body.get("why", "asked"),
        now_ms=parts.clock.now_ms(),
    )  # fmt: skip
    fields = event.fields
    told = {
        "rules": fields["rules"], "policy": fields["policy"],
        "procedure": fields.get("procedure"), "verdicts": fields["verdicts"],
    }  # fmt: skip
    return plain(course_said.recorded(event.index, event.leaf, told), 201)


@ROUTES.post("/api/cases/{case}/filing")
async def file_case(request: web.Request) -> web.Response:
    """File the case 归档."""
    caller = await allowed(request, Right.CASE)
    parts, body, case = request.app[PARTS], await request.json(), request.match_info["case"]
    async with telling(request, case):
        event = await filing.record(
            parts.ledger, caller.actor, case, leader=body.get("leader"),
            reason=body.get("reason"), now_ms=parts.clock.now_ms(),
        )  # fmt: skip
    told = {"defects": list(event.fields["defects"]), "leader": event.fields.get("leader")}
    return plain(course_said.recorded(event.index, event.leaf, told), 201)


# --- seeing it whole ------------------------------------------------------------------------


def _hole(value: Hole, of: Verdict, spoken: Speech) -> dict[str, Any]:
    more = {"rule": judging.key_of(of), "occasion": of.occasion, "must": of.rule.must}
    return course_said.hole(value, spoken) | more


@ROUTES.get("/api/cases/{case}/timeline")
async def time_line(request: web.Request) -> web.Response:
    """Recordings, stages, points, documents, holes and marks on one axis."""
    await allowed(request, Right.READ)
    query, spoken = request.query, speech(request)
    bounds = {
        name: parse_time(query[key]) if key in query else None
        for name, key in (("from_ms", "from"), ("to_ms", "to"))
    }
    most = int(query.get("limit", timeline.MOST))

    def tell(conn: Connection, judged: Judged, found: OfCase) -> tuple[dict[str, Any], str]:
        now, known = judged.standing, judged.standing.procedure
        if found.page is None or found.page[0] != request.query_string:
            tracks, next_ms, texts = timeline.recordings(
                found.rows, limit=most, before=found.texts, **bounds
            )
            if not request.query_string:
                found.texts = texts
            next_ = None if next_ms is None else format_time(next_ms)
            found.page = request.query_string, f'{tracks},"next":{timeline.to_text(next_)}'
        value = {
            "case": now.case.id,
            "stages": [course_said.stage(known, s, spoken) for s in now.stages],
            "filings": [course_said.filing(f) for f in now.filings],
            "marks": [course_said.marked(m, spoken) for m in marks.of_case(conn, now.case.id)],
        }
        holes = (
            ((judging.key_of(v), v.occasion, at), (h, v))
            for v in judged.verdicts
            for at, h in enumerate(v.holes)
            if h.state != "below_threshold"
        )
        lists = (
            _list(
                found, "points", spoken, ((p.index, p) for p in now.live_points),
                lambda p: course_said.point(known, p, spoken, live=True),
            ),
            _list(
                found, "documents", spoken, ((d.id, d) for d in now.documents),
                lambda d: course_said.document(known, d, spoken),
            ),
            _list(found, "holes", spoken, holes, lambda both: _hole(*both, spoken)),
        )  # fmt: skip
        return value, ",".join((*lists, found.page[1]))

    return await _answer(request, "timeline", tell)


@ROUTES.get("/api/cases/{case}/procedure.svg")
async def case_drawing(request: web.Request) -> web.Response:
    """The procedure with the case on it."""
    await allowed(request, Right.READ)
    parts, case = request.app[PARTS], request.match_info["case"]
    now_ms, recorded = parts.clock.now_ms(), request.app[RECORDED]
    async with parts.database.read() as conn:
        found, _ = await conn.run_sync(lambda c: recorded.judged(c, case, now_ms))
    known = found.standing.procedure
    if known is None:
        raise NoProcedureError(f"case {found.standing.case.id}: expected a procedure, got none")
    language = request.query.get("language", speech(request).language)
    text = draw.svg(known, found.standing.state, language, coverage=judging.by_stage(found))
    return drawing(text)


def drawing(text: str) -> web.Response:
    """An SVG as an answer."""
    return web.Response(
        text=text, content_type="image/svg+xml", charset="utf-8",
        headers={"Cache-Control": "private, no-cache"},
    )  # fmt: skip
