"""The whole path in both shapes of the system, the second being the topology of docker-compose.yml
as plain processes: PostgreSQL, MinIO and `liuhen serve`.

Handed over, sealed, proved, linked by its case number, made playable because somebody waits,
viewed with ranges, the view on record with what was really served, everything scrubbed.  In MinIO
the retention is really set on every version of the evidence, and really refuses.
"""

import asyncio
import io
import json
import subprocess
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy
from minio import Minio
from minio.error import S3Error

from tests.e2e.footage import camera
from tests.e2e.nursery import NursedServer, Nursery, nursed
from verify import offline

NUMBER = "沪应急罚〔2026〕9号"


async def api(http: aiohttp.ClientSession, method: str, path: str, body: object = None) -> Any:
    async with http.request(method, path, json=body) as answer:
        assert answer.status < 300, (answer.status, await answer.text())
        return await answer.json() if answer.status != 204 else None


def fixed_camera(path: Path) -> Path:
    """HEVC without sound, which Chromium does not play as it is."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i",
         "testsrc2=size=320x240:rate=10:duration=2", "-c:v", "libx265", "-preset", "ultrafast",
         "-x265-params", "log-level=none", "-pix_fmt", "yuv420p", str(path)],
        check=True, timeout=60,
    )  # fmt: skip
    return path


async def state(
    http: aiohttp.ClientSession, item: str, *names: str, server: NursedServer
) -> dict[str, Any]:
    """The item, once its state has one of these names."""
    for _ in range(300):
        found: dict[str, Any] = await api(http, "GET", f"/api/items/{item}")
        if found["state"]["name"] in names:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"expected {names}, got {found['state']}\n{server.words()}")


async def test_from_a_file_to_a_view_on_record(
    tmp_path: Path, nursery: Nursery, shape: Mapping[str, str], request: pytest.FixtureRequest
) -> None:
    card = tmp_path / "card"
    plain = camera(card / "现场 执法.mp4", seconds=2)
    other = fixed_camera(card / "卡口07.mp4")
    async with nursed(nursery, tmp_path / "server", shape) as server:
        device = await server.token("upload", source="采集站-01")
        person = await server.token("read", "case", name="审核员")
        headers = {"Authorization": f"Bearer {person}"}
        async with aiohttp.ClientSession(server.url, headers=headers) as http:
            opened = {"number": NUMBER, "kind": "penalty", "title": "检查", "officers": ["李四"]}
            case = (await api(http, "POST", "/api/cases", opened))["id"]
            done = await server.push(card, token=device, options=("--case", NUMBER))
            assert done.code == 0, done.err + server.words()
            for file in (plain, other):
                proved(server, file)
            items = {i["name"]: i["id"] for i in (await api(http, "GET", "/api/items"))["items"]}
            assert items.keys() == {plain.name, other.name}
            await linked(http, case, {*items.values()})

            await state(http, items[plain.name], "playable", server=server)
            waiting = await state(http, items[other.name], "sealed", server=server)
            while waiting["state"]["reason"] != "on-demand":
                waiting = await state(http, items[other.name], "sealed", server=server)
            assert (await api(http, "POST", f"/api/items/{items[other.name]}/playable"))["state"]
            await state(http, items[other.name], "playable", server=server)
            await viewed(http, items[plain.name], case, "original", plain.read_bytes())
            await viewed(http, items[other.name], case, "playable", None)
        assert await server.stop() == 0
        scrubbed = await server.command("scrub", "--json")
        assert (scrubbed.code, scrubbed.out) == (0, ""), scrubbed.out + scrubbed.err
        if shape:
            locked(shape, request)
        again = await server.command("scrub", "--json")
        assert (again.code, again.out) == (0, ""), again.out + again.err


async def linked(http: aiohttp.ClientSession, case: str, wanted: set[str]) -> None:
    for _ in range(200):
        found = {i["id"] for i in (await api(http, "GET", f"/api/cases/{case}"))["items"]}
        if found == wanted:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"linked items: expected {wanted}, got {found}")


def proved(server: NursedServer, file: Path) -> None:
    receipt = file.with_name(f"{file.name}.tlog-proof")
    said = io.StringIO()
    code = offline.run([str(receipt), str(file), "--key", server.vkey], said, environ={})
    assert code == 0, said.getvalue()


async def viewed(
    http: aiohttp.ClientSession, item: str, case: str, what: str, content: bytes | None
) -> None:
    """Granted before the first byte, closed with the bytes that were really served."""
    asked = {"what": what, "purpose": "法制审核", "case": case}
    view = await api(http, "POST", f"/api/items/{item}/views", asked)
    async with http.get(view["url"], headers={"Range": "bytes=100-299"}) as answer:
        assert answer.status == 206
        assert answer.headers["Content-Range"].startswith("bytes 100-299/")
        served = await answer.read()
    assert len(served) == 200
    assert content is None or served == content[100:300]
    await api(http, "POST", f"/api/views/{view['view']}/close")
    trail = (await api(http, "GET", f"/api/items/{item}/trail"))["entries"]
    types = [entry["type"] for entry in trail]
    assert types.index("view.granted") < types.index("view.closed")
    closed = trail[types.index("view.closed")]["fields"]
    assert json.dumps(closed["served"]) == "[[100, 300]]", closed


def locked(shape: Mapping[str, str], request: pytest.FixtureRequest) -> None:
    """Every version of the evidence is under COMPLIANCE retention, and MinIO refuses to part."""
    server = request.getfixturevalue("minio")
    client = Minio(
        server.endpoint, access_key=server.access_key, secret_key=server.secret_key, secure=False
    )
    bucket = f"{shape['LIUHEN_STORE_PREFIX']}-evidence"
    named = dict(copies(shape))
    versions = list(client.list_objects(bucket, recursive=True, include_version=True))
    # Two recordings and their chunk hashes, each once, and each version is the one on record.
    assert {v.object_name: v.version_id for v in versions} == named
    assert len(versions) == 4
    until = datetime.now(UTC) + timedelta(days=179)
    for version in versions:
        assert not version.is_delete_marker
        at = {"version_id": version.version_id}
        retention = client.get_object_retention(bucket, version.object_name, **at)
        assert retention is not None
        assert retention.mode == "COMPLIANCE"
        assert retention.retain_until_date > until
        with pytest.raises(S3Error, match=r"(?i)locked|protected|WORM|AccessDenied"):
            client.remove_object(bucket, version.object_name, **at)
    assert len(list(client.list_objects(bucket, recursive=True, include_version=True))) == 4


def copies(shape: Mapping[str, str]) -> list[tuple[str, str]]:
    """Key and version of every copy that the log names."""
    url = shape["LIUHEN_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
    engine = sqlalchemy.create_engine(url)
    try:
        with closing(engine.connect()) as connection:
            found = connection.execute(sqlalchemy.text("select key, version from copy")).all()
            return [(row.key, row.version) for row in found]
    finally:
        engine.dispose()
