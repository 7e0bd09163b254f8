"""Signing in and out for programs of people (the console's own script, an app): /api/session.

Guarantee: what a person changes here is his own, from a session that he opened with his account;
his password and second factor are asked for again with the password.
Not covered: the rules of signing in (`console.signin`), forms (`console.login`).
"""

from typing import Any

from aiohttp import web
from sqlalchemy import select

from console import browsers, credentials, matrix, otp, passwords, sessions
from console.answers import plain
from console.credentials import Pending
from console.denials import SECURITY
from console.errors import BadCredentialsError, NoPersonError
from console.login import (
    SIGN_IN,
    attempt,
    check_same_site,
    open_session,
    set_cookie,
    with_password,
)
from console.parts import PARTS
from console.security import address
from storage import tables
from storage.access import Caller
from verify.entries import format_time
from verify.errors import NotFoundError

ROUTES = web.RouteTableDef()
PENDING: web.AppKey[Pending] = web.AppKey("PENDING", Pending)


async def own_session(request: web.Request) -> tuple[str, str]:
    """Person and session of somebody who signed in with an account; NoPersonError."""
    caller = await request.app[PARTS].access.caller(request)
    if caller.person is None or caller.session is None:
        raise NoPersonError("caller: expected a person signed in with an account, got a token")
    return caller.person, caller.session


async def described(request: web.Request, caller: Caller) -> dict[str, Any]:
    """Who calls, where he stands and what he may do somewhere."""
    known, account, second = matrix.shipped(), None, False
    if caller.person is not None:
        p, c = tables.person.c, tables.credential.c
        query = (
            select(p.account, c.totp)
            .select_from(tables.person.outerjoin(tables.credential, c.person == p.id))
            .where(p.id == caller.person)
        )
        async with request.app[PARTS].database.read() as conn:
            row = (await conn.execute(query)).one()
        account, second = row.account, row.totp is not None
    return {
        "actor": caller.actor,
        "person": caller.person,
        "account": account,
        "name": caller.name,
        "organ": caller.organ,
        "unit": caller.unit,
        "address": address(request, request.app[PARTS].settings.trusted_proxies),
        "roles": sorted(caller.roles),
        "rights": sorted(caller.rights),
        "permissions": sorted(
            name
            for name in known.permissions
            if caller.person is not None and matrix.anywhere(known, caller.roles, name)
        ),
        "must_change": caller.must_change,
        "must_totp": caller.must_totp,
        "totp": second,
        "csrf": caller.csrf,
    }


@ROUTES.post("/api/session")
async def sign_in(request: web.Request) -> web.Response:
    check_same_site(request)
    body = await request.json()

    person = await with_password(request, body["account"], body["password"], body.get("code", ""))
    session = await open_session(request, person=person)
    SECURITY.info("signed in person=%s", person)
    response = plain({"person": person, "csrf": session.csrf})
    set_cookie(request, response, session)
    await browsers.remember(request, response, person)
    return response


@ROUTES.get("/api/session")
async def who_am_i(request: web.Request) -> web.Response:
    caller = await request.app[PARTS].access.caller(request)
    return plain(await described(request, caller))


