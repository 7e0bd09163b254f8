"""What the replay page asks: does it play yet, and who saw which part."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from sqlalchemy import insert, select, update

from console.replay_api import in_time
from storage import tables
from storage.objects.port import Class
from storage.rights import Role
from tests.console.conftest import House
from tests.console.staff import settled
from tests.console.test_api import call
from tests.console.test_clips_api import examined, film, working
from tests.console.test_views import BODY
from tests.ingest.media.conftest import Footage, footage

__all__ = ["footage"]


async def test_what_a_browser_plays_is_native_with_its_codecs_and_never_converted(
    small: House, tmp_path: Path
) -> None:
    item, client = await small.item(film(tmp_path), verdict=None), await small.client()
    async with working(small, tmp_path / "work"):
        await examined(small, item)
    told = await call(small, client, "GET", f"/api/items/{item}/playable", 200)
    assert (told["how"], told["place"], told["reason"]) == ("native", None, None)
    assert told["mime"].startswith('video/mp4; codecs="avc1.')
    assert told["mime"].endswith(',mp4a.40.2"')
    async with small.database.read() as conn:
        kinds = (await conn.execute(select(tables.job.c.kind))).scalars().all()
    assert "playable" not in kinds


async def test_asking_lets_the_conversion_begin_and_says_how_far_it_is(
    small: House, tmp_path: Path, footage: Footage
) -> None:
    content = footage("hevc-aac.mp4").read_bytes()
    item, client = await small.item(content, verdict=None), await small.client()
    path = f"/api/items/{item}/playable"
    async with working(small, tmp_path / "work"):
        await examined(small, item)
    asked = await call(small, client, "GET", path, 200)
    assert (asked["how"], asked["percent"], asked["place"]) == ("converting", 0, 1)
    j, now_ms = tables.job, small.clock.now_ms()
    running = {"state": "running", "progress": 0.25, "started_ms": now_ms - 10_000}
    key = j.c.key == f"playable:{item}"
    await small.database.write(lambda c: c.execute(update(j).where(key).values(running)))
    told = await call(small, client, "GET", path, 200)
    assert (told["percent"], told["place"]) == (25, 0)
    assert 29 <= told["seconds_left"] <= 36
    failed = {"state": "failed", "progress": None}
    await small.database.write(lambda c: c.execute(update(j).where(key).values(failed)))
    told = await call(small, client, "GET", path, 200)
    assert (told["how"], told["reason"]) == ("cannot", "not-converted")
    assert told["reason_text"] != "not-converted"
    again = {"state": "queued", "attempt": 0}
    await small.database.write(lambda c: c.execute(update(j).where(key).values(again)))
    async with working(small, tmp_path / "work2"):
        while told["how"] != "encoded":
            told = await call(small, client, "GET", path, 200)
            assert told["how"] in {"converting", "encoded"}
    assert told["mime"] == "video/mp4"


async def test_what_waits_has_its_place_behind_what_runs_and_what_is_wanted_more(
    small: House,
) -> None:
    item, client = await small.item(verdict="transcode"), await small.client()
    now_ms = small.clock.now_ms()

    def others(conn: Any) -> None:
        for number, (state, priority) in enumerate((("running", 0), ("queued", 90), ("done", 90))):
            row = {
                "id": f"{number}" * 32, "kind": "playable", "lane": "heavy", "key": f"x{number}",
                "args": "{}", "priority": priority, "state": state, "attempt": 0, "cancel": False,
                "run_at_ms": now_ms, "updated_ms": now_ms, "created_ms": now_ms,
            }  # fmt: skip
            conn.execute(insert(tables.job).values(row))

    await small.database.write(others)
    told = await call(small, client, "GET", f"/api/items/{item}/playable", 200)
    assert (told["how"], told["place"]) == ("converting", 3)
    broken = await small.item(name="b", verdict="none")
    told = await call(small, client, "GET", f"/api/items/{broken}/playable", 200)
    assert (told["how"], told["reason"]) == ("cannot", "broken")


async def test_who_saw_which_seconds_is_merged_per_person(small: House) -> None:
    staff = await settled(small)
    item, client = await small.item(BODY), await small.client()
    other = await small.client(name="王")
    quarter = len(BODY) // 4
    for who, start, end in (
        (client, 0, quarter), (client, quarter - 9, 2 * quarter), (other, 3 * quarter, 4 * quarter),
    ):  # fmt: skip
        body = {"purpose": "法制审核", "what": "playable"}
        view = await call(small, who, "POST", f"/api/items/{item}/views", 201, body)
        headers = {"Range": f"bytes={start}-{end - 1}"}
        async with who.get(view["url"], headers=headers) as answer:
            assert len(await answer.read()) == end - start
        if who is client:
            await call(small, who, "POST", f"/api/views/{view['view']}/close", 204)
    told = await call(small, client, "GET", f"/api/items/{item}/viewed", 200)
    assert told["duration_ms"] == 2000
    first, second = told["people"]
    assert (first["name"], first["ranges_ms"], first["seconds"]) == ("李敏", [[0, 1000]], 1)
    assert [v["purpose"] for v in first["views"]] == ["法制审核"] * 2
    assert [v["bytes"] for v in first["views"]] == [
        [[0, quarter]], [[quarter - 9, 2 * quarter]],
    ]  # fmt: skip
    assert second["ranges_ms"] == [[1500, 2000]], "an open view counts as far as it came"
    keeper = await staff.signed_in(Role.STATION_KEEPER)
    await call(small, keeper, "GET", f"/api/items/{item}/viewed", 403)
    await call(small, client, "GET", f"/api/items/{'1' * 32}/viewed", 404)


@pytest.mark.parametrize(
    ("at", "size", "duration_ms", "expected"),
    [
        ([(0, 10)], 100, 1000, [(0, 100)]),
        ([(99, 500)], 100, 1000, [(990, 1000)]),
        ([(0, 1)], 3, 1000, [(0, 334)]),
        ([(0, 1)], 0, 1000, []),
        ([(0, 1)], 10, None, []),
    ],
)
def test_bytes_as_time(
    at: list[tuple[int, int]], size: int, duration_ms: int | None, expected: list[tuple[int, int]]
) -> None:
    assert in_time(at, size, duration_ms) == expected


async def test_small_pictures_are_made_when_asked_for_and_again_when_lost(
    small: House, tmp_path: Path
) -> None:
    item, client = await small.item(film(tmp_path), verdict=None), await small.client()
    path = f"/api/items/{item}/sprites"
    async with working(small, tmp_path / "work"):
        await examined(small, item)
        for lost in (False, True):
            if lost:
                async with small.database.read() as conn:
                    query = select(tables.derived.c.key).where(tables.derived.c.what == "sprites")
                    key = (await conn.execute(query)).scalar_one()
                await small.store.delete(Class.WORK, key)
            assert await call(small, client, "GET", path, 202) == {"state": "making"}
            async with asyncio.timeout(60):
                while "count" not in (index := await asked(client, path)):
                    await asyncio.sleep(0.1)
            assert (index["count"], index["sheets"], index["width"]) == (1, 1, 160)
    async with client.get(f"{path}/0") as answer:
        assert (answer.status, answer.content_type) == (200, "image/jpeg")
        assert (await answer.read()).startswith(b"\xff\xd8")
        etag = answer.headers["ETag"]
    async with client.get(f"{path}/0", headers={"If-None-Match": etag}) as answer:
        assert answer.status == 304
    assert (await call(small, client, "GET", f"{path}/1", 404))["code"] == "not-derived"
    other = await small.item(name="b", verdict="native")
    assert (await call(small, client, "GET", f"/api/items/{other}/sprites", 404))["code"] == (
        "not-derived"
    )


async def asked(client: ClientSession, path: str) -> dict[str, Any]:
    async with client.get(path) as answer:
        return dict(await answer.json())
