"""The API of tokens: for devices and stations by the security administrator, and one's own.

Guarantee: nobody gives out by this API what he may not see: a token made for others opens no
evidence, one's own opens no more than one may oneself.  The secret is in the answer that made it
and nowhere else.
Not covered: tokens of programs that read evidence; they are made at the server (`liuhen token`).
"""

from typing import Any

from aiohttp import web
from sqlalchemy import select

from console import matrix, tokens
from console.access import CALLER
from console.answers import plain
from console.errors import NoEvidenceError
from console.parts import PARTS
from console.people import check_still
from console.people_api import recorded
from storage import tables
from storage.access import Caller, Right
from storage.errors import RightMissingError
from storage.rights import Role
from verify.entries import format_time
from verify.errors import NotFoundError

ROUTES = web.RouteTableDef()
FOR_OTHERS = frozenset({Right.UPLOAD, Right.LOG})
"""Rights that show no evidence to whoever knows the secret."""


def manages(caller: Caller) -> bool:
    return matrix.anywhere(matrix.shipped(), caller.roles, "token.manage")


def _said(one: tokens.Token) -> dict[str, Any]:
    return {
        "id": one.id, "name": one.name, "rights": [str(right) for right in one.rights],
        "source": one.source, "source_name": one.source_name, "person": one.person,
        "organ": one.organ, "issued": format_time(one.issued_ms), "revoked": one.revoked,
    }  # fmt: skip


@ROUTES.get("/api/tokens")
async def list_tokens(request: web.Request) -> web.Response:
    """All for who manages them, else one's own; never a secret."""
    caller = request[CALLER]
    found = await tokens.list_tokens(request.app[PARTS].database)
    shown = [one for one in found if manages(caller) or one.person == caller.person]
    return plain({"tokens": [_said(one) for one in shown]})


@ROUTES.post("/api/tokens")
async def issue(request: web.Request) -> web.Response:
    caller, parts, body = request[CALLER], request.app[PARTS], await request.json()
    rights = frozenset(Right(right) for right in body["rights"])
    if body.get("own", False):
        if more := rights - caller.rights:
            raise RightMissingError(sorted(more)[0], ", ".join(sorted(caller.rights)))
        made = await tokens.issue_token(
            parts.ledger, body["name"], rights, by=caller.actor, person=caller.person
        )
    else:
        if not manages(caller):
            raise RightMissingError("token.manage", ", ".join(sorted(caller.roles)))
        if more := rights - FOR_OTHERS:
            raise NoEvidenceError(
                f"token rights: expected upload or log, which show no evidence, got {sorted(more)[0]}"
            )
        made = await tokens.issue_token(
            parts.ledger, body["name"], rights, body.get("source"),
            source_kind=body.get("kind", "device"), by=caller.actor, organ=body.get("organ"),
            check=lambda conn: check_still(
                conn, caller.actor, Role.SECURITY_ADMIN, parts.clock.now_ms()
            ),
        )  # fmt: skip
    return plain({"id": made[0], "secret": made[1]}, 201)


@ROUTES.post("/api/tokens/{token}/revoke")
async def revoke(request: web.Request) -> web.Response:
    caller, parts, token = request[CALLER], request.app[PARTS], request.match_info["token"]
    body = await request.json()
    if not manages(caller):
        t = tables.token.c
        async with parts.database.read() as conn:
            person = (await conn.execute(select(t.person).where(t.id == token))).scalar()
        if person is None or person != caller.person:
            raise NotFoundError(f"token: expected one of the caller's own, got {token:.40}")
    event = await tokens.revoke_token(parts.ledger, token, body["reason"], by=caller.actor)
    return recorded(event, {})
