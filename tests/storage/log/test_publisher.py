"""Publication: what is in the store afterwards, and that a crash at any step is continued."""

import asyncio
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from storage import acts
from storage.errors import ForkError, HaltedError
from storage.log import files, rows
from storage.objects.port import Class, ObjectStore, read_all
from tests.storage.log.faults import CrashError, CrashingStore, Steps, crash_commits, crash_signer
from tests.storage.log.rig import Fresh, Rig, keep, put_back, server, sqlite, store_at
from tests.storage.samples import enrolled, erased
from verify import merkle, tiles
from verify.errors import ConflictError, NotFoundError, UnavailableError

S = "5" * 32


async def check_store(rig: Rig, store: ObjectStore) -> None:
    """Tiles, bundles and checkpoint in the store are exactly those of the database's rows."""
    published = rig.publisher.published
    assert published is not None
    size = published.size
    async with rig.database.read() as c:
        held = await rows.read_rows(c, 0, size)
    raws = [row.raw for row in held]
    leaves = [merkle.leaf_hash(raw) for raw in raws]
    checkpoint = rig.signer.read_checkpoint(published.note)
    assert (checkpoint.size, checkpoint.root) == (size, merkle.root(leaves[:size]))
    assert await read_all(store, Class.PRIVATE, "checkpoint") == published.note.encode()
    fetched = {}
    for tile in tiles.tiles_between(0, size):
        path = tile.path
        fetched[tile] = await read_all(store, files.class_of(path), path)
    assert tiles.root(size, tiles.from_map(fetched)) == checkpoint.root
    for number in range(-(-size // 256)):
        width = min(256, size - number * 256)
        path = tiles.tile_path("entries", number, width)
        found = tiles.decode_bundle(await read_all(store, files.class_of(path), path), width)
        assert found == raws[number * 256 : number * 256 + width]
        data = await read_all(store, Class.PRIVATE, files.disclosures_path(number))
        assert data == files.disclosure_bundle(held[number * 256 : number * 256 + width])


async def test_a_log_is_published_as_tlog_tiles(tmp_path: Path, migrated_url: str) -> None:
    async with server(tmp_path, migrated_url) as rig:
        assert (await rig.publish()).size == 1
        await rig.cases(300)
        assert (await rig.publish()).size == 301
        await rig.cases(500)
        assert (await rig.publish()).size == 801
        await check_store(rig, rig.stores[0])
        for index in (0, 1, 255, 256, 800):
            await rig.check(index)
    async with server(tmp_path, migrated_url) as rig:
        await rig.cases(1)
        assert (await rig.publish()).size == 802
        await check_store(rig, rig.stores[0])


async def test_partial_tiles_go_once_the_full_one_is_durable(tmp_path: Path, fresh: Fresh) -> None:
    async with fresh(tmp_path) as rig:
        for count in (10, 20, 30):
            await rig.cases(count)
            await rig.publish()
        store = rig.stores[0]
        assert [k async for k in store.list(Class.PRIVATE, "tile/0/000.p/")] == [
            "tile/0/000.p/11", "tile/0/000.p/31", "tile/0/000.p/61",
        ]  # fmt: skip
        await rig.cases(300)
        await rig.publish()
        left = [k async for k in store.list(Class.PRIVATE, "tile/")]
        assert left == ["tile/0/001.p/105", "tile/1/000.p/1", "tile/entries/001.p/105"]
        await store.create(Class.PRIVATE, "tile/0/000.p/11", b"left by a kill")
    async with server(tmp_path, sqlite(tmp_path)) as rig:
        with pytest.raises(NotFoundError):
            await rig.stores[0].stat(Class.PRIVATE, "tile/0/000.p/11")


async def test_catching_up_writes_in_batches_the_same_files(tmp_path: Path, fresh: Fresh) -> None:
    async with fresh(tmp_path / "a") as rig:
        await rig.cases(4_400)
        assert (await rig.publish()).size == 4_401
        await check_store(rig, rig.stores[0])


async def test_every_store_gets_the_log(tmp_path: Path, fresh: Fresh) -> None:
    stores = [store_at(tmp_path, "one"), store_at(tmp_path, "two")]
    async with fresh(tmp_path, stores=stores) as rig:
        await rig.cases(300)
        await rig.publish()
        for store in stores:
            await check_store(rig, store)


async def test_a_new_store_is_filled_at_the_start(tmp_path: Path, fresh: Fresh) -> None:
    one, two = store_at(tmp_path, "one"), store_at(tmp_path, "two")
    async with fresh(tmp_path, stores=[one]) as rig:
        await rig.cases(300)
        await rig.publish()
        await rig.cases(3)
    steps = Steps(4)
    with pytest.raises(CrashError):  # in the middle of it
        async with server(tmp_path, sqlite(tmp_path), stores=[one, CrashingStore(two, steps)]):
            pass
    async with server(tmp_path, sqlite(tmp_path), stores=[one, two]) as rig:
        await rig.publish()
        await check_store(rig, two)


async def test_with_the_store_away_recording_goes_on_and_publication_catches_up(
    tmp_path: Path, fresh: Fresh
) -> None:
    store = CrashingStore(store_at(tmp_path), Steps())
    async with fresh(tmp_path, stores=[store]) as rig:
        await rig.publish()
        store.away = True
        await rig.cases(3)
        running = asyncio.create_task(rig.publisher.run())
        with pytest.raises(UnavailableError, match="publication of entry 3: expected within"):
            await rig.receipts.of(3, wait=0.2)
        assert rig.publisher.state.lag == 3
        assert "expected an answer" in (rig.publisher.state.error or "")
        store.away = False
        assert (await rig.publisher.wait_for(3, 5)).size == 4
        assert rig.publisher.state.error is None
        running.cancel()
        await rig.check(3)


async def test_a_receipt_waits_for_publication_on_demand(tmp_path: Path, fresh: Fresh) -> None:
    async with fresh(tmp_path) as rig:
        running = asyncio.create_task(rig.publisher.run())
        (event,) = await rig.cases(1)
        assert (await rig.publisher.wait_for(event.index, 5)).size == 2
        running.cancel()
        with pytest.raises(NotFoundError, match="entry 7: expected one below 2"):
            await rig.receipts.of(7)


async def test_a_crash_at_every_step_is_continued_by_the_same_code(
    tmp_path: Path, migrated_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A publication that fills a tile and follows an erasure, cut between every two writes."""
    stores = 2
    # The process dies here, not the machine, so nothing is lost without a sync, and it is slow.
    monkeypatch.setattr("os.fsync", lambda _: None)
    monkeypatch.setattr("os.fdatasync", lambda _: None)
    await _prepare(tmp_path / "base", migrated_file, stores)
    at = 0
    while True:
        at += 1
        folder = tmp_path / f"run{at}"
        shutil.copytree(tmp_path / "base", folder)
        steps = Steps(at)
        try:
            await _work(folder, steps, stores)
        except CrashError:
            pass
        else:
            break
        async with server(folder, sqlite(folder), stores=_plain(folder, stores)) as rig:
            await rig.cases(1)
            await rig.publish()
            for store in rig.stores:
                await check_store(rig, store)
            await rig.check(0)
        shutil.rmtree(folder)
    assert at > 20


def _plain(folder: Path, count: int) -> list[ObjectStore]:
    return [store_at(folder, f"store{n}") for n in range(count)]


async def _prepare(folder: Path, migrated: Path, stores: int) -> None:
    folder.mkdir()
    shutil.copy(migrated, folder / "liuhen.db")
    async with server(folder, sqlite(folder), stores=_plain(folder, stores)) as rig:
        await rig.cases(252)
        await rig.publish()
        await rig.cases(2)


async def _work(folder: Path, steps: Steps, stores: int) -> None:
    crashing: list[ObjectStore] = [CrashingStore(s, steps) for s in _plain(folder, stores)]
    async with server(folder, sqlite(folder), stores=crashing, start=False) as rig:
        crash_commits(rig, steps)
        crash_signer(rig, steps)
        await rig.startup.once()
        async with rig.database.read() as c:
            (event,) = await c.run_sync(lambda c: acts.load(c, 5, 6))
        await rig.act(enrolled(S))
        await rig.act(erased(event, "title"))
        await rig.cases(3)
        await rig.publish()
        steps.step()


async def test_a_database_put_back_under_the_running_server_gets_no_fork_signed(
    tmp_path: Path, fresh: Fresh
) -> None:
    async with fresh(tmp_path) as rig:
        await rig.cases(5)
        await rig.publish()
        await rig.database.truncate_wal()
        keep(tmp_path, tmp_path / "older.db")
        await rig.cases(5)
        before = await rig.publish()
    # The server runs on with its publisher, over a database that went back and grew again.
    async with server(tmp_path, sqlite(tmp_path)) as rig:
        other = tmp_path / "other"
        other.mkdir()
        put_back(other, tmp_path / "older.db")
        async with server(other, sqlite(other), start=False) as grown:
            grown.ledger.open()
            await grown.cases(9)
            rig.publisher._database = rig.publisher._writer._database = grown.database
            with pytest.raises(ForkError, match="expected root"):
                await rig.publisher.publish()
        memory = rig.signer.memory
        assert memory is not None
        assert memory.size == before.size
        assert await read_all(rig.stores[0], Class.PRIVATE, "checkpoint") == before.note.encode()
        with pytest.raises(HaltedError):
            await rig.cases(1)
        with pytest.raises(HaltedError):
            await rig.publisher.wait_for(99, 1)


async def test_a_database_that_only_went_back_is_refused_too(tmp_path: Path, fresh: Fresh) -> None:
    async with fresh(tmp_path) as rig:
        await rig.cases(5)
        await rig.publish()
        async with rig.database.read() as c:
            assert (await c.execute(text("SELECT size FROM head"))).scalar_one() == 6

        def back(connection: object) -> None:
            older = merkle.Edge().append(b"\0" * 32)
            connection.exec_driver_sql(  # type: ignore[attr-defined]
                "UPDATE head SET size = 1, root = ?, edge = ?", (older.root(), older.encode())
            )

        await rig.database.write(back)
        with pytest.raises(ForkError, match="expected a log of size 6 or more"):
            await rig.publish()


async def test_a_file_of_other_bytes_stops_publication_and_recording(
    tmp_path: Path, fresh: Fresh
) -> None:
    async with fresh(tmp_path) as rig:
        await rig.publish()
        await rig.cases(1)
        await rig.stores[0].create(Class.PRIVATE, "tile/0/000.p/2", b"\0" * 64)
        with pytest.raises(ConflictError, match=r"tile/0/000.p/2"):
            await rig.publish()
        assert rig.publisher.state.halted
        with pytest.raises(HaltedError):
            await rig.cases(1)
