"""Browser sessions: a cookie that stands for a token.

Guarantee: the cookie's value is random and stored only as its digest; a session ends with its
token, at its own time, or when the person signs out.  The CSRF token is another random value, so
that showing it in a page gives nothing away.
"""

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from console.tokens import digest
from storage import tables
from storage.database import Database

COOKIE = "liuhen_session"


@dataclass(frozen=True, slots=True)
class Session:
    """A session just made: `value` goes into the cookie and nowhere else."""

    value: str
    csrf: str
    expires_ms: int


async def begin(database: Database, token: str, *, now_ms: int, lasts_s: int) -> Session:
    """A new session of this token; those that are over are swept away."""
    made = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), now_ms + lasts_s * 1000)

    def work(conn: Connection) -> None:
        conn.execute(delete(tables.session).where(tables.session.c.expires_ms < now_ms))
        conn.execute(
            insert(tables.session).values(
                digest=digest(made.value), token=token, csrf=made.csrf, expires_ms=made.expires_ms
            )
        )

    await database.write(work)
    return made


async def end(database: Database, value: str) -> None:
    """Forget this session; no error if there is none."""

    def work(conn: Connection) -> None:
        conn.execute(delete(tables.session).where(tables.session.c.digest == digest(value)))

    await database.write(work)


async def token_and_csrf(database: Database, value: str, *, now_ms: int) -> tuple[str, str] | None:
    """The token's id and the CSRF value behind a cookie, while the session lasts."""
    c = tables.session.c
    query = select(c.token, c.csrf).where(c.digest == digest(value), c.expires_ms > now_ms)
    async with database.read() as conn:
        row = (await conn.execute(query)).first()
    return None if row is None else (row.token, row.csrf)
