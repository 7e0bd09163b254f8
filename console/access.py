"""Who calls: a program by its token, a person by a session or a token of his own.

Guarantee: a revoked token, an ended person, a session that is over open nothing from the next
request on, changed roles hold from then on, and what is being sent of a recording ends at the next
note of it (`console.sending`); a session's unsafe request without its CSRF token is refused before
anything is read of it but a small form; a bearer token in an address is not looked at.
Not covered: what he may do (`console.guard`), and signing in (`console.signin`).
"""

import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from console import matrix, sessions
from console.errors import BadTokenError, ForgedRequestError
from console.sessions import Lasting
from console.tokens import digest, looks_like_secret
from console.tree import Tree, tree_of
from storage import tables
from storage.access import Caller, Right
from storage.clock import Clock
from storage.database import Database
from storage.errors import UnauthenticatedError
from storage.rights import Role
from verify.errors import MalformedError

CALLER: web.RequestKey[Caller] = web.RequestKey("CALLER", Caller)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM = "application/x-www-form-urlencoded"
_DIGEST = 64  # characters: a session's; a token's id has 32


class TokenAccess:
    """Implements `storage.access.Access`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        stranger: Callable[[str], None] = lambda _reason: None,
        lasting: Lasting | None = None,
        second_factor: frozenset[Role] = frozenset(),
    ) -> None:
        self._database, self._clock, self._stranger = database, clock, stranger
        self.lasting, self._second_factor = lasting or Lasting(), second_factor
        self._tree: tuple[tuple[int | None, ...], Tree] = ((), Tree())

    async def caller(self, request: web.Request) -> Caller:
        """Who calls; UnauthenticatedError if nobody known, DeniedError for a forged request."""
        known = request.get(CALLER)
        if known is None:
            known = await self._find(request)
            request[CALLER] = known
        return known

    async def by_secret(self, secret: str) -> Caller:
        """The caller behind a token's secret; BadTokenError."""
        found = None
        if looks_like_secret(secret):
            t, s = tables.token, tables.token_secret
            query = select(t).join(s, s.c.token == t.c.id).where(s.c.digest == digest(secret))
            async with self._database.read() as conn:
                found = await self._program(conn, query, None)
        if found is None:
            self._stranger("token")
            raise BadTokenError("token: expected one that was issued and not revoked, got another")
        return found

    async def is_active(self, token: str) -> bool:
        """Whether `Caller.token` is still good; for answers that go on for long."""
        s, p, now_ms = tables.session.c, tables.person, self._clock.now_ms()
        async with self._database.read() as conn:
            if len(token) < _DIGEST:
                return await self._program(conn, _by_id(token), None) is not None
            query = (
                select(s.digest)
                .join(p, p.c.id == s.person)
                .where(s.digest == token, s.expires_ms > now_ms, _still_here(now_ms))
            )
            return (await conn.execute(query)).first() is not None

    async def _tree_now(self, conn: AsyncConnection) -> Tree:
        """Organs and units; read again when one has changed."""
        o, u = tables.organ.c, tables.unit.c
        newest = select(
            select(func.max(o.index)).scalar_subquery(), select(func.max(u.index)).scalar_subquery()
        )
        version = tuple((await conn.execute(newest)).one())
        if version != self._tree[0]:
            organs = [tuple(r) for r in await conn.execute(select(o.id, o.parent))]
            units = [tuple(r) for r in await conn.execute(select(u.id, u.organ, u.parent))]
            self._tree = (version, tree_of(organs, units))
        return self._tree[1]

    # --- finding ----------------------------------------------------------------------------

    async def _find(self, request: web.Request) -> Caller:
        header = request.headers.get("Authorization")
        if header is not None:
            scheme, _, secret = header.partition(" ")
            if scheme.lower() != "bearer":
                self._stranger("scheme")
                raise UnauthenticatedError(f"Authorization: expected Bearer, got {scheme:.20}")
            return await self.by_secret(secret.strip())
        cookie = request.cookies.get(sessions.COOKIE)
        if cookie is None:
            self._stranger("none")
            raise UnauthenticatedError("caller: expected a token or a session, got neither")
        return await self._of_session(request, cookie)

    async def _of_session(self, request: web.Request, cookie: str) -> Caller:
        now_ms, found = self._clock.now_ms(), None
        async with self._database.read() as conn:
            session = await sessions.find(conn, cookie, now_ms=now_ms, lasting=self.lasting)
            if session is not None and session.person is not None:
                found = await self._person(conn, session.person, session.digest, session.csrf)
            elif session is not None:
                found = await self._program(conn, _by_id(str(session.token)), session.csrf)
        if session is None:
            self._stranger("session")
            raise UnauthenticatedError("session: expected one that is open, got another")
        if request.method not in _SAFE:
            await self._check_csrf(request, session.csrf)
        if found is None:
            self._stranger("revoked")
            raise UnauthenticatedError("session: expected an active token, got a revoked one")
        await sessions.note_seen(self._database, session, now_ms)
        return found

    async def _check_csrf(self, request: web.Request, csrf: str) -> None:
        sent = request.headers.get("X-CSRF-Token")
        if sent is None and request.content_type == _FORM:
            sent = (await read_form(request)).get("csrf")
        # A header may hold bytes that are no UTF-8.
        sent_bytes = None if sent is None else sent.encode("utf-8", "surrogateescape")
        if sent_bytes is None or not hmac.compare_digest(sent_bytes, csrf.encode()):
            self._stranger("csrf")
            raise ForgedRequestError(
                "CSRF token: expected that of the session, got another or none"
            )

    async def _program(
        self, conn: AsyncConnection, query: Select[Any], csrf: str | None
    ) -> Caller | None:
        """The caller behind a token that is not revoked; a person's own token is that person with
        no more than the token's rights."""
        row = (await conn.execute(query.where(tables.token.c.revoked_index.is_(None)))).first()
        if row is None:
            return None
        rights = frozenset(Right(r) for r in json.loads(row.rights))
        if row.person is not None:
            return await self._person(conn, row.person, row.id, csrf, rights)
        tree = await self._tree_now(conn) if row.organ is not None else Tree()
        return Caller(
            actor=row.actor, rights=rights, token=row.id, name=row.name, source=row.source,
            csrf=csrf, organ=row.organ,
            units=tree.of_organ(row.organ) if row.organ is not None else frozenset(),
            top=row.organ is not None and tree.top == row.organ,
        )  # fmt: skip

    async def _person(
        self, conn: AsyncConnection, person: str, token: str, csrf: str | None,
        most: frozenset[Right] | None = None,
    ) -> Caller | None:  # fmt: skip
        p, c = tables.person, tables.credential.c
        query = (
            select(p, c.person.label("local"), c.must_change, c.totp)
            .select_from(p.outerjoin(tables.credential, c.person == p.c.id))
            .where(p.c.id == person, _still_here(self._clock.now_ms()))
        )
        row = (await conn.execute(query)).first()
        if row is None:
            return None
        return self._as_caller(row, await self._tree_now(conn), token, csrf, most)

    def _as_caller(
        self, row: Row[Any], tree: Tree, token: str, csrf: str | None, most: frozenset[Right] | None
    ) -> Caller:
        roles = frozenset(Role(role) for role in json.loads(row.roles))
        granted = matrix.shipped().rights
        rights = frozenset[Right]().union(*(granted[role] for role in roles))
        interactive = most is None and row.local is not None
        return Caller(
            actor=f"u:{row.id}", rights=rights if most is None else rights & most, token=token,
            name=row.name, csrf=csrf, session=token if most is None else None, person=row.id, roles=roles, organ=row.organ, unit=row.unit,
            units=tree.below(row.unit) if row.unit is not None else frozenset(),
            supervised=tree.supervised(row.organ) if row.organ is not None else frozenset(),
            top=row.organ is not None and tree.top == row.organ,
            must_change=interactive and bool(row.must_change),
            must_totp=interactive and row.totp is None and bool(roles & self._second_factor),
        )  # fmt: skip


def _by_id(token: str) -> Select[Any]:
    return select(tables.token).where(tables.token.c.id == token)


def _still_here(now_ms: int) -> Any:
    ended = tables.person.c.ended_ms
    return ended.is_(None) | (ended > now_ms)


async def read_form(request: web.Request) -> Mapping[str, str]:
    """The text fields of a small form; MalformedError."""
    try:
        sent = await request.post()
    except (ValueError, LookupError) as exc:  # no boundary, an unknown charset, no such text
        raise MalformedError("form: expected one that can be read, got another") from exc
    found = {name: value for name, value in sent.items() if isinstance(value, str)}
    text = "".join(found.values())
    if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):  # no database takes these
        raise MalformedError("form: expected text, got something else")
    return found
