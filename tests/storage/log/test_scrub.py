"""A scrub names every changed byte with what, where, expected and got, and repairs what it can."""

import re
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from storage.log import files
from storage.log.findings import Report
from storage.log.heads import Heads
from storage.log.scrub import check, scrub
from storage.objects.port import Class, ObjectStore, read_all
from storage.tables import copy, disclosure, entry, head, item, published
from tests.storage.log.rig import Fresh, Rig, server, sqlite, store_at
from tests.storage.samples import enrolled, opened_upload, sealed
from verify.errors import VerificationError
from verify.fingerprint import CHUNK, fingerprint_file

S, U, I = "5" * 32, "6" * 32, "7" * 32  # noqa: E741
ORIGINAL, TREE = f"o/{'a' * 32}", f"o/{'a' * 32}.tree"
UNTIL = datetime(2036, 1, 1, tzinfo=UTC)


async def prepare(folder: Path, fresh: Fresh, names: tuple[str, ...]) -> None:
    """300 cases and an item of 2.5 chunks with a copy in each store, all published."""
    stores: list[ObjectStore] = [store_at(folder, name) for name in names]
    content = b"".join(bytes([n % 251]) * 4096 for n in range(640))
    path = folder / "content"
    async with fresh(folder, stores) as rig:
        path.write_bytes(content)
        print_ = fingerprint_file(path)
        path.unlink()
        objects = []
        for store in stores:
            await store.create(Class.EVIDENCE, ORIGINAL, content, retain_until=UNTIL)
            await store.create(Class.EVIDENCE, TREE, print_.tree, retain_until=UNTIL)
            objects += [
                {"store": store.name, "what": what, "key": key}
                for what, key in (("original", ORIGINAL), ("tree", TREE))
            ]
        await rig.act(enrolled(S))
        await rig.act(opened_upload(S, U))
        await rig.act(
            sealed(
                S, U, I, size=print_.size, sha256=print_.sha256, root=print_.root, objects=objects,
                retain_until="2036-01-01T00:00:00.000Z",
            )
        )  # fmt: skip
        await rig.cases(300)
        await rig.publish()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("base")


def flip(path: Path, at: int) -> None:
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


Change = Callable[[Rig, Path], Awaitable[None]]


def file(name: str, at: int) -> Change:
    async def change(_: Rig, folder: Path) -> None:
        flip(folder / "objects" / name, at)

    return change


def gone(name: str) -> Change:
    async def change(_: Rig, folder: Path) -> None:
        (folder / "objects" / name).unlink()

    return change


def sql(work: Callable[[Connection], object]) -> Change:
    async def change(rig: Rig, _: Path) -> None:
        await rig.database.write(work)

    return change


def _entry_byte(c: Connection) -> None:
    raw = bytes(c.execute(select(entry.c.bytes).where(entry.c.index == 9)).scalar_one())
    c.execute(
        entry.update().where(entry.c.index == 9).values(bytes=raw.replace(b'"v":1', b'"v":2'))
    )


def _disclosure_byte(c: Connection) -> None:
    shown = c.execute(select(disclosure.c.disclosed).where(disclosure.c.index == 9)).scalar_one()
    changed = shown.replace("占道经营", "占道经菅")
    assert changed != shown
    c.execute(disclosure.update().where(disclosure.c.index == 9).values(disclosed=changed))


def _leaf(c: Connection) -> None:
    c.execute(entry.update().where(entry.c.index == 9).values(leaf=b"\1" * 32))


def _row_gone(c: Connection) -> None:
    c.execute(entry.delete().where(entry.c.index == 9))


def _head(c: Connection) -> None:
    c.execute(published.update().values(note=published.c.note.concat("x")))


def _projected(c: Connection) -> None:
    c.execute(item.update().values(sha256="0" * 64))


def _projected_gone(c: Connection) -> None:
    c.execute(copy.delete().where(copy.c.what == "tree"))


