"""The API of what cases are judged by: procedures, rule lists, policies.

Guarantee: a file is imported whole or not at all, and what is wrong with it is answered with line
or row and reason; a preview records nothing.  A version, once there, never changes.
Not covered: deciding on a policy (`console.asking_api`): another person does.
"""

from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from cases import approvals, asked, policy, rule_lists, versions
from cases.policy import shipped_value
from cases.procedure import draw
from cases.procedure.load import BadProcedureError
from cases.recording import sheets
from cases.recording.cells import Options
from cases.recording.problems import Problem, Reading, problem
from cases.recording.rules import rule_to_json
from cases.rule_lists import BadRuleListError
from console import course_said
from console.answers import allowed, plain, speech
from console.course_api import drawing
from console.i18n import Speech
from console.media import disposition
from console.parts import PARTS
from console.told import MEMBERS, bad_procedure
from storage.access import Right
from storage.ledger import Draft, random_id
from verify.entries import format_time, parse_time
from verify.errors import MalformedError, NotFoundError

ROUTES = web.RouteTableDef()
KINDS = {
    "text/csv": "csv", "application/json": "json",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}  # fmt: skip
TYPES = {kind: type_ for type_, kind in KINDS.items()}


# --- procedures -----------------------------------------------------------------------------


async def _procedures(request: web.Request) -> list[versions.Known]:
    async with request.app[PARTS].database.read() as conn:
        return await conn.run_sync(versions.procedures)


@ROUTES.get("/api/procedures")
async def list_procedures(request: web.Request) -> web.Response:
    """Every version, those that came with Liuhen among them."""
    await allowed(request, Right.READ)
    spoken = speech(request)
    found = [
        course_said.procedure(known.procedure, spoken)
        | {"digest": known.digest, "organ": known.organ, "index": known.index}
        for known in await _procedures(request)
    ]
    return plain({"procedures": found})


@ROUTES.get("/api/procedures/{name}.svg")
async def procedure_drawing(request: web.Request) -> web.Response:
    """A procedure as a flowchart: its newest version, or the one asked for."""
    await allowed(request, Right.READ)
    name, version = request.match_info["name"], request.query.get("version")
    fit = [
        known.procedure
        for known in await _procedures(request)
        if known.procedure.name == name and version in (None, str(known.procedure.version))
    ]
    if not fit:
        raise NotFoundError(f"procedure: expected a known name and version, got {name:.80}")
    language = request.query.get("language", speech(request).language)
    return drawing(draw.svg(max(fit, key=lambda p: p.version), None, language))


@ROUTES.post("/api/procedures")
async def import_procedure(request: web.Request) -> web.Response:
    """Bring a procedure in; cases that run stay under the version they began with."""
    caller = await allowed(request, Right.ADMIN)
    parts, organ = request.app[PARTS], request.query.get("organ")
    try:
        text = (await request.read()).decode()
    except UnicodeDecodeError as error:
        raise MalformedError("procedure: expected UTF-8, got other bytes") from error

    def decide(conn: Connection) -> list[Draft]:
        if organ is not None:
            asked.must_be_there(conn, "organ", organ)
        return versions.import_procedure(conn, text, caller.actor, organ)

    try:
        events = await parts.ledger.record(f"procedure:{random_id()}", decide)
    except BadProcedureError as error:
        raise bad_procedure(request, error) from error
    if not events:  # this very text was there
        return plain({"index": None, "leaf": None}, 200)
    return plain(course_said.recorded(events[0].index, events[0].leaf), 201)


# --- rule lists -----------------------------------------------------------------------------


async def _reading(request: web.Request) -> Reading:
    kind = KINDS.get(request.content_type)
    if kind is None:
        raise MalformedError(f"body: expected {', '.join(KINDS)}, got {request.content_type:.60}")
    body, query = await request.read(), request.query
    known = await _procedures(request)

    def time(name: str) -> int | None:
        return parse_time(query[name]) if name in query else None

    options = Options(
        name=query.get("name"), version=query.get("version"), valid_from_ms=time("valid_from"),
        valid_to_ms=time("valid_until"), offset_minutes=480,
        points={p.label.zh: p.code for one in known for p in one.procedure.points},
    )  # fmt: skip
    return sheets.read_list(body, kind, options)


def _problem(value: Problem, spoken: Speech) -> dict[str, Any]:
    return {
        "row": value.row, "column": value.column, "code": value.code, "severity": value.severity,
        "text": value.zh if spoken.language.startswith("zh") else value.en,
    }  # fmt: skip


def _told(reading: Reading, spoken: Speech, now_ms: int) -> tuple[list[dict[str, Any]], bool]:
    """What is to be said of a list that was read, and whether it begins before now."""
    found, notes = reading.list, list(reading.problems)
    late = found is not None and found.valid_from_ms < now_ms
    if found is not None and late:
        notes.append(problem(None, "", "backdated", got=format_time(found.valid_from_ms)))
    return [_problem(note, spoken) for note in notes], late


