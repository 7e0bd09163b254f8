"""Clients that somebody else wrote: tuspy and aiotus (PyPI), tus-js-client (npm)."""

import asyncio
import hashlib
import json
import random
import shutil
from pathlib import Path
from typing import Any

import aiohttp
import aiotus
import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from tests.ingest.link import bad_link
from tests.ingest.server import Server, head, look, receipt, running
from verify.notes import VerifierKey
from verify.receipt import check_receipt

DATA = random.Random(11).randbytes(7_654_321)
CLIENTS = Path(__file__).parents[1] / "clients"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "现场 01.mp4"
    path.write_bytes(DATA)
    return path


async def check(server: Server, location: str) -> None:
    """What the server sealed is the file, bit by bit."""
    location = server.url + location[location.index("/api/") :]
    facts = check_receipt(await receipt(server, location), [VerifierKey.parse(server.vkey)])
    assert (facts.size, facts.sha256) == (len(DATA), hashlib.sha256(DATA).hexdigest())


def address_of(uploader: Any) -> str:
    """tuspy's stub says that there is never an address."""
    assert isinstance(uploader.url, str)
    return uploader.url


def tuspy(url: str) -> TusClient:
    return TusClient(f"{url}/api/uploads/", headers={"Authorization": "Bearer cam-1"})


@pytest.mark.parametrize("chunk", [2**40, 1_000_003])
@pytest.mark.parametrize("checksum", [False, True])
async def test_tuspy(tmp_path: Path, file: Path, chunk: int, checksum: bool) -> None:
    async with running(tmp_path / "data") as server:
        uploader = tuspy(server.url).uploader(
            str(file), chunk_size=chunk, upload_checksum=checksum, metadata={"filename": file.name}
        )
        await asyncio.to_thread(uploader.upload)
        await check(server, address_of(uploader))
        assert (await look(server, address_of(uploader)))["name"] == "现场 01.mp4"


async def test_tuspy_hears_of_bytes_that_changed_on_the_way(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path / "data") as server:
        uploader = tuspy(server.url).uploader(
            str(file), chunk_size=1_000_000, upload_checksum=True, metadata={"filename": "a"}
        )
        await asyncio.to_thread(uploader.upload_chunk)
        field = "_BaseUploader__checksum_algorithm"
        honest = getattr(uploader, field)
        monkeypatch.setattr(uploader, field, lambda data: honest(data + b"!"))
        with pytest.raises(TusCommunicationError) as caught:
            await asyncio.to_thread(uploader.upload_chunk)
        assert caught.value.status_code == 460
        assert (await head(server, address_of(uploader)))[1]["Upload-Offset"] == "1000000"
        monkeypatch.undo()
        await asyncio.to_thread(uploader.upload)
        await check(server, address_of(uploader))


async def test_tuspy_goes_on_after_a_cut(tmp_path: Path, file: Path) -> None:
    async with running(tmp_path / "data") as server:
        async with bad_link(server.url, None, 3_000_000) as (url, link):
            uploader = tuspy(url).uploader(str(file), metadata={"filename": "a"})
            with pytest.raises((TusCommunicationError, OSError)):
                await asyncio.to_thread(uploader.upload)
            assert link.connections == 2
        location = server.url + address_of(uploader)[address_of(uploader).index("/api/") :]
        offset = int((await head(server, location))[1]["Upload-Offset"])
        assert 0 < offset < len(DATA)
        again = await asyncio.to_thread(tuspy(server.url).uploader, str(file), url=location)
        assert again.offset == offset
        await asyncio.to_thread(again.upload)
        await check(server, location)


@pytest.mark.parametrize("chunk", [8_000_000, 999_999])
async def test_aiotus(tmp_path: Path, file: Path, chunk: int) -> None:
    async with running(tmp_path / "data") as server, aiohttp.ClientSession() as session:
        with file.open("rb") as stream:
            location = await aiotus.upload(
                f"{server.url}/api/uploads/", stream, {"filename": file.name.encode()},
                client_session=session, headers={"Authorization": "Bearer cam-1"}, chunksize=chunk,
            )  # fmt: skip
        assert location is not None
        await check(server, str(location))
        said: Any = await aiotus.metadata(
            location, client_session=session, headers={"Authorization": "Bearer cam-1"}
        )
        assert said == {"filename": file.name.encode()}


async def run_node(**asked: str) -> dict[str, Any]:
    node = shutil.which("node")
    assert node, "expected node on the PATH (scripts/setup installs it)"
    assert (CLIENTS / "node_modules").is_dir(), "expected `npm ci` in tests/clients (scripts/setup)"
    process = await asyncio.create_subprocess_exec(
        node, str(CLIENTS / "upload.mjs"), json.dumps(asked | {"token": "cam-1"}),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(30):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    told: dict[str, Any] = json.loads(out)
    return told


@pytest.mark.parametrize("mode", ["one", "chunked", "deferred", "with-data"])
async def test_tus_js_client(tmp_path: Path, file: Path, mode: str) -> None:
    async with running(tmp_path / "data") as server:
        told = await run_node(endpoint=f"{server.url}/api/uploads/", file=str(file), mode=mode)
        await check(server, told["url"])
        patches = [status for method, status in told["requests"] if method == "PATCH"]
        expected = {"one": 1, "chunked": 8, "with-data": 0}
        assert len(patches) == expected.get(mode, len(patches))
        assert set(patches) <= {204}


async def test_tus_js_client_goes_on_after_cuts(tmp_path: Path, file: Path) -> None:
    async with running(tmp_path / "data") as server:
        async with bad_link(server.url, 2_500_000, 700_000, None) as (url, link):
            told = await run_node(endpoint=f"{url}/api/uploads/", file=str(file), mode="chunked")
            assert link.connections >= 3
        assert told["retries"] >= 1
        assert ["HEAD", 200] in told["requests"]
        await check(server, told["url"])
