"""One contract for every object store: simulated, directory, MinIO, and a second S3 server.

Each test runs on each; what a store may do differently is asked of the store itself
(`versioned`), never skipped.
"""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from storage.disk_real import FolderDisk
from storage.objects.content import BytesContent, DiskContent
from storage.objects.port import Class, ObjectStore, Stored, read_all
from tests.simulation.store import in_a_year
from tests.storage.subjects import STORES, Subject, open_subject
from verify.errors import ConflictError, MalformedError, NotFoundError, VerificationError

EVIDENCE, LOG, PRIVATE, WORK = Class.EVIDENCE, Class.LOG, Class.PRIVATE, Class.WORK
OTHERS = (LOG, PRIVATE, WORK)
YEAR = in_a_year()
BIG = 21 << 20  # several parts of 8 MiB, the last one short


@pytest.fixture(params=STORES)
async def subject(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    async with open_subject(request.param, request.getfixturevalue, tmp_path) as opened:
        yield opened


@pytest.fixture
def store(subject: Subject) -> ObjectStore:
    return subject.store


def a_key() -> str:
    return f"o/{secrets.token_hex(16)}"


async def put(store: ObjectStore, class_: Class, key: str, data: bytes) -> Stored:
    until = YEAR if class_ is EVIDENCE else None
    return await store.create(class_, key, data, retain_until=until)


async def keys(store: ObjectStore, class_: Class, prefix: str = "") -> list[str]:
    return [key async for key in store.list(class_, prefix)]


async def part(store: ObjectStore, class_: Class, key: str, start: int, end: int | None) -> bytes:
    return b"".join([piece async for piece in store.read(class_, key, start=start, end=end)])


async def test_is_set_up_as_promised(store: ObjectStore) -> None:
    await store.check()
    assert store.name


@pytest.mark.parametrize("class_", list(Class))
@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 4097])
async def test_create_and_read_back(store: ObjectStore, class_: Class, data: bytes) -> None:
    key = a_key()
    stored = await put(store, class_, key, data)
    assert stored.key == key
    assert stored.size == len(data)
    assert stored.retain_until == (YEAR if class_ is EVIDENCE else None)
    assert stored.hold is False
    assert await read_all(store, class_, key, version=stored.version) == data
    assert await read_all(store, class_, key) == data
    assert await store.stat(class_, key, version=stored.version) == stored
    assert await store.versions(class_, key) == [stored]


async def test_evidence_has_a_version_where_the_store_has_versions(subject: Subject) -> None:
    stored = await put(subject.store, EVIDENCE, a_key(), b"x")
    assert (stored.version is not None) is subject.versioned
    assert (await put(subject.store, LOG, a_key(), b"x")).version is None


@pytest.mark.parametrize("class_", list(Class))
async def test_the_same_bytes_again_are_a_success(store: ObjectStore, class_: Class) -> None:
    key = a_key()
    first = await put(store, class_, key, b"same" * 1000)
    assert await put(store, class_, key, b"same" * 1000) == first
    assert await store.versions(class_, key) == [first]


@pytest.mark.parametrize("class_", list(Class))
@pytest.mark.parametrize("other", [b"abd", b"ab", b"abcd", b""])
async def test_other_bytes_are_a_conflict_and_the_first_stay(
    store: ObjectStore, class_: Class, other: bytes
) -> None:
    key = a_key()
    first = await put(store, class_, key, b"abc")
    with pytest.raises(ConflictError):
        await put(store, class_, key, other)
    assert await read_all(store, class_, key) == b"abc"
    assert await store.versions(class_, key) == [first]


async def test_a_difference_in_the_last_byte_of_many_is_found(store: ObjectStore) -> None:
    key, data = a_key(), random.Random(1).randbytes(3 << 20)
    await put(store, EVIDENCE, key, data)
    with pytest.raises(ConflictError):
        await put(store, EVIDENCE, key, data[:-1] + bytes([data[-1] ^ 1]))


