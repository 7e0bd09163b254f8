"""The API of sheets: registers and cases by CSV and XLSX, cases from other 办案 systems as JSON.

Guarantee: a sheet of a register is recorded whole, in one act, or not at all, and every problem is
named with row and column; what is recorded already adds nothing; of cases each good row is
recorded and each other row named.  With `dry_run=true` the answer is what it would be now, row by
row, and nothing is recorded.
Not covered: what the sheets may look like (docs/formats/imports.md).
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from aiohttp import web

from cases import imports
from cases.recording.problems import Problem
from cases.registers import acts, people, sheet, tables
from cases.registers.known import Again
from cases.registers.people import Directory
from console import sharing
from console.answers import plain, speech
from console.contract import check_json
from console.denials import Denials
from console.guard import permit, permit_owner
from console.i18n import Speech
from console.parts import PARTS
from console.problems import sentences
from console.registers_api import caller_of, owner, permit_roster
from storage.access import Caller
from storage.errors import RightMissingError, TooLargeError
from verify.errors import MalformedError

ROUTES = web.RouteTableDef()
MAX_BODY = sheet.LIMITS.max_bytes
JSON = "application/json"


@ROUTES.get("/api/imports/mappings")
async def list_mappings(_request: web.Request) -> web.Response:
    """The examples of field mappings that come with this version."""
    found = [{"name": n, "mapping": dict(m)} for n, m in imports.example_mappings().items()]
    return plain({"mappings": found})


@ROUTES.post("/api/imports/devices")
async def import_devices(request: web.Request) -> web.Response:
    """Devices; a known one by name or serial number is described anew."""
    return await _register(request, "devices")


@ROUTES.post("/api/imports/custody")
async def import_custody(request: web.Request) -> web.Response:
    """Lines of devices' ledgers."""
    return await _register(request, "custody")


@ROUTES.post("/api/imports/device-users")
async def import_user_codes(request: web.Request) -> web.Response:
    """User codes in devices and whom they mean."""
    return await _register(request, "device-users")


@ROUTES.post("/api/imports/offsets")
async def import_offsets(request: web.Request) -> web.Response:
    """Measurements of devices' clocks."""
    return await _register(request, "offsets")


@ROUTES.post("/api/imports/rosters")
async def import_roster(request: web.Request) -> web.Response:
    """One roster; its name is that of the query, else the day of the import."""
    return await _register(request, "rosters")


@ROUTES.post("/api/imports/cases")
async def import_cases(request: web.Request) -> web.Response:
    """Cases, each row an act of its own; a row that is not good holds no other up."""
    caller, parts = await caller_of(request), request.app[PARTS]
    body, directory = await _body(request), await _directory(request, caller)
    system: str | None = request.query.get("system") or None
    if request.content_type == JSON:
        found, system = _rows(body, directory, caller, system)
    else:
        read = await _sheet(request, body, imports.COLUMNS, imports.LEAST)
        found = imports.from_sheet(read, directory, organ=caller.organ)
    if len(found.said) > imports.MAX_ROWS:
        raise MalformedError(f"rows: expected at most {imports.MAX_ROWS}, got {len(found.said)}")
    said, outcomes = await _permitted(request, _at_home(caller, found.said))
    outcomes += found.failed
    theirs = sharing.theirs(caller, "case.change")
    if _dry(request) and not found.problems:
        async with parts.database.read() as conn:
            outcomes += await conn.run_sync(
                lambda c: imports.preview(
                    c, caller.actor, said, system=system, theirs=theirs
                )
            )  # fmt: skip
    elif not found.problems:
        outcomes += await imports.record(
            parts.ledger, caller.actor, said, system=system, theirs=theirs
        )
    return _cases_answer(request, found, outcomes)


def _place(one: imports.CaseSaid) -> tuple[str | None, str | None]:
    return one.organ, one.unit or one.home


def _at_home(caller: Caller, said: Sequence[imports.CaseSaid]) -> Sequence[imports.CaseSaid]:
    """As by hand: a new case of one's own organ is one's own unit's where no unit is named."""
    if caller.person is None:
        return said
    return [
        replace(one, home=caller.unit) if one.unit is None and one.organ == caller.organ else one
        for one in said
    ]


