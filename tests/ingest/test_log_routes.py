"""The log's public files, as tlog-tiles names them."""

import gzip
import random
from pathlib import Path

from sqlalchemy import Connection

from storage.ledger import Draft
from storage.objects.port import Class
from tests.ingest.server import SOURCES, Server, append, create, receipt, running
from verify import checkpoint, merkle, tiles
from verify.entries import decode_entry, leaf
from verify.errors import EvidenceError
from verify.notes import VerifierKey


async def get(
    server: Server, path: str, who: str = "", **more: str
) -> tuple[int, bytes, dict[str, str]]:
    headers = (
        {"Accept-Encoding": "identity"} | more | ({"Authorization": f"Bearer {who}"} if who else {})
    )
    async with server.session.get(f"/log/{path}", headers=headers, auto_decompress=False) as answer:
        return answer.status, await answer.read(), dict(answer.headers)


async def grow(server: Server, size: int) -> int:
    """Record until the published log has `size` entries."""
    while server.publisher.published is None or server.publisher.published.size < size:
        head = server.publisher.published
        missing = min(256, max(1, size - (head.size if head else 0)))
        names = [f"n{random.random()}" for _ in range(missing)]

        def decide(_: Connection, count: int = missing) -> list[Draft | EvidenceError]:
            source = SOURCES["cam-1"]
            fields = {"source": source, "reason": "x"}
            return [Draft("source.revoked", f"s:{source}", "sys", fields)] * count

        await server.ledger.record_many(names, decide)
        await server.publisher.publish()
    return server.publisher.published.size


async def test_checkpoint_key_and_tiles_prove_the_log(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        at = await create(server, 3)
        await append(server, at, 0, b"abc")
        await receipt(server, at)
        status, note, headers = await get(server, "checkpoint")
        assert status == 200
        assert headers["Content-Type"] == "text/plain; charset=utf-8"
        assert headers["Cache-Control"] == "no-cache"
        status, vkey, _ = await get(server, "vkey")
        assert vkey.decode().strip() == server.vkey
        key = VerifierKey.parse(vkey.decode().strip())
        signed = checkpoint.check_checkpoint(note.decode(), [key])[0]

        status, hashes, headers = await get(server, f"tile/0/000.p/{signed.size}")
        assert (status, headers["Content-Type"]) == (200, "application/octet-stream")
        assert "immutable" in headers["Cache-Control"]
        leaves = tiles.decode_tile(hashes, signed.size)
        assert merkle.root(leaves) == signed.root

        assert (await get(server, f"tile/entries/000.p/{signed.size}"))[0] == 401
        assert (await get(server, f"tile/entries/000.p/{signed.size}", "cam-1"))[0] == 403
        path = f"tile/entries/000.p/{signed.size}"
        status, bundle, headers = await get(server, path, "log")
        assert "Content-Encoding" not in headers
        entries = tiles.decode_bundle(bundle, signed.size)
        assert [leaf(entry) for entry in entries] == leaves
        assert decode_entry(entries[-1]).type == "item.sealed"
        status, packed, headers = await get(server, path, "log", **{"Accept-Encoding": "br, gzip"})
        assert (headers["Content-Encoding"], gzip.decompress(packed)) == ("gzip", bundle)
        _, plain, _ = await get(server, path, "log", **{"Accept-Encoding": "gzip;q=0"})
        assert plain == bundle


async def test_paths_have_one_form_and_nothing_unpublished_is_served(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        size = await grow(server, 3)
        for path in (
            f"tile/0/000.p/{size + 1}", "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1",
            "tile/63/000.p/1", "tile/entries/000",
        ):  # fmt: skip
            assert (await get(server, path, "log"))[0] == 404, path
        for path in (
            "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/0.p/1", "tile/00/000.p/1", "tile/64/000",
            "tile/0/x000/000", "tile/0/000.p/01", "tile/0/000/", "tile/x/000",
            "tile/-1/000", "tile/0/000.p", "tile/",
        ):  # fmt: skip
            assert (await get(server, path, "log"))[0] == 404, path
        assert (await get(server, "tile/0/../../checkpoint", "log"))[0] in (200, 400, 404)


async def test_a_partial_tile_that_is_gone_is_cut_out_of_the_full_one(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        small = await grow(server, 200)
        _, before, _ = await get(server, f"tile/0/000.p/{small}")
        _, bundle, _ = await get(server, f"tile/entries/000.p/{small}", "log")
        await grow(server, 300)
        store = server.stores[0]
        partial = [k async for k in store.list(Class.PRIVATE, "tile/0/000.p/")]
        assert partial == []
        assert await get(server, f"tile/0/000.p/{small}") == (
            200, before, (await get(server, f"tile/0/000.p/{small}"))[2],
        )  # fmt: skip
        assert (await get(server, f"tile/entries/000.p/{small}", "log"))[1] == bundle
        _, full, headers = await get(server, "tile/0/000")
        assert len(full) == 8192
        assert full[: len(before)] == before
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
        # One that never was written, because the log grew past it at once.
        assert (await get(server, "tile/0/001.p/1"))[1] == (await get(server, "tile/0/001.p/44"))[
            1
        ][:32]
        assert (await get(server, "tile/1/000.p/1"))[0] == 200


async def test_before_the_first_checkpoint(tmp_path: Path) -> None:
    async with running(tmp_path, compare=False) as server:
        status, _, headers = await get(server, "checkpoint")
        assert (status, headers["Retry-After"]) == (503, "5")
