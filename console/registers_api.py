"""The API of the registers: devices, who has them, their users' codes and clocks, rosters.

Guarantee: each accepted call leaves its entries in the device's or the system's chain; nothing here
changes or takes away what was recorded (a correction is a further entry), so no route has another
method than GET and POST.  A fact is not refused for what it says.
Not covered: sheets (`console.imports_api`).
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from cases.inbox import queries as inbox_queries
from cases.registers import acts, queries
from cases.registers.rules import CodeSaid, CustodySaid, DeviceSaid, OffsetSaid, ShiftSaid
from console import shown
from console.answers import limit, plain, speech, tagged
from console.guard import permit, permit_owner, visible_to
from console.i18n import Speech
from console.matrix import Owner
from console.parts import PARTS
from storage.access import Caller, Right
from storage.errors import RightMissingError
from storage.ledger import Event
from verify.entries import format_time, parse_time

ROUTES = web.RouteTableDef()
Names = Mapping[str, str]


async def caller_of(request: web.Request) -> Caller:
    """Who calls; the guard has asked the matrix."""
    return await request.app[PARTS].access.caller(request)


def owner(organ: str | None, unit: str | None) -> Owner:
    """Whose something new would be."""
    return Owner(
        units=frozenset({unit} if unit else ()), organs=frozenset({organ} if organ else ())
    )


def recorded(event: Event) -> dict[str, Any]:
    """The entry that records it, and what stood out."""
    found: dict[str, Any] = {"index": event.index, "leaf": event.leaf.hex()}
    return found | {"marks": list(event.fields.get("marks", []))}


def _ms(value: str | None) -> int | None:
    return None if value is None else parse_time(value)


def named(id_: str | None, names: Names) -> dict[str, str] | None:
    """An id with what it is called."""
    return None if id_ is None else {"id": id_, "name": shown.visible(names.get(id_, ""))}


def time_of(ms: int | None) -> str | None:
    return None if ms is None else format_time(max(ms, 0))


# --- devices --------------------------------------------------------------------------------


def said_device(one: queries.Device, names: Names, spoken: Speech) -> dict[str, Any]:
    """A device as the API says it."""
    return {
        "id": one.id, "name": one.name, "serial": one.serial, "maker": one.maker,
        "model": one.model, "carrier": one.carrier,
        "carrier_text": spoken.choice("carrier", one.carrier), "organ": one.organ,
        "unit": named(one.unit, names), "zone": one.zone, "ended": time_of(one.ended_ms),
        "state": one.state, "state_text": spoken.choice("custody.state", one.state),
        "person": named(one.person, names), "since": time_of(one.since_ms), "index": one.index,
    }  # fmt: skip


@ROUTES.get("/api/devices")
async def list_devices(request: web.Request) -> web.Response:
    """Registered devices, last described first, with who has them."""
    visible, spoken = visible_to(request, "device.read"), speech(request)
    rows, cursor = limit(request), request.query.get("cursor")
    person = request.query.get("person")
    if person == "me":
        person = (await caller_of(request)).person or "nobody"
    async with request.app[PARTS].database.read() as conn:
        page = await conn.run_sync(
            lambda c: queries.devices(
                c,
                visible,
                cursor=cursor,
                limit=rows,
                person=person,
                text=request.query.get("text", "").strip(),
                current=request.query.get("current") == "true",
            )
        )
        names = await conn.run_sync(lambda c: _names_of(c, page.rows))
    return plain({"devices": [said_device(d, names, spoken) for d in page.rows], "next": page.next})


def _names_of(conn: Any, rows: Any) -> Names:
    return inbox_queries.names(conn, people=[d.person for d in rows], units=[d.unit for d in rows])


@ROUTES.post("/api/devices")
async def register_device(request: web.Request) -> web.Response:
    """Register a device, or describe a known one anew, whole."""
    caller, body = await caller_of(request), await request.json()
    id_ = body.pop("device", None)
    await permit_owner(request, "device.manage", owner(body.get("organ"), body.get("unit")))
    if id_ is not None:
        await permit(request, "device.manage", "device", id_)
    said = DeviceSaid(ended_ms=_ms(body.pop("ended", None)), **body)
    ids = await acts.register_devices(request.app[PARTS].ledger, caller.actor, [(id_, said)])
    response = plain({"id": ids[0]}, 201)
    response.headers["Location"] = f"/api/devices/{ids[0]}"
    return response


@ROUTES.get("/api/devices/{device}")
async def get_device(request: web.Request) -> web.Response:
    """A device with the newest lines of its ledgers."""
    id_, spoken = request.match_info["device"], speech(request)
    async with request.app[PARTS].database.read() as conn:
        found = await conn.run_sync(lambda c: queries.device(c, id_))
        people = [found.device.person, *(line.person for line in found.custody)]
        people += [code.person for code in found.codes]
        names = await conn.run_sync(
            lambda c: inbox_queries.names(c, people=people, units=[found.device.unit])
        )
    body = said_device(found.device, names, spoken)
    body["custody"] = [
        {
            "index": line.index, "what": line.what,
            "what_text": spoken.choice("custody.what", line.what), "at": format_time(line.at_ms),
            "person": named(line.person, names), "check": dict(line.check),
            "marks": [_said_mark(mark, spoken) for mark in line.marks],
        }
        for line in found.custody
    ]  # fmt: skip
    body["offsets"] = [
        {
            "index": line.index, "at": format_time(line.at_ms), "offset_ms": line.offset_ms,
            "uncertainty_ms": line.uncertainty_ms, "way": line.way, "marks": list(line.marks),
        }
        for line in found.offsets
    ]  # fmt: skip
    body["codes"] = [
        {
            "index": line.index, "code": line.code, "person": named(line.person, names),
            "valid_from": format_time(line.valid_from_ms),
            "valid_until": time_of(line.valid_until_ms),
        }
        for line in found.codes
    ]  # fmt: skip
    body["last_recording"] = time_of(found.last_recording_ms)
    return tagged(request, body)


@ROUTES.post("/api/devices/{device}/custody")
async def note_custody(request: web.Request) -> web.Response:
    """The device changed hands, was looked at, broke, was lost or found."""
    caller, body = await caller_of(request), await request.json()
    said = CustodySaid(
        request.match_info["device"], body["what"], parse_time(body["at"]), body.get("person"),
        body.get("check", {}), body.get("text"),
    )  # fmt: skip
    parts, spoken = request.app[PARTS], speech(request)
    (event,) = await acts.note_custody(parts.ledger, caller.actor, [said])
    answer, texts = recorded(event), list[str]()
    async with parts.database.read() as conn:
        if event.index in await conn.run_sync(queries.not_returned, said.device):
            answer["marks"].append(queries.NOT_RETURNED)
            texts.append(_said_mark(queries.NOT_RETURNED, spoken)["text"])
    return plain(answer | {"texts": texts}, 201)


def _said_mark(mark: str, spoken: Speech) -> dict[str, str]:
    return {"code": mark, "text": spoken.choice("custody.mark", mark)}


@ROUTES.post("/api/devices/{device}/offsets")
async def note_offset(request: web.Request) -> web.Response:
    """The device's clock was measured.  Nothing that was measured before is changed by it."""
    caller, body = await caller_of(request), await request.json()
    device = request.match_info["device"]
    _own_dock(caller, device)
    said = OffsetSaid(
        device, parse_time(body["at"]), body["offset_ms"], body.get("uncertainty_ms", 1000),
        body.get("way", "person" if caller.person else "dock"),
    )  # fmt: skip
    parts = request.app[PARTS]
    events = await acts.note_offsets(
        parts.ledger, caller.actor, [said], now_ms=parts.clock.now_ms()
    )
    return plain(recorded(events[0]), 201)


