"""`access.denied`: a known caller who asked for what he may not have leaves a trail.

Guarantee: one entry per caller, object and minute, however often he tries; nobody unknown can
make an entry.  Denials that concern no item and no case (lists, jobs) go to the security log only.
Not covered: strangers; they raise a counter and a line in the security log.
"""

import logging
import re

from aiohttp import web
from sqlalchemy import Connection, insert, select

from console.errors import NotYourViewError
from storage import tables
from storage.access import Caller
from storage.clock import Clock
from storage.database import Database
from storage.errors import RightMissingError
from storage.ledger import Draft, Ledger

SECURITY = logging.getLogger("liuhen.security")
_ID = re.compile(r"[0-9a-f]{32}")
_MINUTE_MS = 60_000


def concerned(request: web.Request, error: RightMissingError) -> tuple[str, str] | None:
    """The item or case that it is about: ("item", id) or ("case", id)."""
    if isinstance(error, NotYourViewError):
        return "item", error.item
    for kind in ("item", "case"):
        value = request.match_info.get(kind)
        if value is not None and _ID.fullmatch(value):
            return kind, value
    return None


def denied(caller: Caller, right: str, kind: str, id_: str) -> Draft:
    """The rule: what is recorded of a refusal."""
    fields = {"person": caller.actor, "right": right, kind: id_}
    return Draft("access.denied", f"{kind[0]}:{id_}", caller.actor, fields)


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

    async def record(self, request: web.Request, caller: Caller, error: RightMissingError) -> None:
        """Record the refusal, unless this minute already has it or the object does not exist."""
        note_denial(request, caller, error.right)
        found = concerned(request, error)
        if found is None:
            return
        kind, id_ = found
        draft = denied(caller, error.right, kind, id_)
        minute = self._clock.now_ms() // _MINUTE_MS
        row = {"person": caller.actor, "object": draft.chain, "minute": minute}
        if not await self._is_new(kind, id_, row):
            return

        def also(conn: Connection, _events: object) -> None:
            conn.execute(insert(tables.denial).values(row))

        # the operation id decides between two requests of the same minute that both saw no row
        operation = f"denied:{caller.actor}:{draft.chain}:{minute}"
        await self._ledger.record(operation, lambda _conn: [draft], also)

    async def _is_new(self, kind: str, id_: str, row: dict[str, object]) -> bool:
        object_ = tables.item if kind == "item" else tables.case
        d = tables.denial.c
        seen = select(d.minute).where(
            d.person == row["person"], d.object == row["object"], d.minute == row["minute"]
        )
        async with self._database.read() as conn:
            if (await conn.execute(seen)).first() is not None:
                return False
            exists = select(object_.c.id).where(object_.c.id == id_)
            return (await conn.execute(exists)).first() is not None
