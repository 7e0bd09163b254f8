"""The API of organs, units and people: the security administrator's desk.

Guarantee: a one-time password is in the answer that made it and nowhere else; how somebody signs in
is told to who manages people only; every change has a reason and is an entry.
Not covered: the rules (`console.people_rules`), and one's own password (`console.session_api`).
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from sqlalchemy import ColumnElement, Connection, false, or_, select, true

from cases import case_list
from console import credentials, matrix, passwords, people
from console.access import CALLER
from console.answers import limit, plain
from console.errors import AdministratorError, OwnRightsError
from console.guard import visible_to
from console.login import SIGN_IN
from console.parts import PARTS
from console.people import Listed
from console.people_rules import Person
from console.signin import account_key
from storage import tables
from storage.access import Caller, Visible
from storage.ledger import Event, random_id
from storage.rights import ADMINISTRATORS, Role
from verify.entries import format_time, parse_time

ROUTES = web.RouteTableDef()


def recorded(event: Event, more: Mapping[str, Any], status: int = 201) -> web.Response:
    """The entry that says so."""
    return plain({"index": event.index, "leaf": event.leaf.hex(), **more}, status)


# --- organs and units -------------------------------------------------------------------------


@ROUTES.get("/api/organs")
async def list_organs(request: web.Request) -> web.Response:
    o = tables.organ.c
    query = select(o.id, o.name, o.code, o.parent).order_by(o.name, o.id)
    async with request.app[PARTS].database.read() as conn:
        rows = [dict(row) for row in (await conn.execute(query)).mappings()]
    return plain({"organs": rows})


@ROUTES.post("/api/organs")
async def make_organ(request: web.Request) -> web.Response:
    return await _set_organ(request, random_id(), 201)


@ROUTES.put("/api/organs/{organ}")
async def change_organ(request: web.Request) -> web.Response:
    return await _set_organ(request, request.match_info["organ"], 200)


async def _set_organ(request: web.Request, organ: str, status: int) -> web.Response:
    parts, body = request.app[PARTS], await request.json()
    event = await people.set_organ(
        parts.ledger, organ, name=body["name"], code=body.get("code"), parent=body.get("parent"),
        by=request[CALLER].actor, reason=body.get("reason"), now_ms=parts.clock.now_ms(),
    )  # fmt: skip
    return recorded(event, {"id": organ}, status)


@ROUTES.get("/api/units")
async def list_units(request: web.Request) -> web.Response:
    u = tables.unit.c
    query = select(u.id, u.organ, u.name, u.parent, u.ended).order_by(u.organ, u.name, u.id)
    if "organ" in request.query:
        query = query.where(u.organ == request.query["organ"])
    async with request.app[PARTS].database.read() as conn:
        rows = [dict(row) for row in (await conn.execute(query)).mappings()]
    return plain({"units": rows})


@ROUTES.post("/api/units")
async def make_unit(request: web.Request) -> web.Response:
    return await _set_unit(request, random_id(), 201)


@ROUTES.put("/api/units/{unit}")
async def change_unit(request: web.Request) -> web.Response:
    return await _set_unit(request, request.match_info["unit"], 200)


async def _set_unit(request: web.Request, unit: str, status: int) -> web.Response:
    parts, body = request.app[PARTS], await request.json()
    event = await people.set_unit(
        parts.ledger, unit, organ=body["organ"], name=body["name"], parent=body.get("parent"),
        ended=body.get("ended", False), by=request[CALLER].actor, reason=body.get("reason"),
        now_ms=parts.clock.now_ms(),
    )  # fmt: skip
    return recorded(event, {"id": unit}, status)


# --- people -------------------------------------------------------------------------------------


def among(seen: Visible) -> ColumnElement[bool]:
    """The people that a caller may see."""
    p = tables.person.c
    if seen.everything:
        return true()
    return or_(
        false(), p.organ.in_(seen.organs), p.unit.in_(seen.units), p.id == seen.person,
        p.organ.is_(None) if seen.unowned else false(),
    )  # fmt: skip


def said(found: Listed, *, whole: bool) -> dict[str, Any]:
    """A person; `whole`: also how he signs in."""
    one = found.person

    def time(ms: int | None) -> str | None:
        return None if ms is None else format_time(ms)

    body: dict[str, Any] = {
        "id": one.id, "name": one.name, "organ": one.organ, "unit": one.unit,
        "roles": sorted(str(role) for role in one.roles), "certificate": one.certificate,
        "certificate_from": time(one.certificate_from_ms),
        "certificate_until": time(one.certificate_until_ms), "ended": time(one.ended_ms),
    }  # fmt: skip
    if whole:
        body |= {
            "account": one.account, "subject": one.subject, "index": found.index,
            "password": found.password, "must_change": found.must_change, "totp": found.totp,
            "locked_until": time(found.locked_until_ms),
        }  # fmt: skip
    return body


def manages(caller: Caller) -> bool:
    return matrix.anywhere(matrix.shipped(), caller.roles, "person.manage")


@ROUTES.get("/api/people")
async def list_people(request: web.Request) -> web.Response:
    """People by account; `cursor` is the account of the last one seen."""
    p, query, many = tables.person.c, request.query, limit(request, 100)
    where = [among(visible_to(request, "person.read"))]
    where += [column == query[name] for name, column in (("organ", p.organ), ("unit", p.unit))
              if name in query]  # fmt: skip
    if "role" in query:
        where.append(p.roles.contains(f'"{query["role"]}"'))
    if query.get("current") == "true":
        where.append(or_(p.ended_ms.is_(None), p.ended_ms > request.app[PARTS].clock.now_ms()))
    if "cursor" in query:
        where.append(p.account > query["cursor"])
    whole = manages(request[CALLER])
    if text := query.get("text", "").strip():
        # Without the right to manage, an account is not told, and so not found by.
        named = (p.name, p.certificate, p.account) if whole else (p.name, p.certificate)
        where.append(or_(*(column.icontains(text, autoescape=True) for column in named)))
    async with request.app[PARTS].database.read() as conn:
        if "below" in query:
            where.append(p.unit.in_(await conn.run_sync(case_list.units_below, query["below"])))
        rows = await people.listed(conn, *where, limit=many + 1)
    next_ = rows[many - 1].person.account if len(rows) > many else None
    return plain({"people": [said(row, whole=whole) for row in rows[:many]], "next": next_})


@ROUTES.get("/api/people/{person}")
async def get_person(request: web.Request) -> web.Response:
    async with request.app[PARTS].database.read() as conn:
        found = await people.person(conn, request.match_info["person"])
    return plain(said(found, whole=manages(request[CALLER])))


def asked(id_: str, body: Mapping[str, Any]) -> Person:
    """The person whom a body describes."""

    def ms(name: str) -> int | None:
        text = body.get(name)
        return None if text is None else parse_time(text)

    return Person(
        id_, account_key(body["account"]), body["name"].strip(), body.get("organ"),
        body.get("unit"), frozenset(Role(role) for role in body["roles"]),
        body.get("certificate"), ms("certificate_from"), ms("certificate_until"), ms("ended"),
        body.get("subject"),
    )  # fmt: skip


@ROUTES.post("/api/people")
async def make_person(request: web.Request) -> web.Response:
    """A new person.  With `password: false` he can come in by the OIDC provider only."""
    parts, body, id_ = request.app[PARTS], await request.json(), random_id()
    secret, hashed = None, None
    if body.get("password", True):
        secret = passwords.one_time()
        hashed = await request.app[SIGN_IN].passwords.hash(secret)
    event = await people.set_person(
        parts.ledger, asked(id_, body), new=True, by=request[CALLER].actor, reason=body["reason"],
        now_ms=parts.clock.now_ms(), hashed=hashed,
    )  # fmt: skip
    return recorded(event, {"id": id_, "password": secret})


@ROUTES.put("/api/people/{person}")
async def change_person(request: web.Request) -> web.Response:
    parts, body = request.app[PARTS], await request.json()
    event = await people.set_person(
        parts.ledger, asked(request.match_info["person"], body), new=False,
        by=request[CALLER].actor, reason=body["reason"], now_ms=parts.clock.now_ms(),
    )  # fmt: skip
    return recorded(event, {"id": request.match_info["person"]}, 200)


@ROUTES.post("/api/people/{person}/password")
async def reset_password(request: web.Request) -> web.Response:
    """A new one-time password; the lock, if any, is over."""
    parts, body, person = request.app[PARTS], await request.json(), request.match_info["person"]
    not_oneself(request[CALLER], person)
    await not_an_administrator(request, person)
    secret = passwords.one_time()
    event = await credentials.reset_password(
        parts.ledger, person, await request.app[SIGN_IN].passwords.hash(secret),
        by=request[CALLER].actor, reason=body["reason"], now_ms=parts.clock.now_ms(),
        check=still_security_admin(request),
    )  # fmt: skip
    return recorded(event, {"password": secret})


@ROUTES.post("/api/people/{person}/totp/reset")
async def reset_totp(request: web.Request) -> web.Response:
    parts, body, person = request.app[PARTS], await request.json(), request.match_info["person"]
    not_oneself(request[CALLER], person)
    await not_an_administrator(request, person)
    event = await credentials.reset_totp(
        parts.ledger, person, by=request[CALLER].actor, reason=body["reason"],
        now_ms=parts.clock.now_ms(), check=still_security_admin(request),
    )  # fmt: skip
    return recorded(event, {})


def not_oneself(caller: Caller, person: str) -> None:
    """OwnRightsError: one's own password is changed with the old one, at one's own session."""
    if caller.person == person:
        raise OwnRightsError("person: expected another one, got the caller himself")


async def not_an_administrator(request: web.Request, person: str) -> None:
    """AdministratorError: whoever could reset another administrator could act in his place."""
    async with request.app[PARTS].database.read() as conn:
        found = await people.person(conn, person)
    if ADMINISTRATORS & found.person.roles:
        raise AdministratorError(
            "person: expected none of the three administrators, got one; "
            "`liuhen person reset` on the server is for them"
        )


def still_security_admin(request: web.Request) -> credentials.Check:
    """Asked under the log's lock: whether the caller may still do this."""
    by, now_ms = request[CALLER].actor, request.app[PARTS].clock.now_ms()

    def check(conn: Connection) -> None:
        people.check_still(conn, by, Role.SECURITY_ADMIN, now_ms)

    return check