def _own_dock(caller: Caller, device: str) -> None:
    """A token that may only upload measures the clock of its own source."""
    only = caller.person is None and not caller.rights & {Right.ADMIN, Right.CASE}
    if only and caller.source != device:
        raise RightMissingError(Right.CASE, ", ".join(sorted(caller.rights)))


@ROUTES.post("/api/device-users")
async def note_user_code(request: web.Request) -> web.Response:
    """A user's code in a device (or in all) means this person for a while."""
    caller, body = await caller_of(request), await request.json()
    await _permit_code(request, body.get("device"), body["person"])
    said = CodeSaid(
        body["code"], body["person"], parse_time(body["valid_from"]),
        _ms(body.get("valid_until")), body.get("device"),
    )  # fmt: skip
    events = await acts.note_user_codes(request.app[PARTS].ledger, caller.actor, [said])
    return plain(recorded(events[0]), 201)


async def _permit_code(request: web.Request, device: str | None, person: str) -> None:
    if device is not None:
        await permit(request, "device.manage", "device", device)
    else:
        await permit(request, "device.manage", "person", person)


# --- rosters --------------------------------------------------------------------------------


@ROUTES.get("/api/rosters")
async def list_rosters(request: web.Request) -> web.Response:
    """Rosters, newest first, with their shifts."""
    visible, rows, cursor = (
        visible_to(request, "roster.read"), limit(request, 20), request.query.get("cursor"),
    )  # fmt: skip
    async with request.app[PARTS].database.read() as conn:
        page = await conn.run_sync(lambda c: queries.rosters(c, visible, cursor=cursor, limit=rows))
        people = [shift.person for roster in page.rows for shift in roster.shifts]
        names = await conn.run_sync(lambda c: inbox_queries.names(c, people=people))
    rosters = [
        {
            "id": one.id, "organ": one.organ, "name": one.name, "index": one.set_index,
            "withdrawn_index": one.withdrawn_index,
            "shifts": [
                {
                    "person": named(shift.person, names), "start": format_time(shift.start_ms),
                    "end": format_time(shift.end_ms), "remote": shift.remote,
                }
                for shift in one.shifts
            ],
        }
        for one in page.rows
    ]  # fmt: skip
    return plain({"rosters": rosters, "next": page.next})


@ROUTES.post("/api/rosters")
async def set_roster(request: web.Request) -> web.Response:
    """Who is on duty when."""
    caller, body = await caller_of(request), await request.json()
    organ = body.get("organ") or caller.organ
    shifts = [
        ShiftSaid(
            one["person"], parse_time(one["start"]), parse_time(one["end"]),
            one.get("remote", False),
        )
        for one in body["shifts"]
    ]  # fmt: skip
    await permit_roster(request, organ, {one.person for one in shifts})
    id_ = await acts.set_roster(
        request.app[PARTS].ledger, caller.actor, name=body["name"], organ=organ, shifts=shifts
    )
    return plain({"id": id_}, 201)


async def permit_roster(request: web.Request, organ: str | None, people: set[str]) -> None:
    """May the caller say when these people are on duty?"""
    caller = await caller_of(request)
    if organ is not None and organ != caller.organ:
        await permit_owner(request, "roster.manage", owner(organ, None))
    for person in sorted(people):
        await permit(request, "roster.manage", "person", person)


@ROUTES.post("/api/rosters/{roster}/withdrawal")
async def withdraw_roster(request: web.Request) -> web.Response:
    """These shifts do not count any longer; the entry that set them stays."""
    caller, body = await caller_of(request), await request.json()
    event = await acts.withdraw_roster(
        request.app[PARTS].ledger, caller.actor, request.match_info["roster"], body["reason"]
    )
    return plain(recorded(event), 201)
