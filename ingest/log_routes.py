"""The log's public files at /log/: checkpoint, key, hash tiles; entry bundles for those who may.

Guarantee: nothing is served that the published checkpoint does not cover; a partial tile or bundle
is answered at every width up to that, also after a wider one took its place in the store.
Not covered: who vouches for the key at /log/vkey; it is information, trust needs another channel.

Format: C2SP tlog-tiles v0.1.0; docs/formats/log.md, version 1.
"""

import gzip
from dataclasses import dataclass

from aiohttp import web

from ingest.answers import answered
from storage.access import Access, Right
from storage.database import Database
from storage.log import files, rows
from storage.objects.port import ObjectStore, read_all
from verify import checkpoint, tiles
from verify.errors import MalformedError, NotFoundError, UnavailableError
from verify.tiles import HASH, WIDTH, Tile

FOR_EVER = "max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class LogDeps:
    """What the composition hands in."""

    database: Database
    stores: tuple[ObjectStore, ...]  # each holds the log's files; asked in this order
    access: Access
    vkey: str


def routes(deps: LogDeps) -> list[web.RouteDef]:
    """Everything below /log."""
    served = _Routes(deps)
    return [
        web.get("/log/checkpoint", answered(served.checkpoint)),
        web.get("/log/vkey", answered(served.vkey)),
        web.get("/log/{tile:tile/.*}", answered(served.tile)),
    ]


@dataclass(frozen=True, slots=True)
class _Routes:
    deps: LogDeps

    async def checkpoint(self, _request: web.Request) -> web.Response:
        headers = {"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}
        return web.Response(text=await self._note(), headers=headers)

    async def vkey(self, _request: web.Request) -> web.Response:
        return web.Response(text=f"{self.deps.vkey}\n", headers={"Cache-Control": "no-cache"})

    async def tile(self, request: web.Request) -> web.Response:
        # The raw path: a tile has one name, so a percent-encoded one is another.
        path = request.raw_path.partition("?")[0].removeprefix("/log/")
        try:
            wanted = tiles.parse_tile_path(path)
        except MalformedError as exc:  # as a folder of files would answer
            raise NotFoundError(str(exc)) from exc
        if wanted.level == "entries":
            (await self.deps.access.caller(request)).require(Right.LOG)
        size = checkpoint.parse(await self._text()).size
        level = 0 if wanted.level == "entries" else wanted.level
        have = min(WIDTH, (size >> 8 * level) - wanted.index * WIDTH)
        if have < wanted.width:
            raise NotFoundError(
                f"{wanted.path}: expected one of the published log of size {size}, got a later one"
            )
        data = await self._read(wanted)
        if wanted.level != "entries":
            return _file(data, f"public, {FOR_EVER}")
        response = _file(data, f"private, {FOR_EVER}")
        response.headers["Vary"] = "Accept-Encoding, Authorization, Cookie"
        if _takes_gzip(request.headers.get("Accept-Encoding", "")):
            response.body = gzip.compress(data, mtime=0)
            response.headers["Content-Encoding"] = "gzip"
        return response

    async def _note(self) -> str:
        async with self.deps.database.read() as connection:
            note = await rows.read_published(connection)
        if note is None:
            raise UnavailableError("checkpoint: expected a published one, got none yet")
        return note

    async def _text(self) -> str:
        """The checkpoint's own text, without signatures; this server published it."""
        return (await self._note()).rpartition("\n\n")[0] + "\n"

    async def _read(self, wanted: Tile) -> bytes:
        """The tile from the first store that answers with it."""
        missing: Exception | None = None
        for store in self.deps.stores:
            try:
                return await _read_from(store, wanted)
            except (NotFoundError, UnavailableError) as exc:
                missing = exc
        raise UnavailableError(f"{wanted.path}: expected it in a store, got none") from missing


async def _read_from(store: ObjectStore, wanted: Tile) -> bytes:
    """Exactly the wanted width, cut out of a wider one where the store has no other any more."""
    try:
        return await read_all(store, files.class_of(wanted.path), wanted.path)
    except NotFoundError:
        width = await files.widest(store, tiles.tile_path(wanted.level, wanted.index))
    if width <= wanted.width:
        raise NotFoundError(f"{wanted.path}: expected it in {store.name}, got none")
    wider = tiles.tile_path(wanted.level, wanted.index, width)
    data = await read_all(store, files.class_of(wider), wider)
    if wanted.level != "entries":
        return data[: wanted.width * HASH]
    return tiles.encode_bundle(tiles.decode_bundle(data, width)[: wanted.width])


def _file(data: bytes, caching: str) -> web.Response:
    return web.Response(
        body=data,
        content_type="application/octet-stream",
        headers={"Cache-Control": caching, "X-Content-Type-Options": "nosniff"},
    )


def _takes_gzip(accepted: str) -> bool:
    for part in accepted.split(","):
        name, _, parameters = part.partition(";")
        if name.strip().lower() in ("gzip", "*"):
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