async def test_many_parts(store: ObjectStore, tmp_path: Path) -> None:
    disk, key = FolderDisk(tmp_path / "staging"), a_key()
    data = random.Random(2).randbytes(BIG)
    file = disk.create("big")
    file.write_at(0, [data])
    file.close()
    content = DiskContent(disk, "big", BIG)
    stored = await store.create(EVIDENCE, key, content, retain_until=YEAR)
    assert stored.size == BIG
    assert stored.retain_until == YEAR
    assert await read_all(store, EVIDENCE, key, version=stored.version) == data
    assert await store.create(EVIDENCE, key, content, retain_until=YEAR) == stored
    assert (
        await part(store, EVIDENCE, key, (8 << 20) - 5, (8 << 20) + 5)
        == data[(8 << 20) - 5 : (8 << 20) + 5]
    )
    await store.create(WORK, "playable/big", content)
    assert (await store.stat(WORK, "playable/big")).size == BIG


async def test_ranges(store: ObjectStore) -> None:
    key, data = a_key(), bytes(range(256)) * 16
    await put(store, WORK, key, data)
    await put(store, EVIDENCE, key, data)
    for class_ in (WORK, EVIDENCE):
        for start, end in (
            (0, 1),
            (10, 20),
            (4000, None),
            (4090, 9999),
            (5, 5),
            (9, 3),
            (4096, None),
        ):
            assert await part(store, class_, key, start, end) == data[start:end]
    await put(store, WORK, "empty", b"")
    assert await part(store, WORK, "empty", 0, None) == b""
    assert await part(store, WORK, "empty", 0, 10) == b""


@pytest.mark.parametrize("class_", list(Class))
async def test_what_is_not_there(store: ObjectStore, class_: Class) -> None:
    key = a_key()
    with pytest.raises(NotFoundError):
        await store.stat(class_, key)
    with pytest.raises(NotFoundError):
        await read_all(store, class_, key)
    with pytest.raises(NotFoundError):
        await part(store, class_, key, 3, 3)
    assert await store.versions(class_, key) == []
    assert await keys(store, class_) == []


async def test_a_version_that_is_not_there(store: ObjectStore) -> None:
    key = a_key()
    await put(store, EVIDENCE, key, b"x")
    await put(store, WORK, key, b"x")
    for class_ in (EVIDENCE, WORK):
        for version in ("9b7f29a3-4b41-4a53-9f63-8a7b4f1f6d0e", "nonsense"):
            with pytest.raises(NotFoundError):
                await store.stat(class_, key, version=version)
            with pytest.raises(NotFoundError):
                await read_all(store, class_, key, version=version)


async def test_lists_by_prefix_in_order(store: ObjectStore) -> None:
    names = ["a", "tile/0/000", "tile/0/000.p/3", "tile/0/001", "tile/0/x001/000", "tile/1/000"]
    for name in reversed(names):
        await put(store, PRIVATE, name, b"x")
    assert await keys(store, PRIVATE) == sorted(names)
    assert await keys(store, PRIVATE, "tile/0/") == names[1:5]
    assert await keys(store, PRIVATE, "tile/0/00") == names[1:4]
    assert await keys(store, PRIVATE, "tile/0/000") == names[1:3]
    assert await keys(store, PRIVATE, "tile/9") == []
    assert await keys(store, LOG) == []


async def test_keys_that_begin_alike_are_different_objects(store: ObjectStore) -> None:
    key = a_key()
    await put(store, EVIDENCE, f"{key}.tree", b"hashes")
    assert await store.versions(EVIDENCE, key) == []
    await put(store, EVIDENCE, key, b"bytes")
    assert [found.key for found in await store.versions(EVIDENCE, key)] == [key]
    assert await read_all(store, EVIDENCE, key) == b"bytes"
    assert await keys(store, EVIDENCE, key) == [key, f"{key}.tree"]