async def _permitted(
    request: web.Request, said: Sequence[imports.CaseSaid]
) -> tuple[list[imports.CaseSaid], list[imports.Outcome]]:
    """The rows whose place is the caller's to open cases in, and why the others are not taken.

    RightMissingError if none is his: then it is no slip of a row.
    """
    refused: dict[tuple[str | None, str | None], RightMissingError] = {}
    for place in sorted({_place(one) for one in said}, key=repr):
        try:
            await permit_owner(request, "case.open", owner(*place))
        except RightMissingError as error:
            refused[place] = error
    theirs = [one for one in said if _place(one) not in refused]
    if refused and not theirs:
        raise next(iter(refused.values()))
    if refused:
        caller, parts = await caller_of(request), request.app[PARTS]
        for why in refused.values():
            parts.metrics.denied.labels(why.right).inc()
        denials = Denials(parts.database, parts.ledger, parts.clock)
        await denials.record(request, caller, next(iter(refused.values())))
    return theirs, [
        imports.refused(one, refused[_place(one)]) for one in said if _place(one) in refused
    ]


def _cases_answer(
    request: web.Request, found: imports.Read, outcomes: Sequence[imports.Outcome]
) -> web.Response:
    spoken = speech(request)
    rows = [
        {
            "row": one.row, "key": one.key, "status": one.status,
            "case": None if _dry(request) and one.status == "created" else one.case,
            "number": one.number, "title": one.title, "problem": _why(one, spoken),
        }
        for one in sorted(outcomes, key=lambda one: one.row)
    ]  # fmt: skip
    counts = {
        status: sum(1 for one in outcomes if one.status == status)
        for status in ("created", "changed", "unchanged", "failed")
    }
    body = {
        "kind": "cases", "dry_run": _dry(request), "rows": len(found.said) + len(found.failed),
        "counts": counts, "results": rows,
        "problems": [said_problem(one, spoken) for one in found.problems],
    }  # fmt: skip
    return plain(body, 422 if found.problems else 200)


def _why(one: imports.Outcome, spoken: Speech) -> dict[str, Any] | None:
    """Why nothing came of the row; what an act refused in the sentence that people know."""
    if one.problem is None:
        return None
    told = said_problem(one.problem, spoken)
    if one.error is not None:
        told |= {"text": sentences(one.error, spoken)[0], "detail": str(one.error)}
    return told


def _rows(
    body: bytes, directory: Directory, caller: Caller, system: str | None
) -> tuple[imports.Read, str | None]:
    """`{"system", "mapping", "rows"}` of another system."""
    check_json(body)
    value = json.loads(body)
    if not isinstance(value, dict) or value.keys() - {"system", "mapping", "rows"}:
        raise MalformedError("body: expected system, mapping and rows, got another")
    name = value.get("system") or system
    if not isinstance(name, str):
        raise MalformedError("system: expected the name of the other system, got none")
    rows = value.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise MalformedError("rows: expected a list of objects, got another")
    if len(rows) > imports.MAX_ROWS:
        raise MalformedError(f"rows: expected at most {imports.MAX_ROWS}, got {len(rows)}")
    mapping = imports.mapping_of(value.get("mapping"))
    return imports.from_rows(rows, mapping, directory, organ=caller.organ), name


# --- registers ------------------------------------------------------------------------------


async def _register(request: web.Request, kind: str) -> web.Response:
    """Read a sheet whole, then record all of it that is new in one act."""
    caller, body = await caller_of(request), await _body(request)
    directory = await _directory(request, caller)
    read = await _sheet(request, body, tables.COLUMNS[kind], tables.LEAST)
    parts = request.app[PARTS]
    zone, now_ms = str(parts.settings.zone), parts.clock.now_ms()
    found = await asyncio.to_thread(tables.read, kind, read, directory, zone, now_ms)
    spoken = speech(request)
    answer: dict[str, Any] = {
        "kind": kind, "dry_run": _dry(request), "facts": len(found.facts), "recorded": 0,
        "unchanged": 0, "problems": [said_problem(one, spoken) for one in found.problems],
    }  # fmt: skip
    if found.problems:
        return plain(answer, 422)
    await _permit_facts(request, kind, found.facts, caller)
    again = Again(dry=_dry(request))
    await _record(request, kind, caller, found.facts, again)
    new = _facts_in(again.types, len(found.facts))
    answer |= {"recorded": 0 if again.dry else new, "unchanged": len(found.facts) - new}
    return plain(answer)


