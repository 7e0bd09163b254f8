"""E08 over HTTP: an excerpt is asked for by an entry, taken by a view, and has a receipt."""

import asyncio
import hashlib
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from sqlalchemy import select

from ingest.media import wishes
from ingest.media.stages import open_pipeline
from storage import tables
from storage.database import Database
from storage.jobs import Runner
from storage.rights import Role
from tests.console.conftest import House
from tests.console.course import last_types, size
from tests.console.staff import settled
from tests.console.test_api import call
from tests.storage.samples import dump
from tests.storage.test_replay import brought_back, records
from verify.notes import VerifierKey
from verify.receipt import check_receipt

RECIPE = (
    "-f lavfi -i testsrc2=s=160x120:r=25:d=5 -f lavfi -i sine=d=5 -c:v libx264 -preset ultrafast "
    "-g 25 -sc_threshold 0 -pix_fmt yuv420p -c:a aac -f mp4"
)


def film(folder: Path) -> bytes:
    path = folder / "film"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *RECIPE.split(), f"file:{path}"]
    subprocess.run(command, check=True, timeout=60)
    return path.read_bytes()


@asynccontextmanager
async def working(house: House, folder: Path) -> AsyncIterator[None]:
    """The pipeline and its runner beside the server, as the composition has them."""
    pipeline = await open_pipeline(
        database=house.database, ledger=house.ledger, clock=house.clock, stores=[house.store],
        store=house.store, folder=folder,
    )  # fmt: skip
    pipeline = replace(pipeline, live=house.parts.live)
    runner = Runner(house.database, house.clock, {"quick": 1, "heavy": 1}, poll_s=0.05)
    pipeline.register(runner)
    task = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        runner.stop()
        await task


async def until_made(house: House, client: ClientSession, path: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            clip: dict[str, Any] = await call(house, client, "GET", path, 200)
            if clip["state"] == "made":
                return clip
            assert clip["state"] in {"waiting", "running"}
            assert clip["made"] is None
            await asyncio.sleep(0.1)


async def examined(house: House, item: str) -> None:
    now_ms = house.clock.now_ms()
    await house.database.write(lambda c: wishes.enqueue(c, "probe", item, now_ms=now_ms))
    async with asyncio.timeout(60):
        while True:
            async with house.database.read() as conn:
                if (await conn.execute(select(tables.media))).first() is not None:
                    return
            await asyncio.sleep(0.1)


async def test_e08_an_excerpt_is_asked_for_taken_and_proved(small: House, tmp_path: Path) -> None:
    content = film(tmp_path)
    item, client = await small.item(content, verdict=None), await small.client()
    base = f"/api/items/{item}/clips"
    body = {"kind": "clip", "from_ms": 2300, "to_ms": 3500, "purpose": "移送检察院"}
    early = await call(small, client, "POST", base, 503, body)
    assert early["code"] == "unavailable"
    async with working(small, tmp_path / "work"):
        await examined(small, item)
        since = await size(small)
        asked = await call(small, client, "POST", base, 201, body)
        path = f"{base}/{asked['clip']}"
        clip = await until_made(small, client, path)
        made = clip["made"]
        assert (clip["asked"], clip["purpose"]) == ({"from_ms": 2300, "to_ms": 3500}, "移送检察院")
        assert 1890 <= made["from_ms"] <= 2000
        assert 3500 <= made["to_ms"] <= 3560
        assert made["input"] == hashlib.sha256(content).hexdigest()
        listed = (await call(small, client, "GET", base, 200))["clips"]
        assert listed == [clip]
        grant = await call(small, client, "POST", f"{path}/views", 201, {"purpose": "卷宗"})
        types = await last_types(small, since)
        assert [t for t in types if t in {"clip.asked", "clip.made", "view.granted"}] == [
            "clip.asked", "clip.made", "view.granted",
        ]  # fmt: skip
    async with client.get(grant["url"]) as answer:
        got = await answer.read()
        assert hashlib.sha256(got).hexdigest() == made["sha256"]
        assert made["name"] in answer.headers["Content-Disposition"]
    await call(small, client, "POST", f"/api/views/{grant['view']}/close", 204)
    last = (await small.trail(client, item))[-1]
    assert (last["type"], last["fields"]["served"]) == ("view.closed", [[0, made["size"]]])
    async with client.get(f"{path}/receipt") as answer:
        assert answer.status == 202
    await small.publisher.publish()
    receipt = await call(small, client, "GET", f"{path}/receipt", 200)
    assert receipt["original"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert receipt["excerpt"]["made"]["sha256"] == made["sha256"]
    checked = check_receipt(receipt["log"]["proof"], [VerifierKey.parse(small.parts.vkey)])
    assert made["sha256"] in repr(checked)
    async with client.get(f"{path}/receipt?form=text") as answer:
        sheet = await answer.text()
    assert "00h00m02s300 – 00h00m03s500" in sheet
    assert made["sha256"] in sheet


async def test_e08_rights_and_ids_of_excerpts_and_a_rebuild(small: House, tmp_path: Path) -> None:
    staff = await settled(small)
    item, client = await small.item(film(tmp_path), verdict=None), await small.client()
    base = f"/api/items/{item}/clips"
    async with working(small, tmp_path / "work"):
        await examined(small, item)
        body = {"kind": "jpeg", "from_ms": 1000, "purpose": "x"}
        asked = await call(small, client, "POST", base, 201, body)
        await until_made(small, client, f"{base}/{asked['clip']}")
        outside = body | {"from_ms": 99_000}
        await call(small, client, "POST", base, 400, outside)
        await call(small, client, "POST", base, 404, body | {"case": "1" * 32})
        await call(small, client, "GET", f"{base}/{'1' * 32}", 404)
        other = await small.item(b"other", name="b")
        await call(small, client, "GET", f"/api/items/{other}/clips/{asked['clip']}", 404)
        refused = await call(small, client, "POST", f"/api/items/{other}/clips", 409, body)
        assert refused["code"] == "no-clip"
    stranger = await staff.signed_in(Role.OFFICER, organ="county")
    await call(small, stranger, "GET", base, 403)
    await call(small, stranger, "POST", base, 403, body)
    await call(small, stranger, "POST", f"{base}/{asked['clip']}/views", 403, {"purpose": "x"})
    kept, rows = await records(small.database), await dump(small.database)
    empty = f"sqlite:///{tmp_path / 'again.db'}"
    database = await Database.open(empty)
    await database.migrate()
    await database.close()
    again, replayed = await brought_back(empty, kept)
    assert replayed.unexplained == ()
    assert again["clip"] == rows["clip"]
    assert len(rows["clip"]) == 1
