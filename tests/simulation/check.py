"""What must hold after every simulated run, checked from the bytes up and without the server.

Reads the database file and the store's objects with the kernel only: none of the code that wrote
them decides whether they are right.
"""

import io
import sqlite3
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from storage.objects.port import Class, ObjectStore, read_all
from tests.simulation.world import File, World
from verify import canonical, merkle
from verify.checkpoint import check_checkpoint
from verify.commitments import check_disclosed
from verify.entries import Entry, check_chain, decode_entry, leaf
from verify.fingerprint import fingerprint_stream
from verify.notes import VerifierKey
from verify.receipt import check_receipt
from verify.schema import check_names
from verify.tiles import WIDTH, decode_bundle, decode_tile, index_path


async def check(world: World, files: Sequence[File], vkey: str) -> None:
    entries, disclosed = _rows(world)
    _check_log(entries, disclosed)
    _check_receipts(world, files, vkey)
    _check_nothing_doubled(world, files, entries, disclosed)
    spare = _keys_of_duplicates(world)
    for store in world.stores:
        await _check_files(store, entries, vkey)
        await _check_objects(store, disclosed, spare)


def _rows(world: World) -> tuple[list[bytes], list[tuple[Entry, dict[str, Any]]]]:
    with sqlite3.connect(world.path) as connection:
        rows = connection.execute(
            'SELECT e."index", e.bytes, d.body, d.disclosed FROM entry e'
            ' JOIN disclosure d ON d."index" = e."index" ORDER BY 1'
        ).fetchall()
        size, root = connection.execute("SELECT size, root FROM head").fetchone()
    assert [row[0] for row in rows] == list(range(size))
    raw = [row[1] for row in rows]
    assert merkle.root([leaf(one) for one in raw]) == root
    found = []
    for _, one, body, triples in rows:
        entry = decode_entry(one)
        shown = check_disclosed(
            entry.body,
            canonical.decode(body.encode()),
            [tuple(t) for t in canonical.decode(triples.encode())],
        )
        found.append((entry, shown))
    return raw, found


def _keys_of_duplicates(world: World) -> set[str]:
    """A file handed over twice, one of them stored when the machine died: the other may be
    sealed first after the start.  The stored copy is then extra, which `scrub` reports."""
    with sqlite3.connect(world.path) as connection:
        return {
            row[0]
            for row in connection.execute(
                "SELECT t.object_key FROM transfer t JOIN upload u ON u.id = t.upload"
                " WHERE u.reason = 'duplicate'"
            )
        }


def _check_log(raw: list[bytes], disclosed: list[tuple[Entry, dict[str, Any]]]) -> None:
    """Entries are canonical, known, and every chain is whole from 0."""
    chains: dict[str, list[Entry]] = {}
    for one, (entry, shown) in zip(raw, disclosed, strict=True):
        assert entry.encode() == one
        check_names(entry.type, entry.chain, shown)
        chains.setdefault(entry.chain, []).append(entry)
    for chain in chains.values():
        check_chain(chain)


def _check_receipts(world: World, files: Sequence[File], vkey: str) -> None:
    """Every receipt ever given verifies, and speaks of the bytes that were handed over."""
    assert {file for file, _ in world.given.receipts} == set(files)
    for file, text in world.given.receipts:
        receipt = check_receipt(text, [vkey])
        assert (receipt.size, receipt.sha256) == (len(file.data), file.digest)


def _check_nothing_doubled(
    world: World,
    files: Sequence[File],
    raw: list[bytes],
    disclosed: list[tuple[Entry, dict[str, Any]]],
) -> None:
    items = Counter(
        (entry.chain, shown["sha256"]) for entry, shown in disclosed if entry.type == "item.sealed"
    )
    wanted = {(f"s:{file.source}", file.digest) for file in files}
    assert items == dict.fromkeys(wanted, 1), "one item per source and file"
    opened = Counter(shown["key"] for entry, shown in disclosed if entry.type == "upload.opened")
    assert all(count == 1 for count in opened.values()), "one upload per client key"
    uploads = {shown["upload"] for entry, shown in disclosed if entry.type == "upload.opened"}
    ended = Counter(
        shown["upload"]
        for entry, shown in disclosed
        if entry.type in ("item.sealed", "upload.aborted")
    )
    assert ended == dict.fromkeys(uploads, 1), "every upload ends once"
    assert len(set(raw)) == len(raw)


async def _check_files(store: ObjectStore, raw: list[bytes], vkey: str) -> None:
    """The store's own copy of the log: checkpoint, bundles, tiles, disclosures, from bytes alone."""
    note = (await read_all(store, Class.PRIVATE, "checkpoint")).decode()
    checkpoint, _, _ = check_checkpoint(note, [VerifierKey.parse(vkey)])
    leaves = [leaf(one) for one in raw]
    assert merkle.root(leaves[: checkpoint.size]) == checkpoint.root
    for number in range(-(-checkpoint.size // WIDTH)):
        part = slice(number * WIDTH, min((number + 1) * WIDTH, checkpoint.size))
        width = part.stop - part.start
        full = width == WIDTH
        class_ = Class.LOG if full else Class.PRIVATE
        name = index_path(number) + ("" if full else f".p/{width}")
        assert decode_bundle(await read_all(store, class_, f"tile/entries/{name}")) == raw[part]
        tile = await read_all(store, class_, f"tile/0/{name}")
        assert decode_tile(tile, width) == leaves[part]
        lines = (
            await read_all(store, Class.PRIVATE, f"disclosures/{index_path(number)}")
        ).splitlines()
        assert len(lines) >= width


async def _check_objects(
    store: ObjectStore, disclosed: list[tuple[Entry, dict[str, Any]]], spare: set[str]
) -> None:
    """Every original is there, whole, with its chunk hashes; no key that no entry names."""
    named = set()
    for entry, shown in disclosed:
        if entry.type != "item.sealed":
            continue
        here = {o["what"]: o for o in shown["objects"] if o["store"] == store.name}
        assert sorted(here) == ["original", "tree"]
        for what in here.values():
            named.add(what["key"])
        data = await _read(store, here["original"])
        assert (len(data), sha256(data).hexdigest()) == (shown["size"], shown["sha256"])
        found = fingerprint_stream(io.BytesIO(data))
        assert found.root == shown["root"]
        tree = await _read(store, here["tree"])
        assert (
            merkle.root([tree[n : n + 32] for n in range(0, len(tree), 32)]).hex() == shown["root"]
        )
    keys = {key async for key in store.list(Class.EVIDENCE)}
    assert named <= keys
    assert {key.removesuffix(".tree") for key in keys - named} <= spare, "no orphan of a recording"


async def _read(store: ObjectStore, object_: dict[str, Any]) -> bytes:
    return await read_all(store, Class.EVIDENCE, object_["key"], version=object_.get("version"))
