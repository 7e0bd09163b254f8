"""The world around the server fails: its store, its disk, the link, the other client."""

import asyncio
import hashlib
import io
import os
import random
import secrets
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from minio import Minio

from tests import services
from tests.e2e.nursery import Nursery, nursed
from tests.e2e.relay import Relay
from tests.e2e.server import RealServer
from verify import offline

MIB = 1 << 20


@dataclass
class Tus:
    """A device's side of the protocol, with nothing repeated behind the test's back."""

    server: RealServer
    http: aiohttp.ClientSession

    @classmethod
    def session(cls, server: RealServer, token: str) -> aiohttp.ClientSession:
        headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
        return aiohttp.ClientSession(server.url, headers=headers)

    async def create(self, size: int | None, name: str = "a.bin") -> aiohttp.ClientResponse:
        length = {"Upload-Defer-Length": "1"} if size is None else {"Upload-Length": str(size)}
        told = {"Upload-Metadata": f"filename {b64encode(name.encode()).decode()}"}
        async with self.http.post("/api/uploads/", headers=length | told) as answer:
            await answer.read()
            return answer

    async def append(
        self, location: str, offset: int, data: bytes, **more: str
    ) -> aiohttp.ClientResponse:
        headers = {
            "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream",
        }  # fmt: skip
        async with self.http.patch(location, data=data, headers=headers | more) as answer:
            await answer.read()
            return answer

    async def offset(self, location: str) -> int:
        async with self.http.head(location) as answer:
            assert answer.status == 200, answer.status
            return int(answer.headers["Upload-Offset"])

    async def look(self, location: str) -> dict[str, Any]:
        async with self.http.get(location) as answer:
            assert answer.status == 200
            found: dict[str, Any] = await answer.json()
            return found

    async def prove(self, location: str, data: bytes, folder: Path, wait: int = 60) -> None:
        """The receipt, waited for, and held against what was sent."""
        async with self.http.get(f"{location}/receipt?wait={wait}") as answer:
            text = await answer.text()
            assert answer.status == 200, (text, self.server.words()[-3000:])
        file, receipt = folder / "sent", folder / "sent.tlog-proof"
        file.write_bytes(data)
        receipt.write_text(text)
        check(self.server, receipt, file)


def check(server: RealServer, receipt: Path, file: Path) -> None:
    said = io.StringIO()
    code = offline.run([str(receipt), str(file), "--key", server.vkey], said, environ={})
    assert code == 0, said.getvalue()


# --- the store --------------------------------------------------------------------------------


