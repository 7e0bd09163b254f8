"""E10: what is converted of a recording is watched while the rest still is, under a view as ever."""

import asyncio
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from sqlalchemy import select

from ingest.media import live
from storage import tables
from tests.console.conftest import House
from tests.console.test_api import call
from tests.console.test_clips_api import examined, working


def hevc(folder: Path, seconds: int) -> bytes:
    path = folder / "hevc.mp4"
    recipe = (
        f"-f lavfi -i testsrc2=s=640x360:r=25:d={seconds} -f lavfi -i sine=d={seconds} -c:v libx265 "
        "-preset ultrafast -x265-params log-level=none:keyint=50 -pix_fmt yuv420p -c:a aac"
    )
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *recipe.split(), f"file:{path}"]
    subprocess.run(command, check=True, timeout=120)
    return path.read_bytes()


def codec_of(path: Path) -> str:
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries"]
    command += ["stream=codec_name", "-of", "csv=p=0", str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


async def watchable(house: House, client: ClientSession, path: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            told: dict[str, Any] = await call(house, client, "GET", path, 200)
            if told["watchable_ms"] is not None:
                return told
            assert told["how"] == "converting"
            await asyncio.sleep(0.05)


async def bytes_of(client: ClientSession, path: str) -> bytes:
    async with client.get(path) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.headers["Content-Type"] == "video/mp4"
        return await answer.read()


async def test_e10_a_conversion_is_watched_while_it_runs(small: House, tmp_path: Path) -> None:
    item = await small.item(await asyncio.to_thread(hevc, tmp_path, 120), verdict=None)
    client, other = await small.client(), await small.client(name="王")
    path, body = f"/api/items/{item}/playable", {"purpose": "法制审核", "what": "playable"}
    async with working(small, tmp_path / "work"):
        await examined(small, item)
        refused = await call(small, client, "POST", f"/api/items/{item}/views", 409, body)
        assert refused["code"] == "not-playable", "nothing can be watched yet"
        told = await watchable(small, client, path)
        assert told["how"] == "converting"
        assert told["watchable_ms"] >= 900
        view = await call(small, client, "POST", f"/api/items/{item}/views", 201, body)
        base = f"/api/views/{view['view']}"
        async with client.get(f"{base}/live/index.m3u8") as answer:
            assert answer.content_type == "application/vnd.apple.mpegurl"
            listed = await answer.text()
        assert "#EXT-X-PLAYLIST-TYPE:EVENT" in listed
        assert "#EXT-X-ENDLIST" not in listed, "the test watches one that still runs"
        head, first = [
            await bytes_of(client, f"{base}/live/{name}") for name in ("init.mp4", "index0.m4s")
        ]
        (tmp_path / "begin.mp4").write_bytes(head + first)
        assert codec_of(tmp_path / "begin.mp4") == "h264"
        await call(small, client, "GET", f"{base}/media", 404)  # never the original instead
        await call(small, client, "GET", f"{base}/live/playable.mp4", 404)
        await call(small, client, "GET", f"{base}/live/..%2Fplayable.mp4", 404)
        await call(small, other, "GET", f"{base}/live/init.mp4", 403)
        async with client.head(f"{base}/live/init.mp4") as answer:
            assert answer.status == 405, "nothing is noted as served that was not sent"
        await call(small, client, "POST", f"{base}/close", 204)
        await call(small, client, "GET", f"{base}/live/init.mp4", 410)
        async with small.database.read() as conn:
            v = tables.view.c
            served = (await conn.execute(select(v.served).where(v.id == view["view"]))).scalar()
        assert json.loads(served or "") == [[0, len(head) + len(first)]]
        async with asyncio.timeout(120):
            while told["how"] == "converting":
                await asyncio.sleep(0.2)
                told = await call(small, client, "GET", path, 200)
        assert (told["how"], told["watchable_ms"]) == ("encoded", None)
        view = await call(small, client, "POST", f"/api/items/{item}/views", 201, body)
        await call(small, client, "GET", f"/api/views/{view['view']}/live/index.m3u8", 404)


async def test_a_view_counts_pieces_or_the_copy_and_never_both(
    small: House, tmp_path: Path
) -> None:
    item = await small.item(await asyncio.to_thread(hevc, tmp_path, 60), verdict=None)
    client = await small.client()
    path, body = f"/api/items/{item}/playable", {"purpose": "法制审核", "what": "playable"}

    async def seen() -> list[list[int]]:
        told = await call(small, client, "GET", f"/api/items/{item}/viewed", 200)
        ranges: list[list[int]] = told["people"][0]["ranges_ms"]
        return ranges

    async def one(view: dict[str, Any], part: str, **headers: str) -> bytes:
        async with client.get(f"/api/views/{view['view']}/{part}", headers=headers) as answer:
            assert answer.status in (200, 206), await answer.text()
            return await answer.read()

    async with working(small, tmp_path / "work"):
        await examined(small, item)
        told = await watchable(small, client, path)
        first = await call(small, client, "POST", f"/api/items/{item}/views", 201, body)
        for part in ("live/init.mp4", "live/index0.m4s"):  # a second of the picture
            await one(first, part)
        ((begin, end),) = await seen()
        assert begin == 0
        assert end == pytest.approx(1000, rel=0.8), "reckoned by the pieces, not by the original"
        async with asyncio.timeout(120):
            while told["how"] == "converting":
                await asyncio.sleep(0.1)
                told = await call(small, client, "GET", path, 200)
        gone = await call(small, client, "GET", f"/api/views/{first['view']}/media", 410)
        assert gone["code"] == "view-ended", "granted for the pieces: the copy asks for its own"
        second = await call(small, client, "POST", f"/api/items/{item}/views", 201, body)
        await call(small, client, "GET", f"/api/views/{second['view']}/live/init.mp4", 404)
        async with small.database.read() as conn:
            d = tables.derived.c
            copy = (await conn.execute(select(d.size).where(d.what == "playable"))).scalar_one()
        half = copy // 2
        await one(second, "media", Range=f"bytes={half}-{half + copy // 60 - 1}")
        await call(small, client, "POST", f"/api/views/{first['view']}/close", 204)
        gone = await call(small, client, "GET", f"/api/views/{first['view']}/media", 410)
        assert gone["code"] == "view-ended", "nor does the newer view take its place"
        pieces, later = await seen()
        assert pieces == [0, pytest.approx(end, rel=0.5)]
        assert later == [pytest.approx(30_000, abs=2), pytest.approx(31_000, abs=2)]


def test_pieces_lie_one_after_another(tmp_path: Path) -> None:
    (tmp_path / "index.m3u8").write_text(
        '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:2.000000,\nindex0.m4s\n#EXTINF:1.5,\nindex1.m4s\n'
    )
    for name, size in (("init.mp4", 10), ("index0.m4s", 20), ("index1.m4s", 5), ("index2.m4s", 7)):
        (tmp_path / name).write_bytes(b"x" * size)
    found = live.read(tmp_path)
    assert found is not None
    assert found.length_ms == 3500
    assert [(p.path.name, p.start, p.end) for p in found.pieces] == [
        ("init.mp4", 0, 10), ("index0.m4s", 10, 30), ("index1.m4s", 30, 35),
    ]  # fmt: skip
    assert found.piece("index2.m4s") is None, "not listed, so perhaps not whole"


LISTED = '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:2.0,\nindex0.m4s\n'


@pytest.mark.parametrize("hostile", ["link", "pipe", "folder", "playlist"])
def test_a_hostile_converter_gets_no_file_of_ours_shown(tmp_path: Path, hostile: str) -> None:
    folder, secret = tmp_path / "live", tmp_path / "key"
    folder.mkdir()
    secret.write_bytes(b"secret")
    (folder / "init.mp4").write_bytes(b"x")
    (folder / "index.m3u8").write_text(LISTED)
    (folder / "index0.m4s").write_bytes(b"y")
    whole = live.read(folder)
    assert whole is not None
    piece = whole.pieces[1]
    if hostile == "playlist":
        (folder / "index.m3u8").unlink()
        (folder / "index.m3u8").symlink_to(secret)
    elif hostile == "folder":
        folder.rename(tmp_path / "other")
        folder.symlink_to(tmp_path / "other")
    else:
        (folder / "index0.m4s").unlink()
        if hostile == "link":
            (folder / "index0.m4s").symlink_to(secret)
        else:
            os.mkfifo(folder / "index0.m4s")
        with pytest.raises(OSError, match=r".*"):
            piece.open()
    with pytest.raises((OSError, ValueError)):
        live.read(folder)
    kept = live.Live()
    with kept.of("item", tmp_path):
        assert kept.watch("item") is None


@pytest.mark.parametrize(
    "line",
    [
        "http://127.0.0.1/x.m4s", "../index0.m4s", "other.m4s", "#EXT-X-KEY:METHOD=AES-128",
        '#EXT-X-MAP:URI="http://x/"', "#EXTINF:nan,", "#EXTINF:,", "é",
    ],
)  # fmt: skip
def test_a_list_with_other_lines_is_none(tmp_path: Path, line: str) -> None:
    for name in ("init.mp4", "index0.m4s"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "index.m3u8").write_text(LISTED)
    assert live.read(tmp_path) is not None
    (tmp_path / "index.m3u8").write_text(f"{LISTED}{line}\n")
    with pytest.raises(ValueError, match=r".*"):
        live.read(tmp_path)
