"""Hostile files and hostile names through the real door: evidence like any other, and no harm done.

Each is stored, sealed and proved by its receipt, bit for bit; the pipeline refuses what it must not
open and says why; what is good beside it becomes playable; no name is ever a path.
"""

import asyncio
import io
import os
import re
import socket
import subprocess
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.footage import camera
from tests.e2e.nursery import NursedServer, Nursery, nursed
from tests.ingest.media import hostile
from verify import offline

BIDI, CONTROL = "证\u202egpj.4pm", "a\x1b[2J\nb\x07.mp4"
GBK = "现场.mp4".encode("gbk")
# Names that no file system holds, but a client can announce.
ANNOUNCED = [
    b"../../../../etc/cron.d/liuhen",
    b"/etc/passwd",
    b"..\\..\\windows\\system32\\a.mp4",
    b"a\x00b.mp4",
    b"..",
    b"<script>alert(1)</script>.mp4",
    b"\xff\xfe\xff.mp4",
]


@pytest.fixture
def listener() -> Iterator[tuple[int, list[object]]]:
    """A port that counts who comes: nobody may."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            try:
                while True:
                    connection, peer = server.accept()
                    came.append(peer)
                    connection.close()
            except OSError:
                return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def exotic(path: Path) -> bytes:
    """A codec that is on no list."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi",
         "-i", "testsrc2=size=160x120:rate=5:duration=1", "-c:v", "magicyuv", str(path)],
        check=True, timeout=60,
    )  # fmt: skip
    return path.read_bytes()


def material(folder: Path, port: int) -> dict[bytes, tuple[bytes, str]]:
    """Name on the medium -> bytes, and the state (or the reason) that people must see."""
    good = camera(folder / "good.mp4", seconds=1).read_bytes()

    def varied(number: int) -> bytes:
        return good + b"\0\0\0\x0cfree" + number.to_bytes(4, "big")

    playlist = hostile.PLAYLIST % (b"http://127.0.0.1:%d/segment.ts" % port)
    return {
        b"playlist.mp4": (playlist, "format-not-allowed"),
        b"concat.mp4": (hostile.CONCAT % b"/etc/passwd", "format-not-allowed"),
        b"exotic.avi": (exotic(folder / "exotic.avi"), "codec-not-allowed"),
        b"empty.mp4": (b"", "empty"),
        b"truncated.mp4": (hostile.without_index(good), "broken"),
        b"hundred-hours.mp4": (hostile.claims_seconds(good, 100 * 3600), "too-long"),
        b"bomb.png": (hostile.png(60_000, 60_000), "too-large-picture"),
        b"notes.docx": (b"PK\x03\x04" + bytes(2000), "not-media"),
        BIDI.encode(): (varied(1), "playable"),
        CONTROL.encode(): (varied(2), "playable"),
        GBK: (varied(3), "playable"),
        b"-rf.mp4": (varied(4), "playable"),
        b"good.mp4": (good, "playable"),
    }


