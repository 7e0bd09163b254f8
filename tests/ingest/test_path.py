"""The way of a recording through the receiving half: created, received, sealed, proved."""

import base64
import hashlib
import random
from pathlib import Path

from sqlalchemy import select

from storage import tables
from storage.objects.port import Class, read_all
from tests.ingest.server import Server, running
from verify.notes import VerifierKey
from verify.receipt import check_receipt


def metadata(**values: str | bytes) -> str:
    pairs = []
    for key, value in values.items():
        raw = value.encode() if isinstance(value, str) else value
        pairs.append(f"{key} {base64.b64encode(raw).decode()}")
    return ",".join(pairs)


async def create(server: Server, size: int | None, token: str = "cam-1", **meta: str | bytes) -> str:
    length = {"Upload-Defer-Length": "1"} if size is None else {"Upload-Length": str(size)}
    headers = server.headers(token, **length, **{"Upload-Metadata": metadata(**meta)})
    async with server.session.post("/api/uploads/", headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        return answer.headers["Location"]


async def append(server: Server, location: str, offset: int, data: bytes, **headers: str) -> int:
    more = server.headers(
        **{"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"},
        **headers,
    )
    async with server.session.patch(location, data=data, headers=more) as answer:
        assert answer.status == 204, await answer.text()
        return int(answer.headers["Upload-Offset"])


async def receipt(server: Server, location: str) -> str:
    async with server.session.get(
        f"{location}/receipt?wait=20", headers=server.headers()
    ) as answer:
        text = await answer.text()
        assert answer.status == 200, text
        return text


async def test_a_file_becomes_a_sealed_item_with_a_receipt(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(5_000_001)
    async with running(tmp_path) as server:
        location = await create(server, len(data), filename="现场.mp4", filetype="video/mp4")
        assert location.startswith(server.url + "/api/uploads/")
        assert await append(server, location, 0, data[:2_500_000]) == 2_500_000
        async with server.session.head(location, headers=server.headers()) as answer:
            assert answer.headers["Upload-Offset"] == "2500000"
            assert answer.headers["Upload-Length"] == str(len(data))
            assert answer.headers["Cache-Control"] == "no-store"
        assert await append(server, location, 2_500_000, data[2_500_000:]) == len(data)
        text = await receipt(server, location)
        facts = check_receipt(text, [VerifierKey.parse(server.vkey)])
        assert (facts.size, facts.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert facts.name == "现场.mp4"
        async with server.database.read() as connection:
            rows = (await connection.execute(select(tables.copy))).all()
        kept = {row.what: row.key for row in rows}
        assert await read_all(server.stores[0], Class.EVIDENCE, kept["original"]) == data
        assert len(await read_all(server.stores[0], Class.EVIDENCE, kept["tree"])) == 5 * 32
        async with server.session.get(location, headers=server.headers()) as answer:
            shown = await answer.json()
        assert shown["state"] == "sealed"
        assert shown["size"] == shown["offset"] == len(data)
        assert server.uploads.staging.uploads() == {}