HEX = "[0-9a-f]"
FLIPS: dict[str, tuple[Change, str]] = {
    "original": (
        file(f"evidence/{ORIGINAL}", CHUNK + 5),
        rf"changed: original of item {I}, objects {ORIGINAL}, chunk 1, bytes 1048576 to 2097152 \(1 of 3 chunks differ\): expected {HEX}{{64}} \(.*, got {HEX}{{64}} ",
    ),
    "tree": (
        file(f"evidence/{TREE}", 40),
        rf"changed: tree of item {I}, objects {TREE}: expected digest {HEX}{{64}}, got {HEX}{{64}}",
    ),
    "original gone": (
        gone(f"evidence/{ORIGINAL}"),
        rf"missing: original of item {I}, objects {ORIGINAL}: expected an object, got none",
    ),
    "full tile": (
        file("log/tile/0/000", 70),
        rf"changed: tile, objects tile/0/000, hash 2, byte 70: expected {HEX}+ \(8192 bytes\), got",
    ),
    "full tile gone": (
        gone("log/tile/0/000"),
        r"missing: tile, objects tile/0/000: expected 8192 bytes, got nothing",
    ),
    "partial tile": (
        file("private/tile/1/000.p/1", 3),
        rf"changed: tile, objects tile/1/000.p/1, hash 0, byte 3: expected {HEX}+ \(32 bytes\), got",
    ),
    "full bundle": (
        file("log/tile/entries/000", 600),
        rf"changed: entry bundle, objects tile/entries/000, entry 2, byte 600: expected {HEX}+ .*, got {HEX}+",
    ),
    "length in a bundle": (
        file("private/tile/entries/001.p/48", 1),
        rf"changed: entry bundle, objects tile/entries/001.p/48, entry 256, byte 1: expected {HEX}+ .*, got",
    ),
    "disclosure bundle": (
        file("private/disclosures/000", 700),
        rf"changed: disclosures, objects disclosures/000, entry \d, byte 700: expected {HEX}+ .*, got",
    ),
    "checkpoint": (
        file("private/checkpoint", 30),
        r"changed: checkpoint, objects checkpoint: expected a note signed by log.example/evidence, got ",
    ),
    "published row": (sql(_head), r"changed: checkpoint, database, published row: expected .*, got "),
    "entry": (
        sql(_entry_byte),
        rf"changed: entry, database, entry 9: expected leaf {HEX}{{64}}, got leaf {HEX}{{64}}",
    ),
    "leaf": (
        sql(_leaf), rf"changed: entry's leaf, database, entry 9: expected {HEX}{{64}}, got (01){{32}}",
    ),
    "entry gone": (
        sql(_row_gone), rf"missing: entry, database, entry 9: expected leaf {HEX}{{64}}, got nothing",
    ),
    "disclosure": (
        sql(_disclosure_byte),
        rf"changed: disclosure, database, entry 9: expected digest {HEX}{{64}}, got {HEX}{{64}}",
    ),
    "projected row": (
        sql(_projected), rf"changed: projected row, item {I}, sha256: expected '{HEX}{{64}}', got '0{{64}}'",
    ),
    "projected row gone": (sql(_projected_gone), rf"missing: projected row, copy {I}, .*: expected .*, got none"),
}  # fmt: skip


@pytest.mark.parametrize("name", FLIPS)
async def test_one_flipped_byte_is_named(
    tmp_path: Path, base: Path, fresh: Fresh, name: str
) -> None:
    if not (base / "liuhen.db").exists():
        await prepare(base, fresh, ("objects",))
    change, expected = FLIPS[name]
    folder = tmp_path / "run"
    shutil.copytree(base, folder)
    async with server(folder, sqlite(folder), start=False) as rig:
        clean = await check(rig.database, rig.stores, rig.signer, tables=True)
        assert [str(f) for f in clean.findings] == []
        assert (clean.entries, clean.objects) == (304, 2)
        await change(rig, folder)
        found = await check(rig.database, rig.stores, rig.signer, tables=True)
        assert not found.good
        assert re.search(expected, told(found)), told(found)
        if name not in ("original", "tree"):
            return
        assert len(found.findings) == 1


def told(report: Report) -> str:
    return "\n".join(map(str, report.findings))


