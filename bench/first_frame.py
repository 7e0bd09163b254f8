"""From the click to the first picture, through the real server with MinIO behind it.

An original of 1 GB that a browser plays as it is, its index in front and at the end; and HEVC,
which Debian's Chromium does not play, so that its conversion is watched while it runs.
"""

import asyncio
import http.client
import json
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, async_playwright

from bench.client import Client, settle
from bench.machine import GB, MB, Table, folder
from bench.server import Server, in_minio, liuhen
from deploy.screenshots import browser_path
from tests import services

NATIVE_S, CONVERTED_S = 2.0, 5.0
SHOWN = """(async () => {
  const video = document.querySelector('.tile video');
  await new Promise((go) => video.requestVideoFrameCallback(go));
  return video.currentTime;
})()"""
_CAMERA = "testsrc2=s=1920x1080:r=25:d=20"
_SOUND = "-f lavfi -i sine=d=20 -c:a aac -g 50 -pix_fmt yuv420p"


def footage(where: Path, name: str, codec: str, size: int, *more: str) -> Path:
    """Twenty seconds as a body camera makes them, over and over until there are `size` bytes."""
    short, long = where / f"{name}.short.mp4", where / f"{name}.mp4"
    source = ["-f", "lavfi", "-i", _CAMERA, *_SOUND.split()[:4]]
    _ffmpeg(*source, *codec.split(), *_SOUND.split()[4:], str(short))
    _ffmpeg(
        "-stream_loop", "-1", "-i", str(short), "-c", "copy", "-fs", str(size), *more, str(long)
    )
    short.unlink()
    return long


def _ffmpeg(*arguments: str) -> None:
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments], check=True, timeout=1200
    )


def uploaded(server: Server, path: Path, begun: datetime) -> str:
    """Hand it over, wait for its receipt and until all that is made of it is made; the item."""
    upload, eyes = server.token("upload", source="CAM-01"), server.token("admin", "read")
    wire, size = Client(server.url, upload), path.stat().st_size
    times = f'[{{"source":"manifest","time":"{_utc(begun)}"}}]'  # canonical JSON
    place = wire.create(
        "/api/uploads/", size, filename=path.name, filetype="video/mp4", device_times=times
    )
    to = urlsplit(server.url)
    connection = http.client.HTTPConnection(to.hostname or "", to.port, timeout=600)
    headers = {
        "Authorization": f"Bearer {upload}", "Tus-Resumable": "1.0.0", "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream", "Content-Length": str(size),
    }  # fmt: skip
    with path.open("rb") as body:
        connection.request("PATCH", place, body, headers)
        assert connection.getresponse().status == 204
    connection.close()
    wire.receipt(place)
    settle(server.url, eyes)
    for item in Client(server.url, eyes).ask("GET", "/api/items").json()["items"]:
        if item["name"] == path.name:
            return str(item["id"])
    raise AssertionError(f"{path.name}: expected an item")


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


async def first(server: Server, browser: Browser, item: str, number: str) -> float:
    """Seconds from the click to a picture on the screen."""
    secret = server.token("read", "case", "admin")
    wire = Client(server.url, secret)

    def ask(path: str, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        return wire.ask("POST", path, headers, json.dumps(body).encode()).json()

    case = ask("/api/cases", {"number": number, "title": "bench", "kind": "inspection"})["id"]
    ask(f"/api/cases/{case}/links", {"item": item, "reason": "bench"})
    page = await (await browser.new_context(viewport={"width": 1366, "height": 768})).new_page()
    await page.goto(f"{server.url}/login")
    await page.fill("input[name=token]", secret)
    await page.press("input[name=token]", "Enter")
    await page.wait_for_url(f"{server.url}/app/")
    await page.goto(f"{server.url}/app/cases/{case}/replay")
    await page.wait_for_selector("canvas.lanes")
    await page.wait_for_timeout(2000)
    await page.fill("#purpose", "bench")
    clicked = time.monotonic()
    await page.click(".stage-ask button.main")
    await page.wait_for_selector(".tile video", state="attached")
    async with asyncio.timeout(120):
        await page.evaluate(SHOWN)
    seconds = time.monotonic() - clicked
    await page.context.close()
    return seconds


async def run(rounds: int) -> list[tuple[str, float, float]]:
    found: list[tuple[str, float, float]] = []
    with folder() as where, services.minio() as store, liuhen(in_minio(store)) as server:
        h264, hevc = (
            "-c:v libx264 -preset veryfast -b:v 8M",
            "-c:v libx265 -preset ultrafast -b:v 4M -x265-params log-level=none -tag:v hvc1",
        )
        wanted = [
            ("1 GB H.264, index in front", h264, GB, ["-movflags", "+faststart"], NATIVE_S),
            ("1 GB H.264, index at the end", h264, GB, [], NATIVE_S),
            ("150 MB HEVC, 1080p, five minutes", hevc, 150 * MB, [], CONVERTED_S),
            ("1 GB HEVC, 1080p", hevc, GB, [], CONVERTED_S),
        ]
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=browser_path(),
                args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
            )
            for n, (what, codec, size, more, aim) in enumerate(wanted):
                path = await asyncio.to_thread(footage, where, f"film{n}", codec, size, *more)
                begun = datetime.now(UTC) - timedelta(hours=3 + n)
                item = await asyncio.to_thread(uploaded, server, path, begun)
                path.unlink()
                # A conversion is made once: of what is converted there is one round.
                times = [
                    await first(server, browser, item, f"{n}-{r}")
                    for r in range(rounds if aim == NATIVE_S else 1)
                ]
                found.append((what, max(times), aim))
            await browser.close()
    return found


def measure(rounds: int) -> list[Table]:
    found = asyncio.run(run(rounds))
    return [
        Table(
            "Click to first picture", ["original", "s, the longest", "aim s"],
            [[what, f"{seconds:.2f}", f"{aim:.0f}"] for what, seconds, aim in found],
            note="`liuhen serve` and MinIO as processes of their own, the browser on the same cores.",
            missed=any(seconds > aim for _, seconds, aim in found),
        )
    ]  # fmt: skip