async def test_hostile_files_are_evidence_and_harm_nothing(
    tmp_path: Path, nursery: Nursery, listener: tuple[int, list[object]]
) -> None:
    port, came = listener
    (tmp_path / "made").mkdir()
    files = material(tmp_path / "made", port)
    card = tmp_path / "card"
    card.mkdir()
    for name, (data, _) in files.items():
        Path(os.fsdecode(os.path.join(os.fsencode(card), name))).write_bytes(data)
    async with nursed(nursery, tmp_path / "server") as server:
        device = await server.token("upload", source="采集站-01")
        person = await server.token("read", name="审核员")
        pushed = await server.push(card, token=device, options=("--jobs", "4"))
        assert pushed.code == 0, pushed.err
        assert f"{len(files)} files: {len(files)} stored" in pushed.err
        harmless(pushed.out + pushed.err)
        for name in files:
            path = Path(os.fsdecode(os.path.join(os.fsencode(card), name)))
            proved(server, path, path.with_name(path.name + ".tlog-proof"))
        announced = await announce(server, device, tmp_path)

        headers = {"Authorization": f"Bearer {person}", "Accept-Language": "en"}
        async with aiohttp.ClientSession(server.url, headers=headers) as http:
            items = await settled(http, server)
            assert len(items) == len(files) + len(ANNOUNCED)
            by_raw = {bytes.fromhex(i["name_raw"]) if i.get("name_raw") else i["name"].encode(): i for i in items}  # fmt: skip
            assert by_raw.keys() == files.keys() | {*ANNOUNCED}  # no byte of a name is lost
            for name, (_, wanted) in files.items():
                state = by_raw[name]["state"]
                assert wanted in (state["name"], state["reason"]), (name, state)
                assert state["text"]
            assert by_raw[GBK]["name"] == "现场.mp4"
            for item in items:
                await looked_at(http, item["id"])
            for path in ("/", "/healthz", "/readyz"):
                async with http.get(path) as answer:
                    assert answer.status == 200, await answer.text()
        assert announced == len(ANNOUNCED)
        assert came == []
        assert "Traceback" not in server.words()
        assert await server.stop() == 0
        scrubbed = await server.command("scrub", "--json")
        assert (scrubbed.code, scrubbed.out) == (0, ""), scrubbed.out + scrubbed.err
        # Whatever the names said, files lie only where the server's own names put them.
        own = re.compile(r"[\w.\-/]+")
        for found in server.data.rglob("*"):
            assert own.fullmatch(str(found.relative_to(server.data))), found
        assert {f.name for f in server.folder.iterdir()} <= {"data", "serve.log", "state"}


async def announce(server: NursedServer, device: str, tmp_path: Path) -> int:
    """Uploads under names that only a client of one's own would send."""
    headers = {"Authorization": f"Bearer {device}", "Tus-Resumable": "1.0.0"}
    done = 0
    async with aiohttp.ClientSession(server.url, headers=headers) as http:
        for name in ANNOUNCED:
            data = b"announced as " + name
            told = {
                "Upload-Length": str(len(data)),
                "Upload-Metadata": f"filename {b64encode(name).decode()}",
                "Content-Type": "application/offset+octet-stream",
            }
            async with http.post("/api/uploads/", data=data, headers=told) as answer:
                assert answer.status == 201, await answer.text()
                location = answer.headers["Location"]
            async with http.get(f"{location}/receipt?wait=30") as answer:
                assert answer.status == 200, await answer.text()
                harmless(answer.headers["Content-Disposition"])
                file, receipt = tmp_path / "announced", tmp_path / "announced.tlog-proof"
                receipt.write_text(await answer.text())
            file.write_bytes(data)
            proved(server, file, receipt)
            done += 1
    return done


async def settled(http: aiohttp.ClientSession, server: NursedServer) -> list[dict[str, Any]]:
    """All items with their raw names, once nothing about them moves any more."""
    for _ in range(300):
        async with http.get("/api/items?limit=100") as answer:
            assert answer.status == 200
            items = (await answer.json())["items"]
        if not any(i["state"]["moving"] for i in items):
            break
        await asyncio.sleep(0.2)
    else:
        raise AssertionError(f"expected every item to settle\n{server.words()[-3000:]}")
    found = []
    for item in items:
        async with http.get(f"/api/items/{item['id']}") as answer:
            assert answer.status == 200
            found.append(await answer.json())
    return found


async def looked_at(http: aiohttp.ClientSession, item: str) -> None:
    """The page, the trail and the receipt of an item: nothing hides, nothing runs."""
    async with http.get(f"/items/{item}") as answer:
        page = await answer.text()
        assert answer.status == 200
    harmless(page)
    assert "<script>alert(1)" not in page
    async with http.get(f"/api/items/{item}/receipt?wait=10") as answer:
        assert answer.status == 200
        name = answer.headers["Content-Disposition"]
    harmless(name)
    assert ".." not in name.replace("%2E", ".")
    assert "/" not in name.replace("%2F", "/").partition("''")[2]


def harmless(text: str) -> None:
    """No character that moves, hides or commands; line ends and tabs are the page's own."""
    bad = {c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c not in "\n\t\r"}
    assert not bad, bad


def proved(server: NursedServer, file: Path, receipt: Path) -> None:
    said = io.StringIO()
    code = offline.run([str(receipt), str(file), "--key", server.vkey], said, environ={})
    assert code == 0, said.getvalue()
    harmless(said.getvalue())
