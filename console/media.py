"""The bytes of a recording, to the person whose view was granted, and what of them went out.

Guarantee: a requested range is in the database before its first byte is sent; how far it came is
written at most five seconds behind and exactly at the end; nothing is sent after the view ended.
Recordings never reach a browser as a document: the type comes from a fixed table, sniffing is off,
and a sandbox policy goes with them.
Not covered: bytes that the network lost after the kernel took them; they count as served.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web
from sqlalchemy import Connection, insert, select, update

from console import ranges, shown
from console.errors import RangeError
from console.parts import PARTS, Parts
from console.security import MEDIA_POLICY
from console.views import View, Views
from storage import tables
from storage.access import Right
from storage.objects.port import Class, ObjectStore
from verify.errors import EvidenceError, NotFoundError, UnavailableError

LOG = logging.getLogger("liuhen.views")
NOTE_S = 5.0
STRIDE = 256 * 1024  # given to the transport at once
VIEWS: web.AppKey[Views] = web.AppKey("VIEWS", Views)

# What a browser may show in place.  Anything else is a download of unnamed bytes.
SHOWN = frozenset({
    "video/mp4", "video/webm", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav", "audio/webm",
    "audio/flac", "audio/aac", "image/jpeg", "image/png", "image/webp", "image/gif", "image/avif",
})  # fmt: skip
_ALIASES = {
    "audio/x-wav": "audio/wav", "audio/wave": "audio/wav", "audio/vnd.wave": "audio/wav",
    "audio/mp3": "audio/mpeg", "audio/x-m4a": "audio/mp4", "audio/m4a": "audio/mp4",
    "video/x-m4v": "video/mp4", "video/quicktime": "video/mp4", "audio/x-flac": "audio/flac",
    "image/jpg": "image/jpeg",
}  # fmt: skip
_ATTACHED = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Bytes:
    """Something to send: where it lies, and what it is."""

    places: Sequence[tuple[ObjectStore, Class, str, str | None]]
    size: int
    sha256: str
    type: str
    filename: str | None  # set: a download under this name


def shown_type(mime: str) -> str | None:
    """The type under which a browser may show it in place; None if it may not."""
    plain = mime.split(";", maxsplit=1)[0].strip().lower()
    plain = _ALIASES.get(plain, plain)
    return plain if plain in SHOWN else None


def disposition(filename: str) -> str:
    """`attachment` with a name that every client reads and none misreads (RFC 6266, RFC 8187)."""
    name = shown.safe_filename(filename)
    ascii_name = "".join(c if c.isascii() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"


async def find(parts: Parts, view: View) -> Bytes:
    """What this view shows: the original as a download, or what a browser plays."""
    async with parts.database.read() as conn:
        i, d, c = tables.item.c, tables.derived.c, tables.copy.c
        item = (
            await conn.execute(select(i.name, i.mime, i.size, i.sha256).where(i.id == view.item))
        ).first()
        made = (
            await conn.execute(
                select(d.key, d.mime, d.size, d.sha256).where(
                    d.item == view.item, d.what == "playable"
                )
            )
        ).first()
        probe = (
            await conn.execute(select(tables.media.c.probe).where(tables.media.c.item == view.item))
        ).scalar()
        copies = {
            row.store: (row.key, row.version)
            for row in await conn.execute(
                select(c.store, c.key, c.version).where(c.item == view.item, c.what == "original")
            )
        }
    if item is None:
        raise NotFoundError(f"item: expected a sealed item, got {view.item}")
    if view.what == "playable" and made is not None:
        place = (parts.work, Class.WORK, made.key, None)
        return Bytes([place], made.size, made.sha256, shown_type(made.mime) or _ATTACHED, None)
    places = [
        (store, Class.EVIDENCE, *copies[store.name])
        for store in parts.stores
        if store.name in copies
    ]
    if not places:
        raise UnavailableError(f"item {view.item}: expected one of its stores, got none of them")
    if view.what == "original":
        return Bytes(places, item.size, item.sha256, _ATTACHED, item.name or view.item)
    type_ = shown_type(item.mime) or shown_type(json.loads(probe or "{}").get("mime") or "")
    return Bytes(places, item.size, item.sha256, type_ or _ATTACHED, None)


async def read_any(content: Bytes, start: int, end: int) -> AsyncGenerator[bytes, None]:
    """From the first store that answers; a later one goes on where an earlier one failed."""
    failure: EvidenceError | None = None
    for store, class_, key, version in content.places:
        try:
            async with aclosing(
                store.read(class_, key, version=version, start=start, end=end)  # type: ignore[type-var]
            ) as pieces:
                async for piece in pieces:
                    start += len(piece)
                    yield piece
        except (UnavailableError, NotFoundError) as error:
            LOG.warning("store %s: %s", store.name, error)
            failure = error
        else:
            if start >= end:
                return
    raise failure or UnavailableError(f"object: expected {end} bytes, got {start}")


async def serve(request: web.Request) -> web.StreamResponse:
    """GET and HEAD /api/views/{view}/media."""
    parts, views = request.app[PARTS], request.app[VIEWS]
    caller = await parts.access.caller(request)
    caller.require(Right.READ)
    view = await views.of(caller, request.match_info["view"])
    views.check_open(view)
    content = await find(parts, view)
    etag = f'"{content.sha256}"'
    header = request.headers.get("Range")
    if header is not None and request.headers.get("If-Range", etag) != etag:
        header = None
    response = web.StreamResponse()
    response.headers.update(
        {
            "Accept-Ranges": "bytes",
            "ETag": etag,
            "Cache-Control": "private, no-store",
            "Content-Security-Policy": MEDIA_POLICY,
            "Content-Type": content.type,
        }
    )
    if content.filename is not None:
        response.headers["Content-Disposition"] = disposition(content.filename)
    try:
        asked = ranges.asked(header, content.size)
    except RangeError as error:
        error.size = content.size
        raise
    start, end = asked or (0, content.size)
    if asked is not None:
        response.set_status(206)
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{content.size}"
    response.content_length = end - start
    if request.method == "HEAD" or start == end:
        await response.prepare(request)
        await response.write_eof()
        return response
    return await _Answer(request, response, view, content, _Note(parts, view.id, start, end)).send()


class _Answer:
    """One GET that is being answered."""

    def __init__(
        self,
        request: web.Request,
        response: web.StreamResponse,
        view: View,
        content: Bytes,
        note: "_Note",
    ) -> None:
        self._request, self._response, self._view = request, response, view
        self._content, self._note = content, note
        self._views, self._clock = request.app[VIEWS], request.app[PARTS].clock
        self._stop = self._views.streams.begin(view.id)

    async def send(self) -> web.StreamResponse:
        """The range, noted before its first byte and after its last."""
        complete = False
        try:
            await self._note.begin()
            with suppress(ConnectionError):  # the player has what it wanted
                await self._response.prepare(self._request)
                complete = await self._pump()
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
        return self._response

    async def _finish(self) -> None:
        try:
            await self._note.end()
        except EvidenceError as error:  # stays open in the table: «unconfirmed»
            LOG.warning("view %s: its last range was not written: %s", self._view.id, error)
        finally:
            await self._views.streams.end(self._view.id, self._stop)

    async def _pump(self) -> bool:
        """Send until the end, or until the view is over; True if everything went out."""
        async with aclosing(read_any(self._content, self._note.start, self._note.until)) as pieces:
            async for piece in pieces:
                for at in range(0, len(piece), STRIDE):
                    if not await self._write(piece[at : at + STRIDE]):
                        return False
        return True

    async def _write(self, stride: bytes) -> bool:
        """One stride to the transport; False if the view ended meanwhile.

        A player that has paused takes nothing for minutes: neither the end of the view nor the
        notes on the way wait for it.
        """
        if self._stop.is_set() or self._clock.now_ms() >= self._view.until_ms:
            return False
        self._note.in_hand(len(stride), self._request)
        writing = asyncio.ensure_future(self._response.write(stride))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            while True:
                left_s = (self._view.until_ms - self._clock.now_ms()) / 1000
                done, _ = await asyncio.wait(
                    {writing, stopping},
                    timeout=max(0.0, min(NOTE_S, left_s)),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                await self._note.progress()
                if writing in done:
                    writing.result()
                    return True
                if stopping in done or left_s <= 0:
                    return False
        finally:
            self._note.look()
            stopping.cancel()
            if not writing.done():
                writing.cancel()
                with suppress(asyncio.CancelledError, ConnectionError):
                    await writing


class _Note:
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
        await self._parts.database.write(
            lambda conn: conn.execute(insert(tables.view_range).values(row)).close()
        )
        self._noted_at = asyncio.get_running_loop().time()

    def in_hand(self, count: int, request: web.Request) -> None:
        """`count` more bytes are given to the transport now."""
        self._handed += count
        self._transport = request.transport

    def look(self) -> None:
        """What still waits in the transport is not out.  Of a transport that is gone nobody
        knows: then all that was handed over counts, at most one stride too much."""
        waiting = 0
        if self._transport is not None and not self._transport.is_closing():
            waiting = self._transport.get_write_buffer_size()
        self._out = max(self._out, self._handed - waiting)

    async def progress(self) -> None:
        """Note how far it came, at most every five seconds."""
        now = asyncio.get_running_loop().time()
        if now - self._noted_at >= NOTE_S:
            self.look()
            self._noted_at = now
            await self._write(final=False)

    async def end(self) -> None:
        self._parts.metrics.served.inc(self._out - self.start)
        await self._write(final=True)

    async def _write(self, *, final: bool) -> None:
        r, out = tables.view_range, min(self._out, self.until)
        change = update(r).where(r.c.id == self._id).values(served_end=out, final=final)

        def work(conn: Connection) -> None:
            conn.execute(change)

        await self._parts.database.write(work)
