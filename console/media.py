"""The bytes of a recording, to the person whose view was granted, and what of them went out.

Guarantee: recordings never reach a browser as a document: the type comes from a fixed table,
sniffing is off, and a sandbox policy goes with them.  One range at a time, by strong ETag.
Not covered: noting what went out (`console.sending`).
"""

import json
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web
from sqlalchemy import select

from console import ranges, shown
from console.answers import is_known
from console.errors import BytesLostError, NotDerivedError, RangeError, ViewEndedError
from console.parts import PARTS, Parts
from console.security import MEDIA_POLICY
from console.sending import Answer, Note
from console.views import View, Views, is_playable
from storage import tables
from storage.access import Right
from storage.objects.port import Class, ObjectStore
from verify.errors import EvidenceError, NotFoundError, UnavailableError

LOG = logging.getLogger("liuhen.views")
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
    """What this view shows: the original as a download, or what a browser plays, or an excerpt."""
    if view.clip is not None:
        return await _excerpt(parts, view.clip)
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
        shows = await conn.run_sync(lambda sync: is_playable(sync, view.item))
        copies = {
            row.store: (row.key, row.version)
            for row in await conn.execute(
                select(c.store, c.key, c.version).where(c.item == view.item, c.what == "original")
            )
        }
    if item is None:
        raise NotFoundError(f"item: expected a sealed item, got {view.item}")
    if view.what == "playable" and made is not None:
        if not view.of_copy:  # granted for what was there before: other bytes, other places
            raise ViewEndedError(f"view {view.id}: expected one granted since there is a copy")
        place = (parts.work, Class.WORK, made.key, None)
        return Bytes([place], made.size, made.sha256, shown_type(made.mime) or _ATTACHED, None)
    if view.what == "playable" and not shows:  # its conversion is watched, not the original
        raise NotDerivedError(f"item {view.item}: expected a playable copy, got none yet")
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


async def _excerpt(parts: Parts, id_: str) -> Bytes:
    c = tables.clip.c
    query = select(c.key, c.mime, c.size, c.sha256, c.name).where(c.id == id_)
    async with parts.database.read() as conn:
        row = (await conn.execute(query)).first()
    if row is None or row.key is None:
        raise NotFoundError(f"clip: expected one that is made, got {id_:.40}")
    type_ = shown_type(row.mime) or _ATTACHED
    return Bytes([(parts.work, Class.WORK, row.key, None)], row.size, row.sha256, type_, row.name)


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
            if not isinstance(failure, UnavailableError):  # a store that is away may have it
                failure = error
        else:
            if start >= end:
                return
    if isinstance(failure, NotFoundError):
        raise BytesLostError(str(failure)) from failure
    raise failure or UnavailableError(f"object: expected {end} bytes, got {start}")


async def serve(request: web.Request) -> web.StreamResponse:
    """GET and HEAD /api/views/{view}/media."""
    parts, views = request.app[PARTS], request.app[VIEWS]
    caller = await parts.access.caller(request)
    caller.require(Right.READ)
    view = await views.of(caller, request.match_info["view"])
    view = await views.open_one(view)
    content = await find(parts, view)
    etag = f'"{content.sha256}"'
    header = request.headers.get("Range")
    if request.method != "GET" or request.headers.get("If-Range", etag) != etag:  # RFC 9110, 14.2
        header = None
    if "If-None-Match" in request.headers and is_known(request, etag):
        return web.Response(
            status=304, headers={"ETag": etag, "Cache-Control": "private, no-store"}
        )
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
    pieces, note = read_any(content, start, end), Note(parts, view.id, start, end)
    answer = Answer(request, response, views, view, token=caller.token, pieces=pieces, note=note)
    return await answer.send()