@pytest.mark.parametrize("class_", [PRIVATE, WORK])
async def test_replace_and_delete(store: ObjectStore, class_: Class) -> None:
    for data in (b"first", b"second, longer", b"", b"3"):
        await store.replace(class_, "checkpoint", data)
        assert await read_all(store, class_, "checkpoint") == data
        assert len(await store.versions(class_, "checkpoint")) == 1
    await store.delete(class_, "checkpoint")
    await store.delete(class_, "checkpoint")
    assert await store.versions(class_, "checkpoint") == []
    await put(store, class_, "checkpoint", b"again")
    assert await read_all(store, class_, "checkpoint") == b"again"


async def test_a_reader_sees_old_or_new_bytes(store: ObjectStore) -> None:
    states = [bytes([n]) * 300_000 for n in range(1, 5)]
    await store.replace(PRIVATE, "checkpoint", states[0])

    async def write() -> None:
        for state in states:
            await store.replace(PRIVATE, "checkpoint", state)

    writer = asyncio.create_task(write())
    while not writer.done():
        assert await read_all(store, PRIVATE, "checkpoint") in states
        await asyncio.sleep(0)
    await writer


@pytest.mark.parametrize("class_", [EVIDENCE, LOG])
async def test_evidence_and_log_cannot_be_replaced_or_deleted(
    store: ObjectStore, class_: Class
) -> None:
    await put(store, class_, "tile/0/000", b"x")
    with pytest.raises(MalformedError, match="expected private or work"):
        await store.replace(class_, "tile/0/000", b"y")
    with pytest.raises(MalformedError, match="expected private or work"):
        await store.delete(class_, "tile/0/000")
    assert await read_all(store, class_, "tile/0/000") == b"x"


async def test_retention_is_asked_for_in_evidence_and_refused_elsewhere(store: ObjectStore) -> None:
    with pytest.raises(MalformedError, match="expected a date"):
        await store.create(EVIDENCE, a_key(), b"x")
    for class_ in OTHERS:
        with pytest.raises(MalformedError, match="expected none"):
            await store.create(class_, a_key(), b"x", retain_until=YEAR)
    with pytest.raises(MalformedError, match="time zone"):
        await store.create(EVIDENCE, a_key(), b"x", retain_until=datetime(2090, 1, 1))  # noqa: DTZ001


async def test_retention_is_kept_to_the_second_and_never_shorter(store: ObjectStore) -> None:
    asked = (YEAR + timedelta(microseconds=1)).astimezone(timezone(timedelta(hours=8)))
    key = a_key()
    stored = await store.create(EVIDENCE, key, b"x", retain_until=asked)
    assert stored.retain_until == YEAR + timedelta(seconds=1)
    assert (await store.stat(EVIDENCE, key)).retain_until == stored.retain_until
    assert stored.retain_until.tzinfo is UTC or stored.retain_until.utcoffset() == timedelta(0)


async def test_retention_grows_and_never_shrinks(store: ObjectStore) -> None:
    key = a_key()
    stored = await put(store, EVIDENCE, key, b"x")
    later = YEAR + timedelta(days=400)
    await store.extend(key, stored.version, later)
    assert (await store.stat(EVIDENCE, key, version=stored.version)).retain_until == later
    with pytest.raises(ConflictError, match="retention of"):
        await store.extend(key, stored.version, YEAR)
    await store.extend(key, stored.version, later)
    await store.extend(key, None, later + timedelta(days=1))
    assert (await store.stat(EVIDENCE, key)).retain_until == later + timedelta(days=1)
    with pytest.raises(NotFoundError):
        await store.extend(a_key(), None, later)


async def test_the_same_bytes_for_longer_are_kept_for_longer(store: ObjectStore) -> None:
    key = a_key()
    first = await put(store, EVIDENCE, key, b"x")
    later = YEAR + timedelta(days=30)
    again = await store.create(EVIDENCE, key, b"x", retain_until=later)
    assert (again.version, again.retain_until) == (first.version, later)
    assert (await store.stat(EVIDENCE, key)).retain_until == later
    shorter = await store.create(EVIDENCE, key, b"x", retain_until=YEAR)
    assert shorter.retain_until == later