def _facts_in(types: Sequence[str], facts: int) -> int:
    """How many rows of the sheet these entries say; a roster is one entry of all its rows."""
    if "roster.set" in types:
        return facts
    return sum(1 for type_ in types if type_ != "source.enrolled")


async def _permit_facts(
    request: web.Request, kind: str, facts: Sequence[Any], caller: Caller
) -> None:
    """May the caller say this of these devices and people?"""
    if kind == "rosters":
        await permit_roster(request, caller.organ, {one.person for one in facts})
        return
    permission = "device.custody" if kind == "custody" else "device.manage"
    if kind == "devices":
        for place in sorted({(one.organ, one.unit) for _, one in facts}, key=repr):
            await permit_owner(request, permission, owner(*place))
        devices = {id_ for id_, _ in facts if id_ is not None}
    else:
        devices = {one.device for one in facts if one.device is not None}
    if kind == "device-users":
        for person in sorted({one.person for one in facts if one.device is None}):
            await permit(request, permission, "person", person)
    for device in sorted(devices):
        await permit(request, permission, "device", device)


async def _record(
    request: web.Request, kind: str, caller: Caller, facts: Sequence[Any], again: Again
) -> None:
    """Record the facts of a sheet of this kind that are new."""
    ledger, actor = request.app[PARTS].ledger, caller.actor
    now_ms = request.app[PARTS].clock.now_ms()
    match kind:
        case "devices":
            await acts.register_devices(ledger, actor, facts, again=again)
        case "custody":
            await acts.note_custody(ledger, actor, facts, again=again)
        case "device-users":
            await acts.note_user_codes(ledger, actor, facts, again=again)
        case "offsets":
            await acts.note_offsets(ledger, actor, facts, now_ms=now_ms, again=again)
        case _:
            name = request.query.get("name") or speech(request).time(now_ms)[:10]
            await acts.set_roster(
                ledger, actor, name=name, organ=caller.organ, shifts=facts, again=again
            )


# --- reading --------------------------------------------------------------------------------


def _dry(request: web.Request) -> bool:
    """Whether nothing is to be recorded."""
    said = request.query.get("dry_run", "false")
    if said not in ("true", "false"):
        raise MalformedError(f"dry_run: expected true or false, got {said:.20}")
    return said == "true"


async def _body(request: web.Request) -> bytes:
    """The file, at most as large as a sheet may be."""
    if (request.content_length or 0) > MAX_BODY:
        raise TooLargeError(f"body: expected at most {MAX_BODY} bytes, got more")
    parts, size = [], 0
    async for part in request.content.iter_chunked(1 << 16):
        size += len(part)
        if size > MAX_BODY:
            raise TooLargeError(f"body: expected at most {MAX_BODY} bytes, got more")
        parts.append(part)
    return b"".join(parts)


async def _sheet(
    request: web.Request, body: bytes, columns: Mapping[str, Sequence[str]], needed: int
) -> sheet.Sheet | None:
    kind = sheet.TYPES.get(request.content_type)
    if kind is None:
        known = ", ".join(sheet.TYPES)
        raise MalformedError(f"body: expected {known}, got {request.content_type:.80}")
    return await asyncio.to_thread(partial(sheet.read, body, kind, columns, needed=needed))


async def _directory(request: web.Request, caller: Caller) -> Directory:
    """Whom a sheet may name: people of one's own organ only, for those who have one."""
    _dry(request)  # refuse a bad question before any work
    async with request.app[PARTS].database.read() as conn:
        return await conn.run_sync(lambda c: people.directory(c, organ=caller.organ))


def said_problem(one: Problem, spoken: Speech) -> dict[str, Any]:
    """A problem in the caller's language."""
    text = one.zh if spoken.language == "zh-CN" else one.en
    return {
        "row": one.row, "column": one.column, "code": one.code, "severity": one.severity,
        "text": text,
    }  # fmt: skip