@ROUTES.post("/api/rules/preview")
async def preview_rules(request: web.Request) -> web.Response:
    """What an import would bring, and what is not clear; nothing is recorded."""
    await allowed(request, Right.ADMIN)
    reading, spoken = await _reading(request), speech(request)
    found = reading.list
    told, late = _told(reading, spoken, request.app[PARTS].clock.now_ms())
    return plain({
        "name": None if found is None else found.name,
        "version": None if found is None else found.version,
        "valid_from": None if found is None else format_time(found.valid_from_ms),
        "rules": [] if found is None else [rule_to_json(rule) for rule in found.rules],
        "backdated": late, "problems": told,
    })  # fmt: skip


@ROUTES.post("/api/rules")
async def import_rules(request: web.Request) -> web.Response:
    """Bring a list in, whole."""
    caller = await allowed(request, Right.ADMIN)
    reading, spoken, parts = await _reading(request), speech(request), request.app[PARTS]
    told, _ = _told(reading, spoken, parts.clock.now_ms())
    if reading.list is None:
        request[MEMBERS] = {"problems": told}
        first = reading.errors[0]
        raise BadRuleListError(
            f"rule list: expected one that is clear, got {len(reading.errors)} errors, "
            f"the first in row {first.row}: {first.en}"
        )
    event = await rule_lists.record(
        parts.ledger, caller.actor, reading.list, organ=request.query.get("organ")
    )
    id_ = str(event.fields["list"])
    response = plain(
        course_said.recorded(event.index, event.leaf, {"id": id_, "problems": told}), 201
    )
    response.headers["Location"] = f"/api/rules/{id_}"
    return response


@ROUTES.get("/api/rules")
async def list_rules(request: web.Request) -> web.Response:
    """Every version of every list; `in_force` says which of them hold now for its organ."""
    await allowed(request, Right.READ)
    now_ms = request.app[PARTS].clock.now_ms()
    async with request.app[PARTS].database.read() as conn:
        rows, late = await conn.run_sync(lambda c: (versions.lists(c), versions.backdated(c)))
    holding = {
        row.id for organ in {r.organ for r in rows} for row in versions.chosen(rows, organ, now_ms)
    }
    told = [
        _row(row) | {"in_force": row.id in holding, "backdated": row.id in late} for row in rows
    ]
    return plain({"rules": told})


def _row(row: versions.ListRow) -> dict[str, Any]:
    until = row.valid_until_ms
    return {
        "id": row.id, "name": row.name, "version": row.version, "organ": row.organ,
        "valid_from": format_time(row.valid_from_ms),
        "valid_until": None if until is None else format_time(until), "index": row.index,
    }  # fmt: skip


@ROUTES.get("/api/rules/{rules}")
async def get_rules(request: web.Request) -> web.Response:
    """A list as a file: JSON, CSV or XLSX."""
    await allowed(request, Right.READ)
    kind = request.query.get("format", "json")
    async with request.app[PARTS].database.read() as conn:
        found = await conn.run_sync(versions.rules_of, request.match_info["rules"])
    return web.Response(
        body=sheets.write_list(found, kind), content_type=TYPES[kind],
        headers={"Content-Disposition": disposition(f"{found.name}-{found.version}.{kind}")},
    )  # fmt: skip


# --- policies -------------------------------------------------------------------------------


@ROUTES.get("/api/policies")
async def list_policies(request: web.Request) -> web.Response:
    """What came with Liuhen, what is approved, what waits or was refused."""
    await allowed(request, Right.READ)
    now_ms = request.app[PARTS].clock.now_ms()

    def read(conn: Connection) -> tuple[str, list[asked.Listed]]:
        found = [one for one in asked.listed(conn) if one.asked.kind == "policy"]
        return policy.in_force(conn, now_ms).version, found

    async with request.app[PARTS].database.read() as conn:
        version, proposed = await conn.run_sync(read)
    first = {
        "version": policy.shipped().version, "valid_from": None, "value": dict(shipped_value()),
        "state": "shipped", "approval": None, "reason": None,
    }  # fmt: skip
    rest = [rule_lists.policy_value(one) for one in proposed]
    return plain({"in_force": version, "policies": [first, *rest]})


@ROUTES.post("/api/policies")
async def propose_policy(request: web.Request) -> web.Response:
    """Propose numbers; another person decides."""
    caller = await allowed(request, Right.ADMIN)
    parts, body = request.app[PARTS], await request.json()
    valid_from_ms = parse_time(body["valid_from"])

    def draft(conn: Connection, new: str) -> Draft:
        return approvals.propose_policy(
            new, version=body["version"], valid_from_ms=valid_from_ms, value=body["value"],
            reason=body["reason"], actor=caller.actor,
            taken=rule_lists.policy_taken(conn, body["version"]),
        )  # fmt: skip

    id_, event = await approvals.ask(parts.ledger, draft)
    return plain(course_said.recorded(event.index, event.leaf, {"approval": id_}), 201)
