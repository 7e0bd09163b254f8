"""The way of a recording through the receiving half: created, received, sealed, proved."""

import hashlib
import random
from pathlib import Path

from sqlalchemy import select

from storage import tables
from storage.objects.port import Class, read_all
from tests.ingest.server import append, create, head, look, receipt, running, staged
from verify.notes import VerifierKey
from verify.receipt import check_receipt


async def test_a_file_becomes_a_sealed_item_with_a_receipt(
    tmp_path: Path, migrated_url: str
) -> None:
    """On SQLite and on PostgreSQL."""
    data = random.Random(1).randbytes(5_000_001)
    async with running(tmp_path, url=migrated_url) as server:
        location = await create(server, len(data), filename="现场.mp4", filetype="video/mp4")
        assert location.startswith(server.url + "/api/uploads/")
        assert await append(server, location, 0, data[:2_500_000]) == (204, "2500000")
        status, headers = await head(server, location)
        assert (status, headers["Upload-Offset"]) == (200, "2500000")
        assert headers["Upload-Length"] == str(len(data))
        assert headers["Cache-Control"] == "no-store"
        done = await append(server, location, 2_500_000, data[2_500_000:])
        assert done == (204, str(len(data)))
        text = await receipt(server, location)
        facts = check_receipt(text, [VerifierKey.parse(server.vkey)])
        assert (facts.size, facts.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert facts.name == "现场.mp4"
        async with server.database.read() as connection:
            rows = (await connection.execute(select(tables.copy))).all()
        kept = {row.what: row.key for row in rows}
        assert await read_all(server.stores[0], Class.EVIDENCE, kept["original"]) == data
        assert len(await read_all(server.stores[0], Class.EVIDENCE, kept["tree"])) == 5 * 32
        shown = await look(server, location)
        assert shown["state"] == "sealed"
        assert shown["size"] == shown["offset"] == len(data)
        await staged(server)
