"""The guard before every route: the matrix asked, with the caller and whose the object is.

Guarantee: a route without a line in the matrix answers nobody; no handler runs before its line
allows it; what is not there and what one may not see are refused alike; a private object, or one
beyond one's own right, opens only with as many live approvals of different people as it takes, to a
program as to a person.
Not covered: objects named in a body (the handler calls `permit`), rows of a list (the handler asks
`visible_to`), and what is recorded of a refusal (`console.denials`).
"""

import re

from aiohttp import web
from aiohttp.typedefs import Handler
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from console import matrix
from console.access import CALLER
from console.errors import ApprovalNeededError, ChangeFirstError
from console.matrix import FIRST, PUBLIC, SELF, WITHOUT_OBJECT, Decision, Endpoint, Owner
from console.owners import owner_of
from console.parts import PARTS
from console.problems import wants_page
from storage import tables
from storage.access import Caller, Visible
from storage.errors import RightMissingError
from storage.rights import Scope
from verify.errors import DeniedError

_ID = re.compile(r"[0-9a-f]{32}")
_OF_A_TOKEN = frozenset({Scope.OWN, Scope.UNIT, Scope.ORGAN})


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through what the matrix allows."""
    if request.match_info.http_exception is not None:
        return await handler(request)  # there is no such route
    resource = request.match_info.route.resource
    path = "none" if resource is None else resource.canonical
    row = matrix.shipped().endpoint(request.method, path)
    if row is None:
        raise DeniedError(f"route: expected a line in the matrix, got none for {path}")
    if row.permission != PUBLIC:
        caller = await request.app[PARTS].access.caller(request)
        _check_first(request, row, caller)
        await _check(request, row, caller)
    return await handler(request)


def _check_first(request: web.Request, row: Endpoint, caller: Caller) -> None:
    """Nothing before the first change of password and the second factor that the role asks for."""
    if row.permission == FIRST or not (caller.must_change or caller.must_totp):
        return
    if wants_page(request) and request.method == "GET":
        raise web.HTTPSeeOther("/password" if caller.must_change else "/second-factor")
    what = "password changed" if caller.must_change else "second factor set up"
    raise ChangeFirstError(f"session: expected the {what} first, got something else")


async def _check(request: web.Request, row: Endpoint, caller: Caller) -> None:
    own_token = caller.person is not None and caller.session is None
    if caller.person is None or own_token:
        _check_rights(row, caller)
    if row.permission in (FIRST, SELF):
        return
    if row.object not in WITHOUT_OBJECT:
        await permit(request, row.permission, row.object, request.match_info[row.object])
    elif caller.person is not None and not matrix.anywhere(
        matrix.shipped(), caller.roles, row.permission
    ):
        raise _missing(row.permission, caller)


def _check_rights(row: Endpoint, caller: Caller) -> None:
    if row.rights is None:
        raise RightMissingError(row.permission, ", ".join(sorted(caller.rights)))
    if not (row.rights & caller.rights):
        raise RightMissingError(sorted(row.rights)[0], ", ".join(sorted(caller.rights)))


def _missing(permission: str, caller: Caller) -> RightMissingError:
    return RightMissingError(permission, ", ".join(sorted(caller.roles or caller.rights)))


async def permit(request: web.Request, permission: str, kind: str, id_: str) -> Caller:
    """The caller, who may do this to that object; RightMissingError, ApprovalNeededError.

    For handlers, when a body names an object beside that of the route.
    """
    caller = await request.app[PARTS].access.caller(request)
    everywhere = caller.person is None and caller.organ is None  # a program that sees every organ
    if everywhere and permission not in matrix.READING:
        return caller
    parts = request.app[PARTS]
    async with parts.database.read() as conn:
        owner = await owner_of(conn, kind, id_) if _ID.fullmatch(id_) else None
        if caller.person is None and kind == "rules" and owner is not None and not owner.organs:
            return caller  # a list for all organs is everybody's
        if everywhere:
            needed = int(owner is not None and _is_apart(permission, owner))
        else:
            needed = _needed(caller, permission, owner)
        if needed and await approvals(conn, caller, kind, id_, parts.clock.now_ms()) < needed:
            raise ApprovalNeededError(permission, ", ".join(sorted(caller.roles)))
    return caller


async def permit_case(request: web.Request, case: str | None) -> None:
    """For views and excerpts that say for which case they are: one that the caller may read."""
    if case is not None:
        await permit(request, "case.read", "case", case)


async def is_permitted(request: web.Request, permission: str, kind: str, id_: str) -> bool:
    """Whether `permit` would let it through: for a part of a page that is not everybody's."""
    try:
        await permit(request, permission, kind, id_)
    except RightMissingError:
        return False
    return True


async def permit_owner(request: web.Request, permission: str, owner: Owner) -> Caller:
    """The caller, who may do this to something of these people, units and organs.

    For handlers that make an object: its place is in the body.
    """
    caller = await request.app[PARTS].access.caller(request)
    if not (caller.person is None and caller.organ is None) and _needed(caller, permission, owner):
        raise _missing(permission, caller)
    return caller


def _needed(caller: Caller, permission: str, owner: Owner | None) -> int:
    """How many approvals this takes; RightMissingError where none would help.

    What is not there is as if it were anybody's: it cannot be told from what one may not see.
    """
    if caller.person is None:
        if owner is None or matrix.relation(caller, owner) not in _OF_A_TOKEN:
            raise RightMissingError(permission, f"the organ {caller.organ}")
        return int(_is_apart(permission, owner))
    known = matrix.shipped()
    if owner is None:
        outside = matrix.decide(known, caller.roles, permission, Scope.OUTSIDE)
        needed = 0 if outside is Decision.ALLOW else None
    else:
        needed = matrix.approvals_needed(known, caller, permission, owner)
    if needed is None:
        raise _missing(permission, caller)
    return needed


def _is_apart(permission: str, owner: Owner) -> bool:
    """Whether a program may not read this on its token's word alone: a person has to agree."""
    return owner.private and permission in matrix.READING


def may(caller: Caller, permission: str, owner: Owner) -> bool:
    """Whether the caller may do this to something of theirs without asking anybody."""
    if caller.person is None and caller.organ is None:
        return not _is_apart(permission, owner)
    try:
        return _needed(caller, permission, owner) == 0
    except RightMissingError:
        return False


async def approvals(conn: AsyncConnection, caller: Caller, kind: str, id_: str, now_ms: int) -> int:
    """By how many people a request of this caller for this object is approved, and still is."""
    a, n, v, u = tables.approval.c, tables.link.c, tables.view.c, tables.upload.c
    if kind == "view":
        id_ = (await conn.execute(select(v.item).where(v.id == id_))).scalar_one()
    if kind == "upload":
        id_ = (await conn.execute(select(u.item).where(u.id == id_))).scalar() or id_
    cases = select(n.case).where(n.item == id_, n.unlinked_index.is_(None))
    query = select(func.count(func.distinct(a.decided_by))).where(
        a.kind == "access", a.decision == "approved", a.until_ms > now_ms,
        a.asked_by == caller.actor, or_(a.item == id_, a.case == id_, a.case.in_(cases)),
    )  # fmt: skip
    return int((await conn.execute(query)).scalar_one())


def visible_to(request: web.Request, permission: str) -> Visible:
    """Which rows of a list this route's caller may see; the guard has found out who it is."""
    return matrix.visible(matrix.shipped(), request[CALLER], permission)