async def test_holds(store: ObjectStore) -> None:
    key = a_key()
    stored = await put(store, EVIDENCE, key, b"x")
    for on in (True, True, False, True):
        await store.hold(key, stored.version, on=on)
        found = await store.stat(EVIDENCE, key, version=stored.version)
        assert found.hold is on
        assert found.retain_until == YEAR
    later = YEAR + timedelta(days=1)
    await store.extend(key, stored.version, later)
    assert await store.versions(EVIDENCE, key) == [
        Stored(key, 1, stored.version, retain_until=later, hold=True)
    ]
    with pytest.raises(NotFoundError):
        await store.hold(a_key(), None, on=True)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        ".",
        "A",
        "a b",
        "ä",
        "a\n",
        ".new/x",
        "a/.b",
        "a\0",
    ],
)
async def test_keys_outside_the_key_space_are_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(MalformedError, match="key: expected"):
        await store.create(WORK, key, b"x")
    with pytest.raises(MalformedError, match="key: expected"):
        await store.replace(WORK, key, b"x")
    with pytest.raises(MalformedError, match="key: expected"):
        await store.delete(WORK, key)
    with pytest.raises(MalformedError, match="key: expected"):
        await store.stat(EVIDENCE, key)
    with pytest.raises(MalformedError, match="key: expected"):
        await read_all(store, LOG, key)


@pytest.mark.parametrize("class_", list(Class))
async def test_content_of_another_length_than_it_says_is_never_stored(
    store: ObjectStore, class_: Class
) -> None:
    class Lying(BytesContent):
        @property
        def size(self) -> int:
            return 5

        async def read(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
            yield self._data[start:end]

    until = YEAR if class_ is EVIDENCE else None
    for data in (b"four", b"sixsix"):
        key = a_key()
        with pytest.raises(VerificationError, match="content: expected 5 bytes"):
            await store.create(class_, key, Lying(data), retain_until=until)
        assert await store.versions(class_, key) == []


@pytest.mark.parametrize("class_", [LOG, PRIVATE])
async def test_of_two_writers_at_once_one_wins(store: ObjectStore, class_: Class) -> None:
    """Of different bytes under one key exactly one stays; of the same bytes all succeed."""
    key = a_key()
    results = await asyncio.gather(
        *(put(store, class_, key, bytes([n]) * 1000) for n in range(6)), return_exceptions=True
    )
    won = [n for n, result in enumerate(results) if isinstance(result, Stored)]
    assert len(won) == 1
    assert all(isinstance(r, (Stored, ConflictError)) for r in results), results
    assert await read_all(store, class_, key) == bytes([won[0]]) * 1000
    again = await asyncio.gather(*(put(store, class_, "same", b"s") for _ in range(6)))
    assert {stored.size for stored in again} == {1}


async def test_evidence_written_at_once_is_kept_in_any_case(subject: Subject) -> None:
    store, key = subject.store, a_key()
    made = await asyncio.gather(
        *(put(store, EVIDENCE, key, b"same") for _ in range(4)), return_exceptions=True
    )
    allowed = (Stored, VerificationError) if subject.loses_locks_in_a_race else (Stored,)
    assert all(isinstance(result, allowed) for result in made), made
    held = {stored.version for stored in await store.versions(EVIDENCE, key)}
    for stored in made:
        if isinstance(stored, Stored):
            assert stored.version in held
            assert stored.retain_until == YEAR
            assert await read_all(store, EVIDENCE, key, version=stored.version) == b"same"


async def test_a_reader_may_stop_early(store: ObjectStore) -> None:
    await put(store, WORK, "big", bytes(4 << 20))
    for _ in range(3):
        pieces = store.read(WORK, "big")
        assert len(await anext(pieces)) > 0
        await pieces.aclose()  # type: ignore[attr-defined]
    assert (await store.stat(WORK, "big")).size == 4 << 20
