"""The S3 store over a line that breaks, to a real MinIO."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator

import pytest
from minio import Minio

from storage.objects.port import Class, read_all
from storage.objects.s3 import S3Store
from tests.services import S3Server, free_port
from tests.storage.s3.link import Link
from tests.storage.s3.rig import KEY, PART, YEAR, Zeros, a_store
from verify.errors import DeniedError, UnavailableError

EVIDENCE, PRIVATE, WORK = Class.EVIDENCE, Class.PRIVATE, Class.WORK


@pytest.mark.parametrize("size", [1000, 3 * PART])
async def test_a_lost_answer_leaves_one_version_not_two(
    store: S3Store, far: S3Store, line: Link, size: int
) -> None:
    line.swallow_answers_to = b"CompleteMultipartUpload" if size > PART else b"PUT /"
    with pytest.raises(UnavailableError, match="expected an answer"):
        await far.create(EVIDENCE, KEY, Zeros(size), retain_until=YEAR)
    line.swallow_answers_to = None
    for _ in range(200):
        if landed := await store.versions(EVIDENCE, KEY):
            break
        await asyncio.sleep(0.02)
    assert len(landed) == 1
    assert await far.create(EVIDENCE, KEY, Zeros(size), retain_until=YEAR) == landed[0]
    assert await store.versions(EVIDENCE, KEY) == landed


async def test_a_cut_line_stores_nothing_and_leaves_no_open_upload(
    store: S3Store, far: S3Store, line: Link, owner: Minio, prefix: str
) -> None:
    line.cut_after = PART // 2  # on every connection: each of the three tries of a part
    with pytest.raises(UnavailableError):
        await far.create(EVIDENCE, KEY, Zeros(4 * PART), retain_until=YEAR)
    assert _open_uploads(owner, f"{prefix}-evidence") == []
    line.cut_after = PART + PART // 2  # a part here and there is sent again
    assert await store.versions(EVIDENCE, KEY) == []
    stored = await far.create(EVIDENCE, KEY, Zeros(4 * PART), retain_until=YEAR)
    assert stored.size == 4 * PART
    assert _open_uploads(owner, f"{prefix}-evidence") == []


def _open_uploads(owner: Minio, bucket: str) -> list[object]:
    return list(owner._list_multipart_uploads(bucket, prefix=KEY).uploads)


@pytest.mark.parametrize("size", [1 << 20, 3 * PART])
async def test_a_line_that_stands_still_is_given_up(
    far: S3Store, line: Link, store: S3Store, size: int
) -> None:
    line.stall_after = min(size, PART) // 2
    begun = asyncio.get_running_loop().time()
    with pytest.raises(UnavailableError, match="nothing for 2 s"):
        await far.create(WORK, KEY, Zeros(size))
    assert asyncio.get_running_loop().time() - begun < 25  # three tries of a part, one abort
    await line.hang_up()
    assert await store.versions(WORK, KEY) == []


async def test_a_cancelled_write_stores_nothing_and_leaves_no_open_upload(
    store: S3Store, owner: Minio, prefix: str
) -> None:
    begun = asyncio.Event()

    class Endless(Zeros):
        async def read(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
            async for piece in super().read(start, end):
                yield piece
                if start > 0:  # in the second part
                    begun.set()
                    await asyncio.sleep(3600)

    content = Endless(4 * PART)
    task = asyncio.create_task(store.create(EVIDENCE, KEY, content, retain_until=YEAR))
    await asyncio.wait_for(begun.wait(), 30)
    assert len(_open_uploads(owner, f"{prefix}-evidence")) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _open_uploads(owner, f"{prefix}-evidence") == []
    assert await store.versions(EVIDENCE, KEY) == []


async def test_an_empty_recording_is_written_once_even_if_its_answer_is_lost(
    store: S3Store, far: S3Store, line: Link
) -> None:
    line.swallow_answers_to = b"PUT /"
    with pytest.raises(UnavailableError):
        await far.create(EVIDENCE, KEY, b"", retain_until=YEAR)
    line.swallow_answers_to = None
    await far.create(EVIDENCE, KEY, b"", retain_until=YEAR)
    assert len(await store.versions(EVIDENCE, KEY)) == 1


async def test_a_slow_reader_is_not_a_server_that_hangs(store: S3Store, far: S3Store) -> None:
    await store.create(WORK, KEY, Zeros(6 << 20))
    read = 0
    async for piece in far.read(WORK, KEY):
        if read == 0:
            await asyncio.sleep(2.5)  # longer than the patience
        read += len(piece)
    assert read == 6 << 20


async def test_a_download_that_is_cut_says_so(store: S3Store, far: S3Store, line: Link) -> None:
    await store.create(WORK, KEY, Zeros(32 << 20))
    pieces = far.read(WORK, KEY)
    await anext(pieces)
    await line.hang_up()
    with pytest.raises(UnavailableError):
        async for _ in pieces:
            pass


async def test_nobody_there(minio: S3Server, prefix: str) -> None:
    store = a_store(minio, prefix, f"127.0.0.1:{free_port()}", patience=2.0)
    for attempt in (
        store.check(),
        store.stat(WORK, KEY),
        store.create(EVIDENCE, KEY, b"x", retain_until=YEAR),
        store.replace(PRIVATE, KEY, b"x"),
        read_all(store, WORK, KEY),
    ):
        with pytest.raises(UnavailableError):
            await attempt
    await store.close()


async def test_lock_headers_cannot_be_changed_on_the_way(
    store: S3Store, far: S3Store, line: Link
) -> None:
    line.rewrite = (str(YEAR.year).encode() + b"-", str(YEAR.year + 1).encode() + b"-")
    with pytest.raises(DeniedError, match="SignatureDoesNotMatch"):
        await far.create(EVIDENCE, KEY, b"x", retain_until=YEAR)
    with pytest.raises(DeniedError, match="SignatureDoesNotMatch"):
        await far.create(EVIDENCE, KEY, Zeros(2 * PART), retain_until=YEAR)
    assert await store.versions(EVIDENCE, KEY) == []


async def test_memory_stays_small_however_much_is_sent(store: S3Store) -> None:
    size = 96 << 20
    tracemalloc.start()
    try:
        await store.create(EVIDENCE, KEY, Zeros(size), retain_until=YEAR)
        read = 0
        async for piece in store.read(EVIDENCE, KEY):
            read += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read == size
    assert peak < 12 << 20
