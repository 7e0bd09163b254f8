"""Links that break, stall and overlap: what was acknowledged stays, nothing is interleaved."""

import asyncio
import hashlib
import random
import time
from pathlib import Path

import aiohttp
import pytest

from ingest.limits import Limits
from tests.ingest.link import bad_link
from tests.ingest.server import Server, append, create, head, look, receipt, running
from verify.receipt import parse_receipt

DATA = random.Random(3).randbytes(24_000_007)
BODY = "application/offset+octet-stream"


def sha256_in(text: str) -> bool:
    return hashlib.sha256(DATA).hexdigest() in str(parse_receipt(text))


async def patch_over(url: str, server: Server, location: str, offset: int) -> int:
    """One PATCH of the rest over another way; 0 where no answer comes."""
    headers = server.headers(**{"Upload-Offset": str(offset), "Content-Type": BODY})
    path = location.removeprefix(server.url)
    async with aiohttp.ClientSession() as session:
        try:
            async with session.patch(url + path, data=DATA[offset:], headers=headers) as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0


async def offset_of(server: Server, location: str) -> int:
    status, headers = await head(server, location)
    assert status == 200
    return int(headers["Upload-Offset"])


@pytest.mark.parametrize("cut", [999, 1 << 20, (1 << 20) + 1, 20_000_001])
async def test_a_cut_link_keeps_an_exact_prefix_and_goes_on(tmp_path: Path, cut: int) -> None:
    async with running(tmp_path) as server:
        location = await create(server, len(DATA))
        async with bad_link(server.url, cut) as (url, link):
            assert await patch_over(url, server, location, 0) == 0
            assert link.connections == 1
        offset = await offset_of(server, location)
        assert offset <= cut
        # The request's own head goes over the link, too; no more than a batch may be lost.
        assert offset >= cut - 2000 - (4 << 20)
        assert (tmp_path / "staging").is_dir()
        (part,) = (tmp_path / "staging").glob("*.part")
        assert part.read_bytes()[:offset] == DATA[:offset]
        assert (await append(server, location, offset, DATA[offset:]))[0] == 204
        assert sha256_in(await receipt(server, location))


async def test_a_second_client_is_answered_at_once_though_the_first_hangs(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        location = await create(server, len(DATA))
        async with bad_link(server.url, 10_000_000, stall=True) as (url, _):
            first = asyncio.create_task(patch_over(url, server, location, 0))
            while (await look(server, location))[
                "offset"
            ] == 0 and not server.uploads.slots.running:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.5)
            began = time.monotonic()
            offset = await offset_of(server, location)
            assert time.monotonic() - began < 1.0
            assert 9_900_000 <= offset <= 10_000_000
            assert await append(server, location, offset, DATA[offset:]) == (204, str(len(DATA)))
            assert not first.done() or first.result() == 0
            first.cancel()
        assert sha256_in(await receipt(server, location))


async def test_many_clients_of_one_upload_never_mix_their_bytes(tmp_path: Path) -> None:
    """Each takes the upload from the one before; whoever is last brings it to its end."""
    async with running(tmp_path) as server:
        location = await create(server, len(DATA))

        async def insist(number: int) -> None:
            for _ in range(4):
                await asyncio.sleep(number * 0.02)
                _, headers = await head(server, location)
                offset = int(headers["Upload-Offset"])
                if offset == len(DATA):
                    return
                with_ = {"Upload-Offset": str(offset), "Content-Type": BODY}
                try:
                    async with server.session.patch(
                        location, data=DATA[offset:], headers=server.headers(**with_)
                    ) as answer:
                        assert answer.status in (204, 409)
                except aiohttp.ClientError:
                    pass

        await asyncio.gather(*(insist(number) for number in range(5)))
        offset = await offset_of(server, location)
        if offset < len(DATA):
            assert (await append(server, location, offset, DATA[offset:]))[0] == 204
        assert sha256_in(await receipt(server, location))


async def test_a_link_that_brings_nothing_is_given_up(tmp_path: Path) -> None:
    async with running(tmp_path, limits=Limits(margin=0, idle_s=0.4)) as server:
        location = await create(server, len(DATA))
        async with bad_link(server.url, 5_000_000, stall=True) as (url, _):
            first = asyncio.create_task(patch_over(url, server, location, 0))
            await asyncio.sleep(0.1)
            async with asyncio.timeout(10):
                while server.uploads.slots.running or (await look(server, location))["offset"] == 0:
                    await asyncio.sleep(0.05)
            assert 4_900_000 <= (await look(server, location))["offset"] <= 5_000_000
            first.cancel()


async def test_a_checksummed_body_that_is_cut_leaves_the_offset(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        location = await create(server, len(DATA))
        assert await append(server, location, 0, DATA[:3_000_000]) == (204, "3000000")
        headers = server.headers(**{
            "Upload-Offset": "3000000", "Content-Type": BODY,
            "Upload-Checksum": "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        })  # fmt: skip
        async with bad_link(server.url, 9_000_000) as (url, _), aiohttp.ClientSession() as session:
            path = location.removeprefix(server.url)
            with pytest.raises(aiohttp.ClientError):
                await session.patch(url + path, data=DATA[3_000_000:], headers=headers)
        assert await offset_of(server, location) == 3_000_000
        assert list(server.uploads.staging.uploads().values()) == [3_000_000]


async def test_offsets_are_committed_while_a_long_body_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.receive.SETTLE_BYTES", 4 << 20)
    async with running(tmp_path) as server:
        location = await create(server, len(DATA))
        async with bad_link(server.url, 20_000_000, stall=True) as (url, _):
            first = asyncio.create_task(patch_over(url, server, location, 0))
            async with asyncio.timeout(10):
                while (await look(server, location))["offset"] < 8 << 20:
                    await asyncio.sleep(0.02)
            assert server.uploads.slots.running
            first.cancel()
