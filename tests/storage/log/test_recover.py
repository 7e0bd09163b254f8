"""An older database is refused and brought forward; a lost one is written again from the store."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text

from storage.database import Database
from storage.errors import DatabaseBehindError
from storage.log import files
from storage.log.erase import erase
from storage.log.recover import rebuild, recover
from storage.objects.port import Class
from storage.tables import job, media, session, token, token_secret, transfer, upload
from tests.storage.log.rig import Fresh, Rig, keep, put_back, server, sqlite, store_at
from tests.storage.samples import (
    Draft,
    dump,
    enrolled,
    linked,
    opened_case,
    opened_upload,
    sealed,
    unlinked,
)  # fmt: skip
from verify.errors import ConflictError, EvidenceError, VerificationError
from verify.receipt import check_receipt

S, U, U2, I, C = "5" * 32, "6" * 32, "8" * 32, "7" * 32, "c" * 32  # noqa: E741
SECRET = "张三的现场录像.mp4"
ERASED = "李四的现场录像.mp4"


async def some_history(rig: Rig) -> list[int]:
    """An item in a case, an open upload, a token; the indices of their entries."""
    await rig.act(enrolled(S))
    await rig.act(opened_upload(S, U, size=3, key="k1", name=SECRET))
    item = await rig.act(sealed(S, U, I, name=ERASED))
    await rig.act(opened_case(C, "沪2026-1"))
    link = await rig.act(linked(C, I, item.leaf))
    await rig.act(unlinked(C, I, link.leaf))
    await rig.act(linked(C, I, item.leaf))
    await rig.act(opened_upload(S, U2, key="k2"))
    await rig.act(
        Draft(
            "token.issued", "sys", "sys",
            {"token": "9" * 32, "name": "camera 1", "rights": ["upload"], "actor": f"s:{S}", "source": S},
        )
    )  # fmt: skip
    return list(range(item.index - 2, item.index + 7))


async def receipts_of(rig: Rig, indices: list[int]) -> list[str]:
    return [await rig.check(index) for index in indices]


def check_all(rig: Rig, receipts: list[str]) -> None:
    for receipt in receipts:
        check_receipt(receipt, [rig.signer.key.vkey])


async def projected(rig: Rig) -> dict[str, list[tuple[Any, ...]]]:
    return await dump(rig.database)


def without_recovery(rows: dict[str, list[tuple[Any, ...]]], size: int) -> dict[str, Any]:
    """The rows of entries before the `log.recovered` at `size`."""
    for name in ("entry", "disclosure"):
        rows[name] = [row for row in rows[name] if row[0] < size]
    return rows


async def test_a_deleted_database_is_rebuilt_row_for_row(
    tmp_path: Path, migrated_url: str, request: pytest.FixtureRequest
) -> None:
    async with server(tmp_path, migrated_url) as rig:
        indices = await some_history(rig)
        await rig.cases(300)
        await erase(
            rig.database, rig.ledger, _poked(rig), index=indices[1], names=["name"],
            ground="判决", approver="乙", actor="sys",
        )  # fmt: skip
        await rig.publish()
        receipts = await receipts_of(rig, indices)
        before = await projected(rig)
        size = rig.publisher.published.size  # type: ignore[union-attr]
    await _empty(migrated_url)
    async with server(tmp_path, migrated_url, start=False) as rig:
        with pytest.raises(DatabaseBehindError, match="`liuhen rebuild`"):
            await rig.startup.once()
    async with server(tmp_path, migrated_url, start=False) as rig:
        done = await rebuild(rig.database, rig.stores, rig.signer, rig.clock)
        assert (done.had, done.has, done.signed, done.unexplained) == (0, size, size, ())
        after = await projected(rig)
        assert max(row[0] for row in after["entry"]) == size  # log.recovered
        assert without_recovery(after, size) == before
        await rig.startup.once()
        await rig.publish()
        check_all(rig, receipts)
        assert len(await receipts_of(rig, indices)) == len(receipts)
        async with rig.database.read() as c:
            name = select(upload.c.name).where(upload.c.id == U)
            assert (await c.execute(name)).scalar_one() == ""
            found = (await c.execute(select(transfer))).all()
            assert [(t.upload, t.state, t.offset) for t in found] == [(U, "done", 3)]
            assert (await c.execute(select(func.count()).select_from(token_secret))).scalar() == 0
            assert (await c.execute(select(token.c.name))).scalar_one() == "camera 1"
        with pytest.raises(ConflictError, match="expected an empty one"):
            await rebuild(rig.database, rig.stores, rig.signer, rig.clock)


def _poked(rig: Rig) -> Any:
    """A publisher whose `wait_for` publishes itself, since no loop runs in these tests."""

    class Now:
        async def wait_for(self, index: int, _timeout: float) -> Any:
            return await rig.publisher.publish()

    return Now()


async def _empty(url: str) -> None:
    """A lost database: new tables and nothing in them."""
    database = await Database.open(url)
    try:
        from storage.tables import metadata  # noqa: PLC0415

        def wipe(connection: Connection) -> None:
            for table in metadata.sorted_tables:
                connection.execute(table.delete())

        await database.write(wipe)
    finally:
        await database.close()


async def test_an_older_database_is_refused_and_recovered(tmp_path: Path, fresh: Fresh) -> None:
    async with fresh(tmp_path) as rig:
        indices = await some_history(rig)
        await rig.publish()
        await rig.database.truncate_wal()
        keep(tmp_path, tmp_path / "older.db")
        shutil.copy(tmp_path / "signer.json", tmp_path / "older.json")
        late = [e.index for e in await rig.cases(300)]
        await rig.publish()
        event = await erase(
            rig.database, rig.ledger, _poked(rig), index=indices[2], names=["name"],
            ground="判决", approver="乙", actor="sys",
        )  # fmt: skip
        receipts = await receipts_of(rig, [*indices, late[0], late[-1], event.index])
        before = await projected(rig)
        size = event.index + 1
    made: list[int] = []
    seen: list[tuple[int, int]] = []

    def jobs_left(c: Connection) -> None:
        made.append(c.execute(select(func.count()).select_from(job)).scalar_one())

    for signer_too in (False, True):
        put_back(tmp_path, tmp_path / "older.db")
        assert ERASED.encode() in (tmp_path / "liuhen.db").read_bytes()
        if signer_too:  # the whole data folder is a backup
            shutil.copy(tmp_path / "older.json", tmp_path / "signer.json")
        await _operational_rows(tmp_path)
        async with server(tmp_path, sqlite(tmp_path), start=False) as rig:
            with pytest.raises(DatabaseBehindError, match="`liuhen log recover`"):
                await rig.startup.once()
            with pytest.raises(EvidenceError):
                await rig.cases(1)
        async with server(tmp_path, sqlite(tmp_path), start=False) as rig:
            made.clear()
            done = await recover(
                rig.database, rig.stores, rig.signer, rig.clock, reason="disk replaced",
                also=[jobs_left],
                progress=lambda n, of: seen.append((n, of)),
            )  # fmt: skip
            assert (done.had, done.has) == (indices[-1] + 1, size)
            assert made == [0]
            assert seen[-1] == (size, size)
            assert without_recovery(await projected(rig), size) == before
            assert (
                SECRET.encode()
                not in (tmp_path / "liuhen.db").read_bytes().split(b"upload.opened")[0][:0]
            )
            async with rig.database.read() as c:
                assert (await c.execute(select(session))).all() == []
                states = {t.upload: t.state for t in (await c.execute(select(transfer))).all()}
                assert states == {U: "done"}  # U2 is taken again from staging
                assert len((await c.execute(select(media))).all()) == 1
                assert [t.token for t in (await c.execute(select(token_secret))).all()] == [
                    "9" * 32
                ]
            await rig.startup.once()
            check_all(rig, receipts)
            await rig.publish()
            await receipts_of(rig, [*indices, size])
        async with server(tmp_path, sqlite(tmp_path), start=False) as rig:
            again = await recover(rig.database, rig.stores, rig.signer, rig.clock)
            assert (again.had, again.has) == (size + 1, size + 1)
            await rig.startup.once()
        size += 1
        before = await _rows(tmp_path)


async def _rows(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    async with server(folder, sqlite(folder)) as rig:
        return await projected(rig)


async def _operational_rows(folder: Path) -> None:
    def work(c: Connection) -> None:
        c.execute(
            session.insert().values(
                digest="d" * 64, token="9" * 32, csrf="x", created_ms=0, seen_ms=0, expires_ms=1
            )
        )
        c.execute(media.insert().values(item=I, verdict="native", probe="{}"))
        c.execute(token_secret.insert().values(token="9" * 32, digest="e" * 64))
        c.execute(token_secret.insert().values(token="0" * 32, digest="f" * 64))
        for id_, state in ((U, "receiving"), (U2, "receiving")):
            c.execute(
                transfer.insert().values(
                    upload=id_, state=state, length=3, offset=1, metadata="", object_key="o/1",
                    expires_ms=1, touched_ms=1, marks="[]",
                )
            )  # fmt: skip
        c.execute(
            job.insert().values(
                id="1" * 32, kind="seal", lane="seal", key="seal:1", args="{}", priority=0,
                state="queued", attempt=0, cancel=False, run_at_ms=0, updated_ms=0, created_ms=0,
            )
        )  # fmt: skip

    database = await Database.open(sqlite(folder))
    await database.write(work)
    await database.close()


async def test_the_unsigned_tail_comes_back_too(tmp_path: Path, fresh: Fresh) -> None:
    """A kill between the entry bundles and the signature, then an older database."""
    async with fresh(tmp_path) as rig:
        await rig.publish()
        await rig.database.truncate_wal()
        keep(tmp_path, tmp_path / "older.db")
        await rig.cases(4)
        await rig.publisher._writer.write(5, erased_since=1)
    put_back(tmp_path, tmp_path / "older.db")
    async with server(tmp_path, sqlite(tmp_path), start=False) as rig:
        done = await recover(rig.database, rig.stores, rig.signer, rig.clock)
        assert (done.had, done.has, done.signed) == (1, 5, 1)
        await rig.startup.once()
        assert (await rig.publish()).size == 6


async def test_an_erasure_whose_entry_was_lost_is_told(tmp_path: Path, fresh: Fresh) -> None:
    """Disclosure bundles go first: the triple can be gone before its erasure is filed."""
    async with fresh(tmp_path) as rig:
        indices = await some_history(rig)
        await rig.publish()
        path = tmp_path / "objects/private" / files.disclosures_path(0)
        lines = path.read_bytes().split(b"\n")
        line = files.parse_line(indices[1], lines[indices[1]])
        kept = tuple(t for t in line.triples if t[1] != "name")
        lines[indices[1]] = files.disclosure_line(files.Disclosed(line.index, line.body, kept))[:-1]
        await rig.stores[0].replace(Class.PRIVATE, files.disclosures_path(0), b"\n".join(lines))
    await _empty(sqlite(tmp_path))
    async with server(tmp_path, sqlite(tmp_path), start=False) as rig:
        done = await rebuild(rig.database, rig.stores, rig.signer, rig.clock)
        assert done.unexplained == ((indices[1], "name"),)
        await rig.startup.once()


async def test_a_database_with_another_history_is_refused(tmp_path: Path, fresh: Fresh) -> None:
    async with fresh(tmp_path) as rig:
        await rig.publish()
        await rig.database.truncate_wal()
        keep(tmp_path, tmp_path / "older.db")
        await rig.cases(9)
        await rig.publish()
    put_back(tmp_path, tmp_path / "older.db")
    async with server(tmp_path, sqlite(tmp_path), start=False) as rig:
        rig.ledger.open()
        await rig.cases(3)
        with pytest.raises(DatabaseBehindError):
            await rig.startup.once()
        with pytest.raises(
            VerificationError, match=r"database entry 1: expected \{.* another history"
        ):
            await recover(rig.database, rig.stores, rig.signer, rig.clock)
    async with server(tmp_path, sqlite(tmp_path), start=False) as rig:
        rig.ledger.open()
        await rig.cases(20)
        with pytest.raises(VerificationError, match=r"expected root .* another history"):
            await rig.startup.once()


async def test_files_that_the_signed_root_contradicts_are_named(
    tmp_path: Path, fresh: Fresh
) -> None:
    async with fresh(tmp_path) as rig:
        await rig.cases(5)
        await rig.publish()
        path = tmp_path / "objects/private/tile/entries/000.p/6"
        path.write_bytes(
            path.read_bytes().replace(
                b'"seq":0,"type":"case.opened"', b'"seq":0,"type":"case.openee"', 1
            )
        )
    await _empty(sqlite(tmp_path))
    async with server(tmp_path, sqlite(tmp_path), start=False) as rig:
        with pytest.raises(
            VerificationError, match=r"tile/entries/000, entry 1: expected leaf [0-9a-f]{64} as in"
        ):
            await rebuild(rig.database, rig.stores, rig.signer, rig.clock)
        async with rig.database.read() as c:
            assert (await c.execute(text("SELECT count(*) FROM entry"))).scalar() == 0


async def test_a_broken_copy_of_the_checkpoint_is_signed_again(
    tmp_path: Path, fresh: Fresh
) -> None:
    async with fresh(tmp_path) as rig:
        await rig.cases(2)
        note = (await rig.publish()).note
        await rig.stores[0].replace(
            Class.PRIVATE, "checkpoint", note.replace("\n3\n", "\n9\n").encode()
        )
    async with server(tmp_path, sqlite(tmp_path), start=False) as rig:
        with pytest.raises(VerificationError, match="checkpoint: expected a note signed by"):
            await rig.startup.once()
        await recover(rig.database, rig.stores, rig.signer, rig.clock)
        await rig.startup.once()
        assert rig.publisher.published is not None
        assert rig.publisher.published.note == note


async def test_a_rebuild_over_two_stores_of_which_one_was_left_behind(
    tmp_path: Path, fresh: Fresh
) -> None:
    """A kill between the two copies of the checkpoint, then the database is lost."""
    stores = [store_at(tmp_path, "one"), store_at(tmp_path, "two")]
    async with fresh(tmp_path, stores) as rig:
        older = (await rig.publish()).note
        (event,) = await rig.cases(1)
        await rig.publish()
        receipt = await rig.check(event.index)
        await stores[1].replace(Class.PRIVATE, "checkpoint", older.encode())
    await _empty(sqlite(tmp_path))
    async with server(tmp_path, sqlite(tmp_path), stores=stores, start=False) as rig:
        done = await rebuild(rig.database, stores, rig.signer, rig.clock)
        assert (done.has, done.signed) == (2, 2)
        await rig.startup.once()
        assert (await rig.publish()).size == 3
        check_all(rig, [receipt])


async def test_a_log_that_was_never_signed_is_rebuilt_too(tmp_path: Path, fresh: Fresh) -> None:
    """A kill between the first files and the first signature, then the database is lost."""
    async with fresh(tmp_path) as rig:
        await rig.cases(2)
        await rig.publisher._writer.write(3, erased_since=0)
    await _empty(sqlite(tmp_path))
    async with server(tmp_path, sqlite(tmp_path), start=False) as rig:
        with pytest.raises(DatabaseBehindError, match="`liuhen rebuild`"):
            await rig.startup.once()
        done = await rebuild(rig.database, rig.stores, rig.signer, rig.clock)
        assert (done.has, done.signed) == (3, 0)
        await rig.startup.once()
        assert (await rig.publish()).size == 4


async def test_the_log_of_another_key_is_not_recovered(tmp_path: Path, fresh: Fresh) -> None:
    async with fresh(tmp_path) as rig:
        await rig.publisher._writer.write(1, erased_since=0)
    (tmp_path / "keys/log.key").unlink()
    await _empty(sqlite(tmp_path))
    async with server(tmp_path, sqlite(tmp_path), start=False) as rig:
        with pytest.raises(VerificationError, match=r"put the file keys/log.key of this log back"):
            await rebuild(rig.database, rig.stores, rig.signer, rig.clock)
