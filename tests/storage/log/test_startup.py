"""The start: exactly one order of sizes is accepted, everything else is named."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from storage.errors import DatabaseBehindError, HaltedError, NotComparedError
from storage.log import files
from storage.log.compare import Mark, Plan, Seen, StoreSeen, compare
from storage.log.files import Extent
from storage.log.rows import HeadRow
from storage.objects.port import Class
from tests.storage.log.faults import CrashingStore, Steps
from tests.storage.log.rig import ORIGIN, Fresh, keep, put_back, server, sqlite, store_at
from verify.errors import EvidenceError, UnavailableError, VerificationError

ROOTS = {n: bytes([n]) * 32 for n in range(10)}


def mark(size: int) -> Mark:
    return Mark(size, ROOTS[size])


def state(head: int, entries: int, leaves: int, signer: int, copy: int, row: int) -> Seen:
    store = StoreSeen("objects", mark(copy), Extent(entries, leaves), ROOTS)
    return Seen(
        ORIGIN, mark(row), mark(signer), (store,), HeadRow(ORIGIN, head, ROOTS[head]), ROOTS[head]
    )


@pytest.mark.parametrize(
    "sizes", [(1, 1, 1, 1, 1, 1), (9, 7, 6, 5, 4, 3), (9, 3, 3, 3, 3, 3), (9, 9, 9, 9, 9, 3)]
)
def test_what_a_kill_can_leave_is_accepted(sizes: tuple[int, ...]) -> None:
    assert compare(state(*sizes)) == Plan()


def store(seen: Seen, **changes: object) -> Seen:
    return replace(seen, stores=(replace(seen.stores[0], **changes),))  # type: ignore[arg-type]


GOOD = state(9, 7, 6, 5, 4, 3)
EMPTY = StoreSeen("objects", None, Extent(0, 0))
REFUSED = {
    "behind its files": (state(6, 7, 6, 5, 4, 3), DatabaseBehindError, "size 7 or more, as the files in objects has it, got 6; `liuhen log recover`"),
    "behind the signer": (store(replace(GOOD, head=HeadRow(ORIGIN, 2, ROOTS[2])), files=Extent(2, 2)), DatabaseBehindError, "as the signer has it, got 2"),
    "empty database": (replace(GOOD, head=None), DatabaseBehindError, "`liuhen rebuild`"),
    "empty store and database": (replace(GOOD, head=None, stores=(EMPTY,)), VerificationError, "that this key has signed"),
    "store lost everything": (replace(GOOD, stores=(EMPTY,)), VerificationError, "tiles in objects: expected size 5"),
    "tiles lost": (state(9, 7, 4, 5, 4, 3), VerificationError, "tiles in objects: expected size 5 or more, as the signer remembers, got 4"),
    "bundles lost": (state(9, 5, 6, 5, 4, 3), VerificationError, "entry bundles in objects: expected 6"),
    "older signer": (state(9, 7, 6, 3, 4, 3), VerificationError, "signer memory: expected size 4 .*`liuhen log recover`"),
    "older copy": (state(9, 7, 6, 5, 2, 3), VerificationError, "checkpoint in objects: expected size 3 .* got 2"),
    "copy lost": (store(GOOD, copy=None), VerificationError, "checkpoint in objects: expected size 3 .* got none"),
    "another key": (replace(GOOD, origin="log.example/b"), VerificationError, "put the file keys/log.key of this log back"),
    "row's root": (replace(GOOD, row=Mark(3, b"x" * 32)), VerificationError, "published row of size 3: expected root"),
    "copy's root": (store(GOOD, copy=Mark(4, b"x" * 32)), VerificationError, "checkpoint in objects of size 4: expected root"),
    "signer's root": (replace(GOOD, signer=Mark(5, b"x" * 32)), VerificationError, "signer memory of size 5: expected root"),
    "forked database": (replace(GOOD, extended=b"x" * 32), VerificationError, "another history"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_everything_else_is_refused_by_name(name: str) -> None:
    seen, error, sentence = REFUSED[name]
    with pytest.raises(error, match=sentence) as raised:
        compare(seen)
    assert type(raised.value) is error


def test_what_is_left_to_finish() -> None:
    fresh = Seen(ORIGIN, None, None, (EMPTY,), None, None)
    assert compare(fresh) == Plan(begin=True)
    assert compare(replace(GOOD, signer=None)) == Plan(adopt=True)
    second = StoreSeen("second", None, Extent(0, 0))
    assert compare(replace(GOOD, stores=(*GOOD.stores, second))) == Plan(fill=("second",))
    interrupted = StoreSeen("second", None, Extent(3, 2))
    assert compare(replace(GOOD, stores=(*GOOD.stores, interrupted))) == Plan(fill=("second",))
    first = StoreSeen("objects", None, Extent(0, 0))
    begun = Seen(ORIGIN, None, None, (first,), HeadRow(ORIGIN, 1, ROOTS[1]), ROOTS[1])
    assert compare(begun) == Plan()
    half = replace(first, files=Extent(1, 1))  # the first publication was cut between two stores
    assert compare(replace(begun, stores=(half, second))) == Plan()


async def test_a_lost_signer_memory_is_set_from_the_published_copy(
    tmp_path: Path, fresh: Fresh
) -> None:
    async with fresh(tmp_path) as rig:
        await rig.cases(3)
        await rig.publish()
        memory = rig.signer.memory
    (tmp_path / "signer.json").unlink()
    async with server(tmp_path, sqlite(tmp_path)) as rig:
        assert rig.signer.memory == memory
        await rig.cases(1)
        await rig.publish()


async def test_another_key_is_refused(tmp_path: Path, fresh: Fresh) -> None:
    async with fresh(tmp_path) as rig:
        await rig.publish()
    (tmp_path / "keys/log.key").unlink()
    async with server(tmp_path, sqlite(tmp_path), start=False) as rig:
        with pytest.raises(
            VerificationError,
            match=r"expected a note signed by .* put the file keys/log.key of this log back",
        ):
            await rig.startup.once()
        with pytest.raises(NotComparedError):
            await rig.cases(1)


async def test_with_the_store_away_nothing_is_recorded_until_compared(
    tmp_path: Path, fresh: Fresh
) -> None:
    async with fresh(tmp_path) as rig:
        await rig.publish()
    away = CrashingStore(store_at(tmp_path), Steps())
    away.away = True
    async with server(tmp_path, sqlite(tmp_path), stores=[away], start=False) as rig:
        running = asyncio.create_task(rig.startup.run())
        await asyncio.sleep(0.2)
        assert "expected an answer" in (rig.startup.waiting_for or "")
        with pytest.raises(NotComparedError):
            await rig.cases(1)
        with pytest.raises(NotComparedError):
            await rig.publisher.publish()
        with pytest.raises(UnavailableError):
            await rig.publisher.wait_for(0, 0.1)
        away.away = False
        await asyncio.wait_for(running, 10)
        assert rig.startup.compared.is_set()
        assert rig.startup.waiting_for is None
        await rig.cases(1)


async def test_a_refusal_ends_the_start_and_recording(tmp_path: Path, fresh: Fresh) -> None:
    async with fresh(tmp_path) as rig:
        await rig.publish()
        await rig.database.truncate_wal()
        keep(tmp_path, tmp_path / "older.db")
        await rig.cases(2)
        await rig.publish()
    put_back(tmp_path, tmp_path / "older.db")
    async with server(tmp_path, sqlite(tmp_path), start=False) as rig:
        with pytest.raises(DatabaseBehindError):
            await rig.startup.run()
        with pytest.raises(HaltedError, match="`liuhen log recover`"):
            await rig.cases(1)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("private/tile/entries/000.p/6", r"tile/entries/000 in objects, entry \d: expected"),
        ("private/disclosures/000", r"disclosures/000"),
        ("private/tile/0/000.p/6", "expected root"),
        ("private/checkpoint", "checkpoint: expected a note signed by"),
    ],
)
async def test_the_newest_files_are_compared_byte_by_byte(
    tmp_path: Path, fresh: Fresh, name: str, sentence: str
) -> None:
    async with fresh(tmp_path / "base") as rig:
        await rig.cases(5)
        await rig.publish()
    size = (tmp_path / "base/objects" / name).stat().st_size
    for at in range(0, size, max(1, size // 12)):
        folder = tmp_path / f"at{at}"
        shutil.copytree(tmp_path / "base", folder)
        path = folder / "objects" / name
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        path.write_bytes(bytes(data))
        async with server(folder, sqlite(folder), start=False) as rig:
            with pytest.raises(EvidenceError) as raised:
                await rig.startup.once()
            assert raised.match(f"{sentence}|{name.partition('/')[2].partition('.')[0]}")
        shutil.rmtree(folder)


async def test_a_triple_that_a_kill_left_in_the_store_is_written_over(
    tmp_path: Path, fresh: Fresh
) -> None:
    """The database has lost the newest acts, an erasure among them, that no entry bundle had."""
    async with fresh(tmp_path) as rig:
        (event,) = await rig.cases(1)
        await rig.publish()
        store = rig.stores[0]
        good = (tmp_path / "objects/private/disclosures/000").read_bytes()
        lines = good.splitlines(keepends=True)
        line = files.parse_line(1, lines[1][:-1])
        for name, refused in (("number", True), ("title", False)):
            kept = tuple(t for t in line.triples if t[1] != name)
            lines[1] = files.disclosure_line(files.Disclosed(1, line.body, kept))
            await store.replace(Class.PRIVATE, "disclosures/000", b"".join(lines))
            if refused:  # no act may erase this one
                with pytest.raises(VerificationError, match=r"disclosures/000 .*entry 1: expected"):
                    await rig.startup.once()
        assert event.index == 1
    async with server(tmp_path, sqlite(tmp_path)) as rig:
        assert (tmp_path / "objects/private/disclosures/000").read_bytes() == good
