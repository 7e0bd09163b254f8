"""The API of the inbox: what waits, whose it is, to which case it may belong, what is overdue.

Guarantee: of many links or refusals given together each is its own act, with its own answer; one
that the caller may not make fails alone, is recorded as a denial and says nothing of what it
names.  A claim says whose a recording is, never
when it was made.
Not covered: linking from a case (`console.api`).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from cases import acts as case_acts
from cases.inbox import acts, proposals
from cases.inbox import queries as inbox_queries
from cases.inbox.queries import Asked, Filter, Row, Said
from cases.links.attribution import Attribution
from cases.links.words import TIME_SOURCES, say_mark
from cases.policy import in_force
from cases.queries import Page
from cases.registers import late_uploads
from cases.registers import queries as registers
from console import items, said, sharing, shown
from console.answers import limit, plain, speech
from console.denials import About, Denials
from console.errors import AlreadyLinkedError
from console.guard import permit, visible_to
from console.i18n import LANGUAGES, Speech
from console.parts import PARTS
from console.problems import known_code, sentences
from console.registers_api import Names, caller_of, named, recorded, said_device, time_of
from storage.errors import RightMissingError
from storage.ledger import Event
from verify.entries import format_time
from verify.errors import ConflictError, EvidenceError, MalformedError, UnavailableError

ROUTES = web.RouteTableDef()
MOST = 200
INBOX_ROWS = 20  # where nobody says how many: each comes with clocks, proposals and reasons
PROPOSAL = "proposal-confirmed"


def asked_by(request: web.Request) -> Asked:
    q = request.query
    for name in ("unclaimed", "overdue"):
        if q.get(name, "false") not in ("true", "false"):
            raise MalformedError(f"{name}: expected true or false, got {q[name]:.20}")
    wanted = Filter(
        q.get("person"), q.get("unit"), q.get("organ"),
        q.get("unclaimed") == "true", q.get("overdue") == "true",
    )  # fmt: skip
    parts = request.app[PARTS]
    return Asked(
        visible_to(request, "item.read"), visible_to(request, "case.read"),
        str(parts.settings.zone), parts.clock.now_ms(), wanted,
    )  # fmt: skip


@ROUTES.get("/api/inbox")
async def inbox(request: web.Request) -> web.Response:
    """Items that no case has, newest first, with what is known of them and proposals."""
    asked = asked_by(request)
    if asked.filter.person == "me":
        me = (await caller_of(request)).person or "nobody"  # a program has none of its own
        asked = replace(asked, filter=replace(asked.filter, person=me))
    return plain(
        await inbox_page(
            request, asked, cursor=request.query.get("cursor"), rows=limit(request, INBOX_ROWS)
        )
    )


async def inbox_page(
    request: web.Request, asked: Asked, *, cursor: str | None, rows: int
) -> dict[str, Any]:
    """A page of the inbox as it is said, for the API and for the desk."""
    spoken = speech(request)

    def read(conn: Connection) -> dict[str, Any]:
        page = inbox_queries.inbox(conn, asked, cursor=cursor, limit=rows)
        beside = items.beside_of(conn, [row.waiting.item for row in page.rows])
        names = _names(conn, page)
        values = [
            said.item(row.waiting.item, said.state(beside[row.waiting.item.id].state, spoken))
            | said_row(row, names, spoken)
            for row in page.rows
        ]
        return {"items": values, "next": page.next}

    return await request.app[PARTS].database.ask(read)


def _names(conn: Connection, page: Page[Row]) -> Names:
    known = [row.said for row in page.rows if row.said is not None]
    people = [one.person for one in known]
    for row in page.rows:
        for suggested in row.proposals:
            people += [
                str(r.params["person"]) for r in suggested.proposal.reasons if "person" in r.params
            ]
    return inbox_queries.names(
        conn, people=people, sources=[one.device for one in known],
        units=[one.unit for one in known],
    )  # fmt: skip


def attributed(conn: Connection, ids: Sequence[str], spoken: Speech) -> dict[str, dict[str, Any]]:
    """What was last said of each of these items, in words."""
    found = inbox_queries.attributions(conn, ids)
    names = inbox_queries.names(
        conn, people=[one.person for one in found.values()],
        sources=[one.device for one in found.values()], units=[one.unit for one in found.values()],
    )  # fmt: skip
    return {item: said_attribution(one, names, spoken) for item, one in found.items()}


def said_row(row: Row, names: Names, spoken: Speech) -> dict[str, Any]:
    """What stands beside an item in the inbox."""
    found = row.said
    confident = any(one.proposal.confident for one in row.proposals)
    return {
        "case_wish": row.waiting.wish,
        "case_proposed": row.waiting.proposed,
        "private": row.private,
        "attribution": None if found is None else said_attribution(found, names, spoken),
        "upload_clock": _upload_clock(row, spoken),
        "link_clock": {
            "due": format_time(row.link_due_ms),
            "overdue": row.link_overdue,
            "term": row.link_term,
            "text": spoken.choice("clock.basis", "sealed"),
        },
        "proposals": [said_proposal(one, names, spoken) for one in row.proposals],
        "confident": confident,
    }


def said_attribution(one: Said, names: Names, spoken: Speech) -> dict[str, Any]:
    """Whose it is and when it was recorded, corrected, with how unsure that is."""
    source = one.time_source or "dock"
    return {
        "person": named(one.person, names), "device": named(one.device, names),
        "unit": named(one.unit, names), "organ": one.organ,
        "start": time_of(one.start_ms), "end": time_of(one.end_ms),
        "uncertainty_ms": one.uncertainty_ms, "offset_ms": one.offset_ms,
        "time_source": one.time_source, "time_source_text": _chosen(TIME_SOURCES[source], spoken),
        "kind": one.kind, "carrier": one.carrier,
        "carrier_text": spoken.choice("carrier", one.carrier), "sound": one.sound,
        "marks": [
            {"code": mark, "text": say_mark(mark, spoken.language)} for mark in one.marks
        ],
        "why": one.why, "policy": one.policy, "index": one.index,
    }  # fmt: skip


def said_late(one: inbox_queries.Late | None) -> dict[str, Any] | None:
    """The mark of an upload that came after its time, with both times."""
    if one is None:
        return None
    return {
        "ended": format_time(one.ended_ms), "due": format_time(one.due_ms),
        "in": format_time(one.sealed_ms),
    }  # fmt: skip


def _chosen(words: tuple[str, str], spoken: Speech) -> str:
    return words[LANGUAGES.index(spoken.language)]


def _upload_clock(row: Row, spoken: Speech) -> dict[str, Any]:
    """When it had to be in, when it was, and what the clock ran from."""
    due = row.said.due_ms if row.said else None
    basis = (row.said.due_basis if row.said else None) or "unknown"
    term = row.upload_term
    return {
        "due": time_of(due), "in": format_time(row.waiting.item.sealed_ms), "late": row.late,
        "basis": basis, "text": spoken.choice("clock.basis", basis),
        "term": None if term is None else term.term, "remote": term is not None and term.remote,
        "ended": time_of(None if term is None else term.ended_ms),
    }  # fmt: skip


def said_proposal(one: proposals.Suggested, names: Names, spoken: Speech) -> dict[str, Any]:
    """A proposal with its reasons in words."""
    p = one.proposal
    return {
        "case": p.case, "number": one.case.number, "title": one.case.title, "score": p.score,
        "confident": p.confident,
        "reasons": [
            {"code": reason.code, "text": text}
            for reason, text in zip(
                p.reasons, proposals.sentences(p.reasons, names, spoken.language), strict=True
            )
        ],
    }  # fmt: skip


# --- what is overdue ------------------------------------------------------------------------


@ROUTES.get("/api/overdue")
async def overdue(request: web.Request) -> web.Response:
    """Uploads that had to be in by now, and devices that had to be back, the longest first."""
    return plain(await overdue_value(request))


async def overdue_value(request: web.Request) -> dict[str, Any]:
    """The same for the desk."""
    parts, spoken = request.app[PARTS], speech(request)
    zone, now_ms = str(parts.settings.zone), parts.clock.now_ms()
    uploads_seen, devices_seen = (
        visible_to(request, "upload.read"), visible_to(request, "device.read"),
    )  # fmt: skip
    async with parts.database.read() as conn:
        uploads = await conn.run_sync(
            lambda c: late_uploads.late_uploads(c, uploads_seen, zone=zone, now_ms=now_ms)
        )
        devices = await conn.run_sync(
            lambda c: registers.late_devices(c, devices_seen, zone=zone, now_ms=now_ms)
        )
        people = [late.said.person for late in uploads] + [d.device.person for d in devices]
        units = [late.said.unit for late in uploads] + [d.device.unit for d in devices]
        sources = [late.said.device for late in uploads] + [late.source for late in uploads]
        names = await conn.run_sync(
            lambda c: inbox_queries.names(c, people=people, units=units, sources=sources)
        )
    return {
        "now": format_time(now_ms),
        "uploads": [_said_upload(late, names, spoken) for late in uploads],
        "devices": [
            {
                "device": said_device(late.device, names, spoken),
                "due": format_time(late.due_ms), "ended": format_time(late.ended_ms),
                "basis": late.basis, "text": spoken.choice("clock.basis", late.basis),
            }
            for late in devices
        ],
    }  # fmt: skip


def _said_upload(late: late_uploads.LateUpload, names: Names, spoken: Speech) -> dict[str, Any]:
    one: Attribution = late.said
    return {
        "upload": late.upload, "name": late.name, "name_shown": shown.visible(late.name),
        "source": named(late.source, names), "opened": format_time(late.opened_ms),
        "person": named(one.person, names), "device": named(one.device, names),
        "unit": named(one.unit, names), "start": time_of(one.start_ms),
        "end": time_of(one.end_ms), "uncertainty_ms": one.uncertainty_ms,
        "due": time_of(late.clock.due_ms), "ended": time_of(late.clock.ended_ms),
        "basis": late.clock.basis, "text": spoken.choice("clock.basis", late.clock.basis),
        "term": late.term.term, "remote": late.term.remote,
    }  # fmt: skip


# --- many at once ---------------------------------------------------------------------------

Act = Callable[[Mapping[str, Any]], Awaitable[Event]]


@ROUTES.post("/api/inbox/links")
async def confirm(request: web.Request) -> web.Response:
    """Link many items, each by its own act; one row that cannot be holds no other up."""
    caller, body = await caller_of(request), await request.json()
    rows = body["links"]
    scores = await _scores(request, [r["item"] for r in rows if r.get("proposal")])
    ledger = request.app[PARTS].ledger
    here = set[str]()  # linked by this request: who names one twice means both cases

    async def link(row: Mapping[str, Any]) -> Event:
        proposal = scores.get((row["item"], row["case"])) if row.get("proposal") else None
        reason = row.get("reason") or body.get("reason") or (PROPOSAL if proposal else None)
        if reason is None:
            raise MalformedError("reason: expected one, or a proposal to confirm, got neither")
        try:
            event = await case_acts.link(
                ledger, caller.actor, case=row["case"], item=row["item"],
                stage=row.get("stage") or None, reason=reason, proposal=proposal,
                waiting=row["item"] not in here,
            )  # fmt: skip
        except case_acts.LinkedElsewhereError:
            raise
        except ConflictError as error:
            raise AlreadyLinkedError(str(error)) from error
        here.add(row["item"])
        return event

    return plain({"results": await _each(request, rows, link)})


@ROUTES.post("/api/inbox/refusals")
async def refuse(request: web.Request) -> web.Response:
    """Say of many proposals that the item does not belong to the case."""
    caller, body = await caller_of(request), await request.json()
    rows = body["refusals"]
    ledger = request.app[PARTS].ledger

    async def act(row: Mapping[str, Any]) -> Event:
        return await acts.refuse(
            ledger, caller.actor, case=row["case"], item=row["item"],
            reason=row.get("reason") or body["reason"],
        )  # fmt: skip

    return plain({"results": await _each(request, rows, act)})


async def _permit_row(request: web.Request, row: Mapping[str, Any]) -> None:
    """RightMissingError unless the caller may link this item to this case; it is recorded."""
    for kind in ("case", "item"):
        try:
            await permit(request, "item.link", kind, row[kind])
        except RightMissingError as error:
            parts, caller = request.app[PARTS], await caller_of(request)
            denials = Denials(parts.database, parts.ledger, parts.clock)
            parts.metrics.denied.labels(error.right).inc()
            await denials.record(request, caller, error, About(kind, row[kind]))
            raise


async def _scores(
    request: web.Request, ids: Iterable[str]
) -> dict[tuple[str, str], dict[str, Any]]:
    """(item, case) -> the proposal as it stands now, which the link then names."""
    parts, wanted = request.app[PARTS], list(dict.fromkeys(ids))
    if not wanted:
        return {}
    visible, zone, now_ms = (
        visible_to(request, "case.read"), str(parts.settings.zone), parts.clock.now_ms(),
    )  # fmt: skip
    async with parts.database.read() as conn:
        found = await conn.run_sync(
            lambda c: proposals.of_items(
                c, wanted, policy=in_force(c, now_ms), zone=zone, visible=visible, now_ms=now_ms
            )
        )
    return {
        (item, one.proposal.case): {
            "score": one.proposal.score, "confident": one.proposal.confident,
            "reasons": [reason.code for reason in one.proposal.reasons],
        }
        for item, suggested in found.items()
        for one in suggested
    }  # fmt: skip


async def _each(
    request: web.Request, rows: Sequence[Mapping[str, Any]], act: Act
) -> list[dict[str, Any]]:
    """One answer for each row: its entry, or why there is none."""
    results, spoken = [], speech(request)
    for row in rows:
        answer: dict[str, Any] = {"item": row["item"], "case": row["case"]}
        try:
            await _permit_row(request, row)
            event = await act(row)
        except UnavailableError:
            raise  # what was recorded before stands; asking again finds it linked
        except EvidenceError as error:
            title, _ = sentences(error, spoken)
            answer |= {
                "index": None,
                "leaf": None,
                "code": known_code(error, spoken),
                "text": title,
            }
        else:
            answer |= {"index": event.index, "leaf": event.leaf.hex(), "code": None, "text": None}
        results.append(answer)
    return results


# --- one item -------------------------------------------------------------------------------


@ROUTES.post("/api/items/{item}/attribution")
async def claim(request: web.Request) -> web.Response:
    """Say whose the recording is, or by which device; its times follow from the registers."""
    caller, body = await caller_of(request), await request.json()
    parts = request.app[PARTS]
    claimed = acts.Said(body.get("person"), body.get("device"), body.get("unit"), body["reason"])
    item = request.match_info["item"]
    await sharing.permit_item(request, caller, item, {claimed.person} if claimed.person else set())
    await sharing.permit_place(request, caller, item, unit=claimed.unit, device=claimed.device)
    events = await acts.claim(
        parts.ledger, caller.actor, item, claimed, zone=str(parts.settings.zone),
    )  # fmt: skip
    return plain(recorded(events[0]), 201)


@ROUTES.post("/api/items/{item}/flag")
async def flag(request: web.Request) -> web.Response:
    """Make the recording private, or no longer."""
    caller, body = await caller_of(request), await request.json()
    item = request.match_info["item"]
    await sharing.permit_item(request, caller, item, {*body.get("viewers", [])})
    event = await acts.flag(
        request.app[PARTS].ledger, caller.actor, item,
        private=body["private"], viewers=body.get("viewers", []), reason=body["reason"],
    )  # fmt: skip
    return plain(recorded(event), 201)