class Objects:
    """A MinIO that can be killed and started again on the same port and folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, services.free_port()
        self.access, self.secret = f"test{secrets.token_hex(6)}", secrets.token_hex(20)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self._folder), "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off", "MINIO_ROOT_USER": self.access, "MINIO_ROOT_PASSWORD": self.secret,
        }  # fmt: skip
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", str(services.minio_binary()), "server",
                 "--address", self.address, str(self._folder / "data")],
                env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            "LIUHEN_STORE_KIND": "s3",
            "LIUHEN_STORE_ENDPOINT": f"http://{self.address}",
            "LIUHEN_STORE_ACCESS_KEY": self.access,
            "LIUHEN_STORE_SECRET_KEY": self.secret,
            "LIUHEN_STORE_CREATE_BUCKETS": "true",
        }


@contextmanager
def objects(folder: Path) -> Iterator[Objects]:
    server = Objects(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


async def test_with_the_store_killed_receiving_goes_on_and_sealing_catches_up(
    tmp_path: Path, nursery: Nursery
) -> None:
    data = random.Random(1).randbytes(6 * MIB)
    with objects(tmp_path / "minio") as minio:
        async with nursed(nursery, tmp_path / "server", minio.settings, start=False) as server:
            await server.start()
            token = await server.token("upload", source="采集站-01")
            async with Tus.session(server, token) as http:
                device = Tus(server, http)
                running = (await device.create(6 * MIB)).headers["Location"]
                assert (await device.append(running, 0, data[: 2 * MIB])).status == 204
                minio.kill()
                assert (await device.append(running, 2 * MIB, data[2 * MIB :])).status == 204
                later = await device.create(MIB, "later.bin")  # recording does not wait for it
                assert later.status == 201
                fresh = later.headers["Location"]
                assert (await device.append(fresh, 0, data[:MIB])).status == 204
                for _ in range(200):
                    found = await device.look(running)
                    if "problem" in found:
                        break
                    await asyncio.sleep(0.1)
                assert (found["state"], found["offset"]) == ("received", 6 * MIB), found
                assert "unavailable" in found["problem"], found
                async with http.get(f"{running}/receipt") as answer:
                    assert answer.status == 202
                    assert "Retry-After" in answer.headers
                async with http.get("/healthz") as answer:
                    assert answer.status == 200
                minio.start()
                await device.prove(running, data, tmp_path)
                await device.prove(fresh, data[:MIB], tmp_path)
                assert (await device.look(running))["state"] == "sealed"
            assert await server.stop() == 0
            client = Minio(
                minio.address, access_key=minio.access, secret_key=minio.secret, secure=False
            )
            found = list(
                client.list_objects("liuhen-evidence", recursive=True, include_version=True)
            )
            assert len(found) == 4, [(v.object_name, v.version_id) for v in found]
            scrubbed = await server.command("scrub", "--json")
            assert (scrubbed.code, scrubbed.out) == (0, ""), scrubbed.out + scrubbed.err


# --- the disk ---------------------------------------------------------------------------------


class SmallDisk(RealServer):
    """A server whose staging folder is a file system of eight megabytes, in a namespace of its own."""

    async def start(self, *, ready: bool = True) -> None:
        staging = self.data / "staging"
        staging.mkdir(parents=True, exist_ok=True)
        script = 'mount -t tmpfs -o size=8m tmpfs "$1" && shift && exec "$@"'
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh",
                str(staging), sys.executable, "-m", "liuhen", "serve",
                env=self.env, stdout=log, stderr=log,
            )  # fmt: skip
        if ready:
            await self.wait_ready()

    @property
    def inside(self) -> Path:
        """The staging folder as the server sees it."""
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/root{self.data / 'staging'}")


async def test_a_full_disk_refuses_keeps_what_it_has_and_goes_on(tmp_path: Path) -> None:
    data = random.Random(2).randbytes(6 * MIB)
    server = SmallDisk(tmp_path / "server")
    try:
        await server.start()
        token = await server.token("upload", source="采集站-01")
        async with Tus.session(server, token) as http:
            device = Tus(server, http)
            async with http.post("/api/uploads/", headers={"Upload-Length": str(20 * MIB)}) as no:
                assert no.status == 507
                assert int(no.headers["Retry-After"]) > 0
                assert "expected room for 20971520 bytes" in await no.text()

            (server.inside / "filler").write_bytes(bytes(4 * MIB))
            location = (await device.create(None)).headers["Location"]
            assert (await device.append(location, 0, data[:MIB])).status == 204
            full = await device.append(location, MIB, data[MIB:])
            assert full.status == 507, await full.text()
            assert int(full.headers["Retry-After"]) > 0
            assert "expected" in await full.text()
            kept = await device.offset(location)
            assert MIB <= kept < 6 * MIB
            again = await device.append(location, kept, data[kept:])
            assert again.status == 507
            kept = await device.offset(location)

            (server.inside / "filler").unlink()
            last = await device.append(
                location, kept, data[kept:], **{"Upload-Length": str(6 * MIB)}
            )
            assert last.status == 204, await last.text()
            await device.prove(location, data, tmp_path)
            assert list(server.inside.iterdir()) == []
    finally:
        await server.kill()


# --- the link ---------------------------------------------------------------------------------


async def test_a_cut_link_costs_one_piece_at_most(tmp_path: Path, nursery: Nursery) -> None:
    size = 24 * MIB
    file = tmp_path / "card" / "a.bin"
    file.parent.mkdir()
    file.write_bytes(random.Random(3).randbytes(size))
    async with nursed(nursery, tmp_path / "server") as server:
        token = await server.token("upload", source="采集站-01")

        async def nothing() -> None:
            """The link is cut, and that is all."""

        async with Relay(server.port, after=size * 2 // 3, event=nothing) as relay:
            done = await server.command(
                "push", str(file), "--server", relay.url, "--key", server.vkey,
                env={"LIUHEN_TOKEN": token},
            )  # fmt: skip
            assert done.code == 0, done.err
            assert relay.happened.is_set()
            assert relay.sent < size + 9 * MIB
        check(server, file.with_name("a.bin.tlog-proof"), file)
        async with Tus.session(server, await server.token("read")) as http:
            async with http.get("/api/items") as answer:
                (item,) = (await answer.json())["items"]
            assert item["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


async def test_a_client_that_went_without_a_word_is_let_go_within_a_second(
    tmp_path: Path, nursery: Nursery
) -> None:
    data = random.Random(4).randbytes(8 * MIB)
    async with nursed(nursery, tmp_path / "server") as server:
        token = await server.token("upload", source="采集站-01")
        async with Tus.session(server, token) as http:
            device = Tus(server, http)
            location = (await device.create(8 * MIB)).headers["Location"]
            path = location.removeprefix(server.url)
            _, silent = await asyncio.open_connection("127.0.0.1", server.port)
            silent.write(
                f"PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
                "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Length: 8388608\r\n"
                "Content-Type: application/offset+octet-stream\r\n\r\n".encode()
            )
            silent.write(data[: 3 * MIB])
            await silent.drain()
            await asyncio.sleep(0.5)  # and nothing more comes: no byte, no FIN
            began = time.monotonic()
            kept = await device.offset(location)
            took = time.monotonic() - began
            assert kept == 3 * MIB  # what came is saved
            assert took < 1.0
            silent.write(data[3 * MIB : 4 * MIB])  # too late: it writes no more
            assert (await device.append(location, kept, data[kept:])).status == 204
            await device.prove(location, data, tmp_path)
            silent.transport.abort()
