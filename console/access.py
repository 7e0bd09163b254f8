"""Who calls, and may he: `Access` by tokens and browser sessions.

Guarantee: a revoked token opens nothing from the next request on, and what it is being sent of a
recording ends at the next note of it (`console.sending`); a session's unsafe request
without its CSRF token is refused before anything is read of it but a small form; a bearer token in
an address is not looked at.
Not covered: which right a route needs; it says so itself with `Caller.require`.
"""

import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from sqlalchemy import Row, select

from console import sessions
from console.errors import BadTokenError, ForgedRequestError
from console.tokens import digest, looks_like_secret
from storage import tables
from storage.access import Caller, Right
from storage.clock import Clock
from storage.database import Database
from storage.errors import UnauthenticatedError
from verify.errors import MalformedError

CALLER: web.RequestKey[Caller] = web.RequestKey("CALLER", Caller)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM = "application/x-www-form-urlencoded"


class TokenAccess:
    """Implements `storage.access.Access`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        stranger: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        self._database, self._clock, self._stranger = database, clock, stranger

    async def caller(self, request: web.Request) -> Caller:
        """Who calls; UnauthenticatedError if nobody known, DeniedError for a forged request."""
        known = request.get(CALLER)
        if known is None:
            known = await self._find(request)
            request[CALLER] = known
        return known

    async def by_secret(self, secret: str) -> Caller:
        """The caller behind a token's secret; BadTokenError."""
        found = await self._by_digest(digest(secret)) if looks_like_secret(secret) else None
        if found is None:
            self._stranger("token")
            raise BadTokenError("token: expected one that was issued and not revoked, got another")
        return found

    async def is_active(self, token: str) -> bool:
        """Whether this token is not revoked; for answers that go on for long."""
        return await self._by_id(token, None) is not None

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
        now_ms = self._clock.now_ms()
        session = await sessions.token_and_csrf(self._database, cookie, now_ms=now_ms)
        if session is None:
            self._stranger("session")
            raise UnauthenticatedError("session: expected one that is open, got another")
        token, csrf = session
        if request.method not in _SAFE:
            await self._check_csrf(request, csrf)
        found = await self._by_id(token, csrf)
        if found is None:
            self._stranger("revoked")
            raise UnauthenticatedError("session: expected an active token, got a revoked one")
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

    async def _by_digest(self, wanted: str) -> Caller | None:
        t, s = tables.token, tables.token_secret
        query = (
            select(t)
            .join(s, s.c.token == t.c.id)
            .where(s.c.digest == wanted, t.c.revoked_index.is_(None))
        )
        async with self._database.read() as conn:
            row = (await conn.execute(query)).first()
        return None if row is None else _caller(row, None)

    async def _by_id(self, token: str, csrf: str | None) -> Caller | None:
        t = tables.token
        query = select(t).where(t.c.id == token, t.c.revoked_index.is_(None))
        async with self._database.read() as conn:
            row = (await conn.execute(query)).first()
        return None if row is None else _caller(row, csrf)


async def read_form(request: web.Request) -> Mapping[str, str]:
    """The text fields of a small form; MalformedError."""
    try:
        sent = await request.post()
    except (ValueError, LookupError) as exc:  # no boundary, an unknown charset, no such text
        raise MalformedError("form: expected one that can be read, got another") from exc
    return {name: value for name, value in sent.items() if isinstance(value, str)}


def _caller(row: Row[Any], csrf: str | None) -> Caller:  # a SQLAlchemy row of `token`
    return Caller(
        actor=row.actor,
        rights=frozenset(Right(r) for r in json.loads(row.rights)),
        token=row.id,
        name=row.name,
        source=row.source,
        csrf=csrf,
    )
