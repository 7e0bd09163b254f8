"""One flipped byte anywhere is named by `liuhen scrub` or `liuhen verify`: what, where, expected, got.

The log is longer than one full tile, so that full and partial files are both there.  After each
flip everything must still be there (scrub never deletes), and after it is flipped back everything
must be found good again.
"""

import asyncio
import contextlib
import json
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp

from tests.e2e.nursery import NursedServer, Nursery, nursed

Finding = dict[str, str]


@asynccontextmanager
async def filled(
    nursery: Nursery, tmp_path: Path, more: dict[str, str] | None = None
) -> AsyncIterator[tuple[NursedServer, Path]]:
    """Three chunks in one item, and a log of more than 256 entries; the server is stopped."""
    env = {
        "LIUHEN_INGEST_MAX_OPEN_PER_SOURCE": "1000",
        "LIUHEN_INGEST_CREATIONS_PER_MINUTE": "10000",
        **(more or {}),
    }
    file = tmp_path / "card" / "a.bin"
    file.parent.mkdir()
    file.write_bytes(random.Random(1).randbytes((5 << 20) // 2))
    async with nursed(nursery, tmp_path / "server", env) as server:
        device = await server.token("upload", source="采集站-01")
        done = await server.push(file, token=device)
        assert done.code == 0, done.err
        await many(server, device, 280)
        assert await server.stop() == 0
        yield server, file


async def many(server: NursedServer, device: str, count: int) -> None:
    headers = {"Authorization": f"Bearer {device}", "Tus-Resumable": "1.0.0", "Upload-Length": "9"}
    async with aiohttp.ClientSession(server.url, headers=headers) as http:
        gate = asyncio.Semaphore(8)

        async def one() -> None:
            async with gate, http.post("/api/uploads/") as answer:
                assert answer.status == 201, await answer.text()

        await asyncio.gather(*(one() for _ in range(count)))


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@contextmanager
def flipped(path: Path, at: int) -> Iterator[None]:
    """One byte of a file is another while the block runs; nothing else may touch the file."""
    before = path.read_bytes()
    mode = path.stat().st_mode
    path.chmod(0o600)
    path.write_bytes(flip(before, at))
    yield
    assert path.read_bytes() == flip(before, at)
    path.write_bytes(before)
    path.chmod(mode)


@contextmanager
def flipped_row(path: Path, table: str, column: str, where: str, at: int) -> Iterator[None]:
    """One byte of a cell is another while the block runs."""

    def swap(new: bytes | str | None) -> bytes | str:
        with contextlib.closing(sqlite3.connect(path)) as database:
            ((old,),) = database.execute(f"select {column} from {table} where {where}").fetchall()  # noqa: S608
            raw = old.encode() if isinstance(old, str) else old
            changed = flip(raw, at)
            value = new or (changed.decode() if isinstance(old, str) else changed)
            database.execute(f"update {table} set {column} = ? where {where}", (value,))  # noqa: S608
            database.commit()
            return old

    before = swap(None)
    yield
    swap(before)


async def scrub(server: NursedServer, *options: str) -> tuple[int, list[Finding], str]:
    done = await server.command("scrub", "--json", *options)
    return done.code, [json.loads(line) for line in done.out.splitlines()], done.err


def inventory(folder: Path) -> dict[str, int]:
    return {
        str(f.relative_to(folder)): f.stat().st_size
        for f in folder.rglob("[!.]*")
        if f.is_file() and "private" not in f.parts
    }


async def test_one_flipped_byte_is_named_wherever_it_is(tmp_path: Path, nursery: Nursery) -> None:
    async with filled(nursery, tmp_path) as (server, file):
        objects, database = server.data / "objects", server.data / "liuhen.db"
        original = next(f for f in (objects / "evidence/o").glob("[!.]*") if not f.suffix)
        tree = original.with_name(f"{original.name}.tree")
        private, log = objects / "private/tile", objects / "log/tile"
        partial = next((private / "0/001.p").iterdir())
        bundle = next((private / "entries/001.p").iterdir())
        code, found, err = await scrub(server, "--no-repair")
        assert (code, found) == (0, []), (found, err)

        def row(table: str, column: str, where: str, at: int) -> Callable[[], object]:
            return lambda: flipped_row(database, table, column, where, at)

        def of(path: Path, at: int) -> Callable[[], object]:
            return lambda: flipped(path, at)

        megabyte = 1 << 20
        # What is flipped; words of the finding: what and where.
        cases = {
            "original": (of(original, megabyte + 7), "original of item", f"{original.name}, chunk 1, bytes {megabyte} to {2 * megabyte}"),
            "chunk hashes": (of(tree, 40), "tree of item", tree.name),
            "full tile": (of(log / "0/000", 32 * 17 + 3), "tile", "tile/0/000, hash 17, byte 547"),
            "partial tile": (of(partial, 33), "tile", f"tile/0/001.p/{partial.name}, hash 1, byte 33"),
            "upper tile": (of(next((private / "1/000.p").iterdir()), 5), "tile", "tile/1/000.p/1, hash 0, byte 5"),
            "full bundle": (of(log / "entries/000", 300), "entry bundle", "tile/entries/000, entry "),
            "partial bundle": (of(bundle, 50), "entry bundle", f"tile/entries/001.p/{bundle.name}, entry 256"),
            "disclosures": (of(objects / "private/disclosures/000", 400), "disclosures", "disclosures/000, entry "),
            "newest disclosures": (of(objects / "private/disclosures/001", 400), "disclosures", "disclosures/001, entry "),
            "checkpoint": (of(objects / "private/checkpoint", 30), "checkpoint", "checkpoint"),
            "entry": (row("entry", "bytes", '"index" = 3', 60), "entry", "database, entry 3"),
            "newest entry": (row("entry", "bytes", '"index" = 270', 60), "entry", "database, entry 270"),
            "leaf": (row("entry", "leaf", '"index" = 5', 1), "entry's leaf", "database, entry 5"),
            "disclosed": (row("disclosure", "disclosed", '"index" = 3', 5), "disclosure", "database, entry 3"),
            "projected": (row("item", "name", "1", 0), "projected row", "item "),
            "published": (row("published", "note", "1", 70), "checkpoint", "database, published row"),
        }  # fmt: skip
        before = inventory(server.data / "objects")
        wrong = []
        for name, (change, what, where) in cases.items():
            with change():  # type: ignore[attr-defined]
                code, found, err = await scrub(server, "--no-repair")
                named = [f for f in found if f["what"].startswith(what) and where in f["where"]]
                if code != 1 or not named:
                    wrong.append((name, code, found, err))
                    continue
                assert {f["kind"] for f in named} == {"changed"}, (name, named)
                assert all(f["expected"] and f["got"] for f in named)
                assert all(f["expected"] != f["got"] for f in named), (name, named)
            lost = before.keys() - inventory(server.data / "objects").keys()
            assert not lost, (name, lost)
        assert wrong == []
        code, found, err = await scrub(server, "--no-repair")
        assert (code, found) == (0, []), (found, err)
        await server.start()  # and a server takes it up again
        await receipts(server, file)


async def receipts(server: NursedServer, file: Path) -> None:
    """Every line of a receipt matters: the verifier names what does not fit."""
    receipt = file.with_name(f"{file.name}.tlog-proof")
    good = receipt.read_bytes()

    async def verify(data: bytes, subject: Path = file) -> tuple[int, str]:
        changed = file.with_name("changed.tlog-proof")
        changed.write_bytes(data)
        done = await server.command("verify", str(changed), str(subject), "--key", server.vkey)
        return done.code, done.out

    assert (await verify(good))[0] == 0
    for at in random.Random(2).sample(range(len(good)), 12):
        code, said = await verify(flip(good, at))
        assert code in (1, 3), (at, good[max(0, at - 20) : at + 20], said)
        assert "expected" in said or "期望" in said or "应" in said, said
    other = file.with_name("other.bin")
    other.write_bytes(flip(file.read_bytes(), (1 << 20) + 5))
    code, said = await verify(good, other)
    assert code == 1
    assert str(1 << 20) in said, said


async def test_what_a_second_store_has_good_is_made_good_and_the_bad_bytes_stay(
    tmp_path: Path, nursery: Nursery
) -> None:
    env = {"LIUHEN_STORES_COPIES": "2", "LIUHEN_SECOND_PATH": str(tmp_path / "second")}
    async with filled(nursery, tmp_path, env) as (server, file):
        first, second = server.data / "objects", tmp_path / "second"
        original = next(f for f in (first / "evidence/o").glob("[!.]*") if not f.suffix)
        tree = original.with_name(f"{original.name}.tree")
        for name in ("disclosures/000", "disclosures/001", "tile/0/001.p", "checkpoint"):
            path = first / "private" / name
            path = max(path.iterdir(), key=lambda f: int(f.name)) if path.is_dir() else path
            good = path.read_bytes()
            path.write_bytes(flip(good, 40))
            code, found, err = await scrub(server)
            kinds = [f["kind"] for f in found]
            assert (code, kinds) == (1, ["changed", "repaired"]), (name, found, err)
            assert len({f["where"].partition(",")[0] for f in found}) == 1, (name, found)
            code, found, err = await scrub(server)
            assert (code, found) == (0, []), (name, found, err)

        harmed = {path: flip(path.read_bytes(), 70) for path in (original, tree)}
        for path, data in harmed.items():
            path.chmod(0o600)
            path.write_bytes(data)
        code, found, err = await scrub(server)
        assert code == 1
        for what in ("original of item", "tree of item"):
            told = [f["kind"] for f in found if f["what"].startswith(what)]
            assert told == ["changed", "repaired"], (found, err)
        assert {path: path.read_bytes() for path in harmed} == harmed
        new = [f for f in (first / "evidence/o").glob("[!.]*") if f not in harmed]
        assert file.read_bytes() in [f.read_bytes() for f in new]
        assert len(list((second / "evidence/o").glob("[!.]*"))) == 2
        # Nothing is left to repair: the bad object stays, named as what it is, for ever.
        code, found, err = await scrub(server)
        assert {f["kind"] for f in found} == {"changed"}
        assert {original.name, tree.name} == {
            f["where"].split()[1].removeprefix("o/").rstrip(",") for f in found
        }
