"""One answer of a recording's bytes, and the note of what of it went out.

Guarantee: the requested range is in the database before its first byte is sent; how far it came is
written at most five seconds behind and exactly at the end; nothing is sent after the view ended,
unless the same person holds a newer view of the same thing, which then counts it.  Of a token that
is revoked the answer ends with the next note, within five seconds.
Not covered: bytes that the network lost after the kernel took them; they count as served.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from aiohttp import web
from sqlalchemy import Connection, insert, select, update

from console.errors import ViewEndedError
from console.parts import PARTS, Parts
from console.views import View, Views
from storage import tables
from verify.errors import EvidenceError

LOG = logging.getLogger("liuhen.views")
NOTE_S = 5.0
STRIDE = 256 * 1024  # given to the transport at once


class Answer:
    """One GET that is being answered."""

    def __init__(
        self,
        request: web.Request,
        response: web.StreamResponse,
        views: Views,
        view: View,
        *,
        token: str,
        pieces: AsyncGenerator[bytes, None],
        note: "Note",
    ) -> None:
        self._request, self._response, self._view = request, response, view
        self._pieces, self._note = pieces, note
        self._token, self._access, self._revoked = token, request.app[PARTS].access, False
        self._views, self._clock = views, request.app[PARTS].clock
        self._stop = self._views.streams.begin(view.id)
        self._writing: asyncio.Future[None] | None = None

    async def send(self) -> web.StreamResponse:
        """The range, noted before its first byte and after its last."""
        complete = False
        try:
            async with aclosing(self._pieces):
                await self._note.begin()
                first = await anext(self._pieces, b"")  # bytes that are lost are told, not cut off
                with suppress(ConnectionError):  # the player has what it wanted
                    await self._response.prepare(self._request)
                    complete = await self._pump(first)
                    self._note.look(complete=complete)
        except EvidenceError as error:
            if not self._response.prepared:
                raise
            LOG.warning("view %s: %s", self._view.id, error)
        finally:
            # shielded: a client that goes away must not leave the range without its end
            await asyncio.shield(self._finish())
        if complete:
            with suppress(ConnectionError):
                await self._response.write_eof()
        elif self._request.transport is not None:
            self._request.transport.abort()  # fewer bytes than promised: never let it look whole
        if self._writing is not None:
            self._writing.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await self._writing
        return self._response

    async def _finish(self) -> None:
        try:
            await self._note.end()
        except EvidenceError as error:  # stays open in the table: «unconfirmed»
            LOG.warning("view %s: its last range was not written: %s", self._view.id, error)
        finally:
            await self._views.streams.end(self._view.id, self._stop)

    async def _pump(self, first: bytes) -> bool:
        """Send until the end, or until the view is over; True if everything went out."""
        piece: bytes | None = first
        while piece is not None:
            for at in range(0, len(piece), STRIDE):
                if self._over() and not await self._go_on():
                    return False
                if not await self._write(piece[at : at + STRIDE]):
                    return False
            piece = await anext(self._pieces, None)
        return True

    def _over(self) -> bool:
        return self._stop.is_set() or self._clock.now_ms() >= self._view.until_ms

    async def _go_on(self) -> bool:
        """The view has ended: go on under the one that took its place, if there is one.

        What still waits in the transport counts for the new one."""
        if self._revoked:
            return False
        successor = await self._views.successor(self._view)
        if successor is None:
            return False
        old, stop, view = self._note, self._stop, self._view
        note = old.following(successor.id)
        self._stop, self._view = self._views.streams.begin(successor.id), successor
        await note.begin()
        self._note = note
        await old.end()
        await self._views.streams.end(view.id, stop)
        return True

    async def _write(self, stride: bytes) -> bool:
        """One stride to the transport; False if the view ended while it waited there."""
        self._note.in_hand(len(stride), self._request)
        self._writing = asyncio.ensure_future(self._response.write(stride))
        while not await self._drained(self._writing):
            if not await self._go_on():
                return False
        return True

    async def _drained(self, writing: "asyncio.Future[None]") -> bool:
        """Wait until the transport takes more; False if the view or the token ends before.

        A player that has paused takes nothing for minutes: neither the end of the view nor the
        notes on the way wait for it.  `writing` is never cancelled while the answer may go on:
        aiohttp's own waiter would be cancelled with it, for every later write.
        """
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            while True:
                left_s = (self._view.until_ms - self._clock.now_ms()) / 1000
                waited: set[asyncio.Future[Any]] = {writing, stopping}
                done, _ = await asyncio.wait(
                    waited,
                    timeout=max(0.0, min(NOTE_S, left_s)),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if await self._note.progress() and not await self._access.is_active(self._token):
                    self._revoked = True
                    return False
                if writing in done:
                    writing.result()
                    return True
                if stopping in done or left_s <= 0:
                    return False
        finally:
            self._note.look()
            stopping.cancel()


class Note:
    """The row of one answer in `view_range`."""

    def __init__(self, parts: Parts, view: str, start: int, end: int) -> None:
        self.start, self.until = start, end
        self._parts, self._view, self._id = parts, view, secrets.token_hex(16)
        self._handed = start  # given to the transport
        self._out = start  # taken by the kernel, as far as we know
        self._noted_at = 0.0
        self._transport: asyncio.WriteTransport | None = None

    async def begin(self) -> None:
        row = {
            "id": self._id, "view": self._view, "start": self.start,
            "requested_end": self.until, "served_end": self.start, "final": False,
        }  # fmt: skip
        v = tables.view.c
        # Locked, so that a view that is closed just now either sees this range or refuses it.
        still = select(v.id).where(v.id == self._view, v.closed_index.is_(None)).with_for_update()

        def work(conn: Connection) -> None:
            if conn.execute(still).scalar() is None:
                raise ViewEndedError(f"view {self._view}: expected an open one, got a closed one")
            conn.execute(insert(tables.view_range).values(row))

        await self._parts.database.write(work)
        self._noted_at = asyncio.get_running_loop().time()

    def in_hand(self, count: int, request: web.Request) -> None:
        """`count` more bytes are given to the transport now."""
        self._handed += count
        self._transport = request.transport

    def following(self, view: str) -> "Note":
        """The note that takes over where the kernel has taken what went out so far."""
        note = Note(self._parts, view, self._out, self.until)
        note._handed, note._transport = self._handed, self._transport
        return note

    def look(self, *, complete: bool = False) -> None:
        """What still waits in the transport is not out, unless the answer is complete and will
        drain.  Of a transport that is gone nobody knows: then all that was handed over counts,
        at most one stride too much."""
        waiting = 0
        if not complete and self._transport is not None and not self._transport.is_closing():
            waiting = self._transport.get_write_buffer_size()
        self._out = max(self._out, self._handed - waiting)

    async def progress(self) -> bool:
        """Note how far it came, at most every five seconds; whether it was noted now."""
        now = asyncio.get_running_loop().time()
        if now - self._noted_at < NOTE_S:
            return False
        self.look()
        self._noted_at = now
        await self._write(final=False)
        return True

    async def end(self) -> None:
        self._parts.metrics.served.inc(self._out - self.start)
        await self._write(final=True)

    async def _write(self, *, final: bool) -> None:
        r, out = tables.view_range, min(self._out, self.until)
        change = update(r).where(r.c.id == self._id).values(served_end=out, final=final)

        def work(conn: Connection) -> None:
            conn.execute(change)

        await self._parts.database.write(work)
