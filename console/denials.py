"""`access.denied`: a known caller who asked for what he may not have leaves a trail.

Guarantee: one entry per caller, object and minute, however often he tries; nobody unknown can
make an entry.  What concerns no item and no case (people, lists, jobs) is one of the system's
chain, by its route.
Not covered: strangers; they raise a counter and a line in the security log.
"""

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web
from sqlalchemy import Connection, insert, select

from console.errors import NotYourViewError
from console.owners import READERS, owner_of
from storage import tables
from storage.access import Caller
from storage.clock import Clock
from storage.database import Database
from storage.errors import RightMissingError
from storage.ledger import Draft, Ledger

SECURITY = logging.getLogger("liuhen.security")
_ID = re.compile(r"[0-9a-f]{32}")
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class About:
    """What was refused: an item, a case, or else a route."""

    kind: str
    id: str

    @property
    def key(self) -> str:
        """What repeats within a minute are known by."""
        if self.kind != "route":
            return f"{self.kind[0]}:{self.id}"
        return f"r:{hashlib.sha256(self.id.encode()).hexdigest()[:32]}"


def concerned(request: web.Request, error: RightMissingError) -> About:
    """The item or case that it is about, else the route with the ids in it."""
    if isinstance(error, NotYourViewError):
        return About("item", error.item)
    for kind in ("item", "case"):
        value = request.match_info.get(kind)
        if value is not None and _ID.fullmatch(value):
            return About(kind, value)
    return About("route", route(request, {}))


def route(request: web.Request, names: Mapping[str, str]) -> str:
    """Method and path as the matrix names them, with these ids in it."""
    resource = request.match_info.route.resource
    path = "" if resource is None else resource.canonical
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", value)
    return f"{request.method} {path}"


def denied(caller: Caller, right: str, about: About) -> Draft:
    """The rule: what is recorded of a refusal."""
    fields = {"person": caller.actor, "right": right, about.kind: about.id}
    chain = "sys" if about.kind == "route" else about.key
    return Draft("access.denied", chain, caller.actor, fields)


def note_denial(request: web.Request, caller: Caller, right: str) -> None:
    """A line in the security log."""
    resource = request.match_info.route.resource
    SECURITY.warning(
        "denied actor=%s right=%s method=%s route=%s",
        caller.actor,
        right,
        request.method,
        resource and resource.canonical,
    )


class Denials:
    """Records refusals; asked by the problems middleware."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock) -> None:
        self._database, self._ledger, self._clock = database, ledger, clock

    async def record(
        self,
        request: web.Request,
        caller: Caller,
        error: RightMissingError,
        about: About | None = None,
    ) -> None:
        """Record the refusal, unless this minute already has it; of one row of many by `about`."""
        note_denial(request, caller, error.right)
        minute = self._clock.now_ms() // _MINUTE_MS
        about = await self._known(about or concerned(request, error), request)
        row = {"person": caller.actor, "object": about.key, "minute": minute}
        if await self._is_noted(row):
            return
        draft = denied(caller, error.right, about)

        def also(conn: Connection, _events: object) -> None:
            conn.execute(insert(tables.denial).values(row))

        # the operation id decides between two requests of the same minute that both saw no row
        operation = f"denied:{caller.actor}:{about.key}:{minute}"
        await self._ledger.record(operation, lambda _conn: [draft], also)

    async def _known(self, about: About, request: web.Request) -> About:
        """Only ids that exist are named: who guesses them makes no entry for each guess."""
        if about.kind != "route" and await self._exists(about.kind, about.id):
            return about
        names = {
            kind: value
            for kind, value in request.match_info.items()
            if kind in READERS and _ID.fullmatch(value) and await self._exists(kind, value)
        }
        return About("route", route(request, names))

    async def _exists(self, kind: str, id_: str) -> bool:
        async with self._database.read() as conn:
            if kind == "item":  # its owner is also found by its upload, which has no such chain
                i = tables.item.c
                return (await conn.execute(select(i.id).where(i.id == id_))).first() is not None
            return await owner_of(conn, kind, id_) is not None

    async def _is_noted(self, row: dict[str, object]) -> bool:
        d = tables.denial.c
        seen = select(d.minute).where(
            d.person == row["person"], d.object == row["object"], d.minute == row["minute"]
        )
        async with self._database.read() as conn:
            return (await conn.execute(seen)).first() is not None
