"""Views: who looked at which bytes of a recording, and why.  Granted before, closed after.

Guarantee: `view.granted` is recorded before the first byte can be asked for, and lasts at most
fifteen minutes; `view.closed` says which ranges were really served, and calls those that were
requested but whose end a kill left unknown `unconfirmed`.  Two entries, whatever the seeking.
Not covered: what somebody remembers, photographs or copies from a screen.

Format: docs/formats/entries.md, version 1 (view.granted, view.closed).
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Connection, delete, exists, select

from console.errors import NotPlayableError, NotYourViewError, ViewEndedError
from console.ranges import merged, without
from storage import tables
from storage.access import Caller
from storage.clock import Clock
from storage.database import Database
from storage.ledger import Draft, Ledger
from verify.entries import format_time
from verify.errors import EvidenceError, MalformedError, NotFoundError

LOG = logging.getLogger("liuhen.views")
What = Literal["original", "playable", "clip"]
MAX_PURPOSE = 500
SWEEP_S = 15
GRACE_MS = 10_000  # after `until`: streams end by themselves and write their last range


@dataclass(frozen=True, slots=True)
class Granted:
    """A view that was granted."""

    view: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class View:
    """A row of `view`, as serving needs it."""

    id: str
    item: str
    person: str
    what: What
    until_ms: int
    closed: bool
    clip: str | None = None
    of_copy: bool = False  # a playable copy was there when it was granted


@dataclass(frozen=True, slots=True)
class Served:
    """A row of `view_range`."""

    start: int
    requested_end: int
    served_end: int
    final: bool


def grant(
    view: str,
    item: str | None,
    *,
    person: str,
    what: What,
    playable: bool,
    purpose: str,
    until_ms: int,
    case: str | None,
    case_known: bool,
    clip: str | None = None,
) -> Draft:
    """The rule: may this view be granted, and what is recorded of it."""
    if item is None:
        raise NotFoundError("item: expected a sealed item, got an unknown id")
    purpose = purpose.strip()
    if not purpose or len(purpose) > MAX_PURPOSE:
        raise MalformedError(f"purpose: expected 1 to {MAX_PURPOSE} characters, got {len(purpose)}")
    if what == "playable" and not playable:
        raise NotPlayableError(f"item {item}: expected something a browser plays, got none yet")
    if case is not None and not case_known:
        raise NotFoundError("case: expected an opened case, got an unknown id")
    fields = {
        "view": view,
        "item": item,
        "person": person,
        "purpose": purpose,
        "until": format_time(until_ms),
        "what": what,
    }
    if case is not None:
        fields["case"] = case
    if clip is not None:
        fields["clip"] = clip
    return Draft("view.granted", f"i:{item}", person, fields)


def close(view: View, ranges: Sequence[Served], *, actor: str) -> Draft:
    """The rule: what is recorded at the end of a view."""
    served = merged((r.start, r.served_end) for r in ranges)
    open_ = [(r.start, r.requested_end) for r in ranges if not r.final]
    fields: dict[str, object] = {
        "view": view.id,
        "item": view.item,
        "served": [list(i) for i in served],
    }
    if unconfirmed := without(open_, served):
        fields["unconfirmed"] = [list(i) for i in unconfirmed]
    return Draft("view.closed", f"i:{view.item}", actor, fields)


class Streams:
    """The answers that are being sent now, so that a view ends before it is closed."""

    def __init__(self) -> None:
        self._running: dict[str, set[asyncio.Event]] = {}
        self._ended = asyncio.Condition()

    def begin(self, view: str) -> asyncio.Event:
        """Register an answer; it stops sending when the event is set."""
        stop = asyncio.Event()
        self._running.setdefault(view, set()).add(stop)
        return stop

    async def end(self, view: str, stop: asyncio.Event) -> None:
        """The answer has written its last range."""
        running = self._running.get(view)
        if running is not None:
            running.discard(stop)
            if not running:
                del self._running[view]
        async with self._ended:
            self._ended.notify_all()

    async def stop(self, view: str, limit_s: float = 3.0) -> None:
        """Ask all answers of the view to stop, and wait for their last word for a while."""
        for stop in self._running.get(view, ()):
            stop.set()
        try:
            async with asyncio.timeout(limit_s), self._ended:
                await self._ended.wait_for(lambda: view not in self._running)
        except TimeoutError:
            LOG.warning("view %s: an answer did not stop in %s s", view, limit_s)


class Views:
    """Grants, closes and sweeps."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock, *, view_s: int) -> None:
        self._database, self._ledger, self._clock, self._view_s = database, ledger, clock, view_s
        self.streams = Streams()

    async def grant(
        self,
        caller: Caller,
        item: str,
        *,
        what: What,
        purpose: str,
        case: str | None,
        clip: str | None = None,
        live: bool = False,
    ) -> Granted:
        """Record that this person may look now; of an excerpt (`clip`), that he takes it.

        `live`: its conversion runs, and something of it can be watched already.
        """
        view = secrets.token_hex(16)
        until_ms = self._clock.now_ms() + self._view_s * 1000

        def decide(conn: Connection) -> list[Draft]:
            i, c = tables.item.c, tables.case.c
            known = conn.execute(select(i.id).where(i.id == item)).scalar()
            case_known = (
                case is not None
                and conn.execute(select(c.id).where(c.id == case)).scalar() is not None
            )
            return [
                grant(
                    view,
                    known,
                    person=caller.actor,
                    what=what,
                    playable=live or is_playable(conn, item),
                    purpose=purpose,
                    until_ms=until_ms,
                    case=case,
                    case_known=case_known,
                    clip=clip,
                )
            ]

        await self._ledger.record(f"view:{view}", decide)
        return Granted(view, until_ms)

    async def of(self, caller: Caller, id_: str) -> View:
        """The view, if it is this person's; another's is a NotYourViewError."""
        v = tables.view.c
        query = select(
            v.id, v.item, v.person, v.what, v.until_ms, v.closed_index, v.clip, of_copy()
        ).where(v.id == id_)
        async with self._database.read() as conn:
            row = (await conn.execute(query)).first()
        if row is None:
            raise NotFoundError(f"view: expected a known id, got {id_:.40}")
        if row.person != caller.actor:
            raise NotYourViewError(id_, row.item)
        return View(
            row.id, row.item, row.person, row.what, row.until_ms, row.closed_index is not None,
            row.clip, row.of_copy,
        )  # fmt: skip

    async def open_one(self, view: View) -> View:
        """The view itself while it is open, else the one that took its place; ViewEndedError.

        A player keeps its address when its grant is renewed, so that it never stops; what it
        gets counts for the view that is open.
        """
        if not view.closed and self._clock.now_ms() < view.until_ms:
            return view
        successor = await self.successor(view)
        if successor is None:
            raise ViewEndedError(f"view {view.id}: expected an open one, got one that has ended")
        return successor

    async def successor(self, view: View) -> View | None:
        """The newest open view of the same person, item and kind.

        What is watched while it is converted is of another kind than the copy that comes of it:
        their bytes are not the same, and no view counts both.
        """
        v = tables.view.c
        query = (
            select(v.id, v.item, v.person, v.what, v.until_ms)
            .where(
                v.item == view.item,
                v.person == view.person,
                v.what == view.what,
                v.clip.is_(None) if view.clip is None else v.clip == view.clip,
                of_copy() == view.of_copy,
                v.id != view.id,
                v.closed_index.is_(None),
                v.until_ms > self._clock.now_ms(),
            )
            .order_by(v.granted_index.desc())
            .limit(1)
        )
        async with self._database.read() as conn:
            row = (await conn.execute(query)).first()
        if row is None:
            return None
        return View(*row, closed=False, clip=view.clip, of_copy=view.of_copy)

    async def close(self, view: View, *, actor: str) -> None:
        """End the view: stop what is being sent, then record what was served.  Again: no effect."""
        if view.closed:
            return
        await self.streams.stop(view.id)
        r, v = tables.view_range, tables.view.c

        def decide(conn: Connection) -> list[Draft]:
            # An answer that begins now waits for this row (`console.sending`), so none is missed.
            conn.execute(select(v.id).where(v.id == view.id).with_for_update()).close()
            columns = (r.c.start, r.c.requested_end, r.c.served_end, r.c.final)
            rows = conn.execute(select(*columns).where(r.c.view == view.id)).all()
            return [close(view, [Served(*row) for row in rows], actor=actor)]

        def also(conn: Connection, _events: object) -> None:
            conn.execute(delete(r).where(r.c.view == view.id))  # the entry holds them now

        await self._ledger.record(f"close:{view.id}", decide, also)

    async def sweep(self) -> int:
        """Close what is over, or what a kill left open; returns how many."""
        v = tables.view.c
        over = self._clock.now_ms() - GRACE_MS
        query = (
            select(v.id, v.item, v.person, v.what, v.until_ms)
            .where(v.closed_index.is_(None), v.until_ms < over)
            .limit(200)
        )
        async with self._database.read() as conn:
            rows = (await conn.execute(query)).all()
        closed = 0
        for row in rows:
            try:
                await self.close(View(*row, closed=False), actor="sys")
                closed += 1
            except EvidenceError as error:  # the others are not kept open for it
                LOG.warning("view %s is not closed: %s: %s", row.id, error.code, error)
        return closed

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await self.sweep()
            except EvidenceError as error:  # the database or the ledger is away: next time
                LOG.warning("sweep of views: %s: %s", error.code, error)
            except Exception:  # nobody would notice that no view is closed any more
                LOG.exception("sweep of views")


def of_copy() -> ColumnElement[bool]:
    """Of a row of `view`: whether the playable copy that there is now was there when it was granted.

    What is converted right now is served in pieces until then, the copy after: which bytes a view
    counts follows from the order of the entries alone.
    """
    d, v = tables.derived.c, tables.view.c
    made = exists().where(d.item == v.item, d.what == "playable", d.index < v.granted_index)
    return made.correlate(tables.view).label("of_copy")


def is_playable(conn: Connection, item: str) -> bool:
    """Whether a browser can show it: as it is, or by a playable copy."""
    d, m = tables.derived.c, tables.media.c
    copy = select(d.key).where(d.item == item, d.what == "playable")
    verdict = conn.execute(select(m.verdict).where(m.item == item)).scalar()
    return verdict in ("native", "image") or conn.execute(copy).scalar() is not None