@ROUTES.delete("/api/session")
async def sign_out(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    caller = await parts.access.caller(request)
    if caller.csrf is None:
        raise NoPersonError("caller: expected a browser session, got a token")
    await sessions.end(parts.database, request.cookies[sessions.COOKIE])
    response = web.Response(status=204)
    response.del_cookie(sessions.COOKIE)
    return response


@ROUTES.get("/api/sessions")
async def own_sessions(request: web.Request) -> web.Response:
    """Where the person is signed in, so that he knows a session that is not his."""
    person, here = await own_session(request)
    parts = request.app[PARTS]
    async with parts.database.read() as conn:
        found = await sessions.of_person(
            conn, person, now_ms=parts.clock.now_ms(), lasting=parts.settings.lasting
        )
    return plain(
        {
            "sessions": [
                {
                    "id": one.id, "here": one.digest == here, "opened": format_time(one.created_ms),
                    "seen": format_time(one.seen_ms), "until": format_time(one.expires_ms),
                    "agent": one.agent, "address": one.address,
                }
                for one in found
            ]
        }
    )  # fmt: skip


@ROUTES.delete("/api/sessions/{session}")
async def sign_out_one(request: web.Request) -> web.Response:
    person, _ = await own_session(request)
    id_ = request.match_info["session"]
    ended = await request.app[PARTS].database.write(lambda c: sessions.end_one(c, person, id_))
    if not ended:
        raise NotFoundError("session: expected one of one's own, got none with this id")
    SECURITY.info("session ended person=%s", person)
    return web.Response(status=204)


@ROUTES.delete("/api/sessions")
async def sign_out_everywhere(request: web.Request) -> web.Response:
    person, _ = await own_session(request)
    await request.app[PARTS].database.write(lambda conn: sessions.end_all(conn, person))
    response = web.Response(status=204)
    response.del_cookie(sessions.COOKIE)
    return response


@ROUTES.post("/api/session/password")
async def change_password(request: web.Request) -> web.Response:
    body = await request.json()
    await new_password(request, body["old"], body["new"])
    return web.Response(status=204)


async def new_password(request: web.Request, old: str, new: str) -> None:
    """The person's own new password, against his old one; WeakPasswordError, BadCredentialsError."""
    person, session = await own_session(request)
    parts, sign_in_ = request.app[PARTS], request.app[SIGN_IN]
    account = await sign_in_.proved(
        person, old, lambda check: attempt(request, f"person {person}", check)
    )
    passwords.check(
        new, account=account.account or "", name=account.name, strength=parts.settings.strength
    )
    if passwords.normal(new) == passwords.normal(old):
        raise passwords.WeakPasswordError("same", "another than before")
    hashed = await sign_in_.passwords.hash(new)
    await credentials.change_password(
        parts.ledger, person, hashed, session=session, now_ms=parts.clock.now_ms()
    )
    SECURITY.info("password changed person=%s", person)


@ROUTES.post("/api/session/totp")
async def begin_totp(request: web.Request) -> web.Response:
    body = await request.json()
    secret, uri = await new_totp(request, body["password"])
    return plain({"secret": secret, "uri": uri}, 201)


async def new_totp(request: web.Request, password: str) -> tuple[str, str]:
    """A secret for the person's authenticator, and its address; it counts once confirmed."""
    person, _ = await own_session(request)
    sign_in_ = request.app[SIGN_IN]
    await sign_in_.proved(
        person, password, lambda check: attempt(request, f"person {person}", check)
    )
    secret = request.app[PENDING].begin(person)
    return secret, await sign_in_.address_of(person, secret)


async def waiting_totp(request: web.Request) -> tuple[str, str] | None:
    """The secret that waits for its first code, and its address, if there is one."""
    person, _ = await own_session(request)
    secret = request.app[PENDING].waiting(person)
    if secret is None:
        return None
    return secret, await request.app[SIGN_IN].address_of(person, secret)


@ROUTES.post("/api/session/totp/confirm")
async def confirm_totp(request: web.Request) -> web.Response:
    body = await request.json()
    await confirmed(request, body["code"])
    return web.Response(status=204)


async def confirmed(request: web.Request, code: str) -> None:
    """The first code of the authenticator; BadCredentialsError if it is not good."""
    person, session = await own_session(request)
    parts, pending = request.app[PARTS], request.app[PENDING]
    secret, now_ms = pending.of(person), parts.clock.now_ms()
    counter = otp.counter_of(secret, code, now_ms=now_ms, last=None)
    if counter is None:
        raise BadCredentialsError("code: expected the one that is shown now, got another")
    await credentials.confirm_totp(
        parts.ledger, person, secret, counter, session=session, now_ms=now_ms
    )
    pending.done(person)
    SECURITY.info("second factor set person=%s", person)
