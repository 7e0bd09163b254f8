"""Browser sessions: a cookie that stands for a person who signed in, or for a token.

Guarantee: the cookie's value is random and stored only as its digest; each sign-in draws a new one
and ends the one that the browser had; a session ends with its token or its person, at its own
time, after a while without a request, or when the person signs out.  The CSRF token is another
random value, so that showing it in a page gives nothing away.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from console.tokens import digest
from storage import tables
from storage.database import Database

COOKIE = "liuhen_session"
AGENT = 300  # of what a browser calls itself, so much is kept
SEEN_MS = 60_000  # how exactly «the last request» is known: not each one writes


@dataclass(frozen=True, slots=True)
class Session:
    """A session just made: `value` goes into the cookie and nowhere else."""

    value: str
    csrf: str
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long a session lasts: in all, and without a request."""

    absolute_s: int = 12 * 3600
    idle_s: int = 3600

    @property
    def idle_ms(self) -> int:
        return self.idle_s * 1000


@dataclass(frozen=True, slots=True)
class Listed:
    """A session as its owner sees it."""

    digest: str
    created_ms: int
    seen_ms: int
    expires_ms: int
    agent: str | None
    address: str | None

    @property
    def id(self) -> str:
        """Enough of the digest to name it; the cookie's value cannot be found from it."""
        return self.digest[:32]


@dataclass(frozen=True, slots=True)
class Open:
    """A session that is open: whose, and its CSRF value."""

    digest: str
    token: str | None
    person: str | None
    csrf: str
    seen_ms: int


def _utf8(text: str) -> str:
    """A header as it can be kept: its bytes may be none of UTF-8."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


async def begin(
    database: Database,
    token: str | None,
    *,
    now_ms: int,
    lasting: Lasting,
    person: str | None = None,
    before: str | None = None,
    agent: str | None = None,
    address: str | None = None,
) -> Session:
    """A new session of this token or person; the browser's one before it ends, and all that are
    over are swept away."""
    made = Session(
        secrets.token_urlsafe(32), secrets.token_urlsafe(32), now_ms + lasting.absolute_s * 1000
    )
    s = tables.session

    def work(conn: Connection) -> None:
        conn.execute(delete(s).where(s.c.expires_ms < now_ms))
        conn.execute(delete(s).where(s.c.seen_ms < now_ms - lasting.idle_ms - SEEN_MS))
        if before is not None:
            conn.execute(delete(s).where(s.c.digest == digest(before)))
        conn.execute(
            insert(s).values(
                digest=digest(made.value), token=token, person=person, csrf=made.csrf,
                created_ms=now_ms, seen_ms=now_ms, expires_ms=made.expires_ms,
                agent=None if agent is None else _utf8(agent)[:AGENT], address=address,
            )
        )  # fmt: skip

    await database.write(work)
    return made


async def end(database: Database, value: str) -> None:
    """Forget this session; no error if there is none."""

    def work(conn: Connection) -> None:
        conn.execute(delete(tables.session).where(tables.session.c.digest == digest(value)))

    await database.write(work)


def end_all(conn: Connection, person: str, *, but: str | None = None) -> None:
    """Forget the person's sessions, except the one with this digest."""
    s = tables.session.c
    ended = delete(tables.session).where(s.person == person)
    conn.execute(ended if but is None else ended.where(s.digest != but))


async def of_person(
    conn: AsyncConnection, person: str, *, now_ms: int, lasting: Lasting
) -> Sequence[Listed]:
    """The person's sessions that last, the one last used first."""
    s = tables.session.c
    query = (
        select(s.digest, s.created_ms, s.seen_ms, s.expires_ms, s.agent, s.address)
        .where(s.person == person, s.expires_ms > now_ms, s.seen_ms > now_ms - lasting.idle_ms)
        .order_by(s.seen_ms.desc(), s.digest)
    )
    return [Listed(*row) for row in await conn.execute(query)]


def end_one(conn: Connection, person: str, id_: str) -> bool:
    """Forget this session of the person's; False if he has none such."""
    s = tables.session.c
    ended = delete(tables.session).where(s.person == person, s.digest.startswith(id_))
    return conn.execute(ended).rowcount > 0


async def find(conn: AsyncConnection, value: str, *, now_ms: int, lasting: Lasting) -> Open | None:
    """The session behind a cookie, while it lasts."""
    s = tables.session.c
    query = select(s.digest, s.token, s.person, s.csrf, s.seen_ms).where(
        s.digest == digest(value), s.expires_ms > now_ms, s.seen_ms > now_ms - lasting.idle_ms
    )
    row = (await conn.execute(query)).first()
    return None if row is None else Open(*row)


async def note_seen(database: Database, session: Open, now_ms: int) -> None:
    """That it was used, once a minute."""
    if now_ms - session.seen_ms < SEEN_MS:
        return
    s = tables.session.c
    seen = update(tables.session).where(s.digest == session.digest).values(seen_ms=now_ms)
    await database.write(lambda conn: conn.execute(seen).close())
