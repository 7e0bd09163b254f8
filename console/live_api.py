"""What of a conversion that still runs is shown: the list of its pieces, and each of them.

Guarantee: as of any bytes of a recording: to the person of the view alone, after its entry; what
went out of a piece is noted in the place where it lies in all of them, and never in a view of the copy.
Not covered: making them (`ingest.media.live`).
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import BinaryIO

from aiohttp import web

from console.errors import NotDerivedError
from console.media import VIEWS
from console.parts import PARTS
from console.security import MEDIA_POLICY
from console.sending import STRIDE, Answer, Note
from ingest.media.argv import PLAYLIST
from storage.access import Right

ROUTES = web.RouteTableDef()


@ROUTES.get("/api/views/{view}/live/{piece}", allow_head=False)
async def live(request: web.Request) -> web.StreamResponse:
    parts, views = request.app[PARTS], request.app[VIEWS]
    caller = await parts.access.caller(request)
    caller.require(Right.READ)
    view = await views.open_one(await views.of(caller, request.match_info["view"]))
    name = request.match_info["piece"]
    found = None
    if view.what == "playable" and not view.of_copy:
        found = await asyncio.to_thread(parts.live.watch, view.item)
    headers = {"Cache-Control": "private, no-store", "Content-Security-Policy": MEDIA_POLICY}
    if found is not None and name == PLAYLIST:
        return web.Response(
            text=found.playlist, content_type="application/vnd.apple.mpegurl", headers=headers
        )
    piece = None if found is None else found.piece(name)
    missing = NotDerivedError(
        f"view {view.id}: expected piece {name:.20} of a conversion, got none"
    )
    if piece is None:
        raise missing
    try:
        file = await asyncio.to_thread(piece.open)  # the conversion may end at any time
    except OSError as error:
        raise missing from error
    response = web.StreamResponse(headers={**headers, "Content-Type": "video/mp4"})
    response.content_length = piece.end - piece.start
    note = Note(parts, view.id, piece.start, piece.end)
    with file:
        answer = Answer(
            request, response, views, view, token=caller.token, pieces=_bytes(file), note=note
        )
        return await answer.send()


async def _bytes(file: BinaryIO) -> AsyncGenerator[bytes, None]:
    while part := await asyncio.to_thread(file.read, STRIDE):
        yield part