async def test_recordings_are_repaired_from_a_second_store(tmp_path: Path, fresh: Fresh) -> None:
    await prepare(tmp_path, fresh, ("one", "two"))
    (tmp_path / "one/evidence" / TREE).unlink()
    flip(tmp_path / "two/evidence" / ORIGINAL, 77)
    stores: list[ObjectStore] = [store_at(tmp_path, "one"), store_at(tmp_path, "two")]
    await stores[0].create(Class.EVIDENCE, "o/stranger", b"?", retain_until=UNTIL)
    async with server(tmp_path, sqlite(tmp_path), stores=stores) as rig:
        heads = Heads(rig.database, rig.ledger, rig.publisher, rig.clock)
        steps: list[tuple[str, int, int]] = []
        report = await scrub(
            rig.database, rig.ledger, rig.publisher, heads=heads, tables=True,
            progress=lambda *step: steps.append(step),
        )  # fmt: skip
        assert [(f.kind, f.what, f.where) for f in report.findings] == [
            ("missing", f"tree of item {I}", f"one {TREE}"),
            ("changed", f"original of item {I}", f"two {ORIGINAL}, chunk 0, bytes 0 to 1048576 (1 of 3 chunks differ)"),
            ("repaired", f"tree of item {I}", f"one {TREE}"),
            ("repaired", f"original of item {I}", f"two {ORIGINAL}"),
            ("extra", "object", "one o/stranger"),
        ]  # fmt: skip
        assert steps[-1] == ("items", 1, 1)
        assert ("entries", 304, 304) in steps
        async with rig.database.read() as c:
            types = (
                (
                    await c.execute(
                        select(entry.c.type).where(entry.c.index >= 304).order_by(entry.c.index)
                    )
                )
                .scalars()
                .all()
            )
            assert types == ["item.stored", "item.stored", "scrub.done", "heads.set"]
            new = (
                await c.execute(select(copy).where(copy.c.index >= 304).order_by(copy.c.index))
            ).all()
            size = (await c.execute(select(head.c.size))).scalar_one()
        assert size == 308
        one, two = new
        assert (one.store, one.what, two.store, two.what) == ("one", "tree", "two", "original")
        good = await read_all(stores[0], Class.EVIDENCE, ORIGINAL)
        assert await read_all(stores[1], Class.EVIDENCE, two.key) == good
        assert await read_all(stores[1], Class.EVIDENCE, ORIGINAL) != good  # never touched
        stored = await stores[1].stat(Class.EVIDENCE, two.key)
        assert stored.retain_until == UNTIL
        await rig.publish()
        again = await scrub(rig.database, rig.ledger, rig.publisher, tables=True)
        assert {f.kind for f in again.findings} == {
            "missing",
            "changed",
            "extra",
        }  # told, not doubled


async def test_files_of_the_log_are_written_again(tmp_path: Path, fresh: Fresh) -> None:
    await prepare(tmp_path, fresh, ("objects",))
    paths = [
        tmp_path / "objects" / name
        for name in (
            "log/tile/0/000", "log/tile/entries/000", "private/disclosures/000",
            "private/tile/entries/001.p/48", "private/checkpoint",
        )
    ]  # fmt: skip
    before = [path.read_bytes() for path in paths]
    for path in paths[:2]:
        path.unlink()
    for path in paths[2:]:
        flip(path, 20)
    async with server(tmp_path, sqlite(tmp_path), start=False) as rig:
        report = await check(rig.database, rig.stores, rig.signer, repair=True)
        assert len(report.of("repaired")) == 5, told(report)
        assert [path.read_bytes() for path in paths] == before
        assert (await check(rig.database, rig.stores, rig.signer)).good
        await rig.startup.once()


async def test_a_scrub_while_the_server_runs_finds_nothing(tmp_path: Path, fresh: Fresh) -> None:
    async with fresh(tmp_path) as rig:
        await rig.cases(10)
        await rig.publish()
        await rig.cases(10)
        await rig.publisher._writer.write(21, erased_since=0)  # a publication under way
        report = await check(rig.database, rig.stores, rig.signer, tables=True)
        assert [str(f) for f in report.findings] == []
        assert files.CHECKPOINT == "checkpoint"


async def test_a_store_that_lost_the_log_gets_it_again_from_the_database(
    tmp_path: Path, fresh: Fresh
) -> None:
    await prepare(tmp_path, fresh, ("one", "two"))
    stores: list[ObjectStore] = [store_at(tmp_path, "one"), store_at(tmp_path, "two")]
    for folder in ("log", "private"):
        shutil.rmtree(tmp_path / "one" / folder)
    async with server(tmp_path, sqlite(tmp_path), stores=stores, start=False) as rig:
        with pytest.raises(VerificationError, match=r"tiles in one: .*`liuhen scrub`"):
            await rig.startup.once()
        report = await check(rig.database, stores, rig.signer, repair=True)
        assert {f.where.partition(" ")[0] for f in report.findings} == {"one"}
        assert len(report.of("missing")) == len(report.of("repaired")) == 8, told(report)
        await rig.startup.once()
        await rig.cases(1)
        await rig.publish()
        await rig.check(0)


async def test_a_changed_full_tile_is_written_again_once_it_was_moved_away(
    tmp_path: Path, fresh: Fresh
) -> None:
    await prepare(tmp_path, fresh, ("objects",))
    path = tmp_path / "objects/log/tile/0/000"
    flip(path, 9)
    async with server(tmp_path, sqlite(tmp_path), start=False) as rig:
        await rig.startup.once()  # the upper levels carry the root without it
        with pytest.raises(VerificationError, match=r"inclusion of leaf 5: expected root"):
            await rig.receipts.of(5)
        report = await check(rig.database, rig.stores, rig.signer, repair=True)
        assert told(report).startswith("changed: tile, objects tile/0/000, hash 0, byte 9: ")
        assert report.of("repaired") == []
        path.unlink()
        report = await check(rig.database, rig.stores, rig.signer, repair=True)
        assert len(report.of("repaired")) == 1
        rig.publisher.tiles.forget()
        await rig.check(5)
