"""A small server in this process that enforces what devices rely on, and misbehaves on request.

It keeps bytes only from the right offset and under the right checksum, is idempotent by key, and
gives real receipts: signed, with proofs over a real tree.
"""

import base64
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer

from verify import checkpoint, merkle
from verify.commitments import body_digest, commit
from verify.entries import NO_ENTRY, Entry
from verify.fingerprint import CHUNK, ChunkTree
from verify.notes import SigningKey
from verify.receipt import make_receipt

TOKEN = "lh_" + "t" * 43
SOURCE = "5" * 32


@dataclass(slots=True)
class Held:
    """One upload."""

    id: str
    key: str
    size: int
    metadata: dict[str, bytes]
    data: bytearray = field(default_factory=bytearray)
    gone: bool = False

    def fields(self) -> dict[str, object]:
        tree = ChunkTree()
        tree.update(bytes(self.data))
        return {
            "item": self.id[::-1], "upload": self.id, "size": len(self.data),
            "sha256": hashlib.sha256(self.data).hexdigest(), "chunk": CHUNK,
            "root": tree.root().hex(), "mime": "application/octet-stream",
            "name": self.metadata["filename"].decode("utf-8", "replace"), "device_times": [],
            "objects": [], "retain_until": "2030-01-01T00:00:00.000Z",
        }  # fmt: skip


Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


class FakeServer:
    """`faults` are asked before each request, in order; one that answers is used up."""

    def __init__(self, *, checksums: bool = True) -> None:
        self.key = SigningKey("log.example/fake", b"k" * 32)
        self.uploads: dict[str, Held] = {}
        self.faults: list[Fault] = []
        self.patches: list[tuple[int, int]] = []  # offset and size of each accepted PATCH
        self.requests: list[str] = []
        self.forge: Callable[[dict[str, object]], None] = lambda fields: None
        self.state: dict[str, object] = {"state": "received"}
        self.pending = 0  # answers 202 so many times before a receipt
        self.checksums = checksums
        app = web.Application(middlewares=[self._watch], client_max_size=1 << 30)
        app.add_routes(
            [
                web.get("/log/vkey", self._vkey),
                web.options("/api/uploads/", self._options),
                web.post("/api/uploads/", self._create),
                web.head("/api/uploads/{id}", self._head),
                web.patch("/api/uploads/{id}", self._patch),
                web.delete("/api/uploads/{id}", self._delete),
                web.get("/api/uploads/{id}", self._state, allow_head=False),
                web.get("/api/uploads/{id}/receipt", self._receipt),
            ]
        )
        self.server = TestServer(app)

    async def __aenter__(self) -> "FakeServer":
        await self.server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close()

    @property
    def url(self) -> str:
        return str(self.server.make_url("/"))

    @property
    def sent(self) -> int:
        """Bytes taken in all."""
        return sum(size for _, size in self.patches)

    @web.middleware
    async def _watch(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        if request.path.startswith("/api/"):
            assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        else:
            assert "Authorization" not in request.headers
        for fault in list(self.faults):
            answer = await fault(request)
            if answer is not None:
                self.faults.remove(fault)
                return answer
        return await handler(request)

    async def _vkey(self, _request: web.Request) -> web.Response:
        return web.Response(text=self.key.vkey + "\n")

    async def _options(self, _request: web.Request) -> web.Response:
        headers = {"Tus-Extension": "creation"}
        if self.checksums:
            headers = {
                "Tus-Extension": "creation,checksum",
                "Tus-Checksum-Algorithm": "sha256,sha1",
            }
        return web.Response(status=204, headers=headers)

    async def _create(self, request: web.Request) -> web.Response:
        pairs = (p.partition(" ") for p in request.headers["Upload-Metadata"].split(","))
        metadata = {name: base64.b64decode(value) for name, _, value in pairs}
        key = request.headers["Idempotency-Key"]
        known = next((u for u in self.uploads.values() if u.key == key and not u.gone), None)
        if known is None:
            size = int(request.headers["Upload-Length"])
            known = Held(secrets.token_hex(16), key, size, metadata)
            self.uploads[known.id] = known
        # Another host on purpose: of a Location only the path may count.
        location = f"http://elsewhere.example/api/uploads/{known.id}"
        headers = {"Location": location, "Upload-Offset": str(len(known.data))}
        return web.Response(status=201, headers=headers)

    def _find(self, request: web.Request) -> Held:
        found = self.uploads.get(request.match_info["id"])
        if found is None or found.gone:
            raise web.HTTPGone
        return found

    async def _head(self, request: web.Request) -> web.Response:
        return web.Response(headers={"Upload-Offset": str(len(self._find(request).data))})

    async def _patch(self, request: web.Request) -> web.Response:
        held = self._find(request)
        if int(request.headers["Upload-Offset"]) != len(held.data):
            raise web.HTTPConflict
        body = await request.read()
        assert len(body) <= 64 << 20
        if self.checksums:
            name, _, digest = request.headers["Upload-Checksum"].partition(" ")
            if hashlib.new(name, body).digest() != base64.b64decode(digest):
                return web.Response(status=460)
        else:
            assert "Upload-Checksum" not in request.headers
        self.patches.append((len(held.data), len(body)))
        held.data += body
        return web.Response(status=204, headers={"Upload-Offset": str(len(held.data))})

    async def _delete(self, request: web.Request) -> web.Response:
        self._find(request).gone = True
        return web.Response(status=204)

    async def _state(self, request: web.Request) -> web.Response:
        self._find(request)
        return web.json_response(self.state)

    async def _receipt(self, request: web.Request) -> web.Response:
        held = self._find(request)
        if self.pending:
            self.pending -= 1
            return web.json_response(self.state, status=202, headers={"Retry-After": "0"})
        return web.Response(text=self.receipt(held))

    def receipt(self, held: Held) -> str:
        """A real receipt for what was taken, over a tree of two."""
        fields = held.fields()
        self.forge(fields)
        body, disclosed = commit(fields, lambda: secrets.token_hex(16))
        entry = Entry(
            f"s:{SOURCE}", "2026-11-23T06:00:00.000Z", body_digest(body), f"s:{SOURCE}",
            NO_ENTRY, 0, "item.sealed",
        )  # fmt: skip
        leaves = [merkle.leaf_hash(b"another entry"), merkle.leaf_hash(entry.encode())]
        tree = checkpoint.Checkpoint(self.key.name, 2, merkle.root(leaves))
        return make_receipt(
            entry, body, disclosed, index=1, hashes=merkle.inclusion(leaves, 1),
            note=checkpoint.sign(tree, self.key),
        )  # fmt: skip


def once(method: str, answer: Callable[[], web.StreamResponse]) -> Fault:
    """Answer the next request of this method so."""

    async def fault(request: web.Request) -> web.StreamResponse | None:
        return answer() if request.method == method else None

    return fault


def cut(method: str, after: int = 0) -> Fault:
    """Drop the connection of the next request of this method after so many bytes of its body."""

    async def fault(request: web.Request) -> web.StreamResponse | None:
        if request.method != method:
            return None
        taken = 0
        while taken < after and (piece := await request.content.readany()):
            taken += len(piece)
        assert request.transport is not None
        request.transport.abort()
        return web.Response(status=500)

    return fault
