"""A full check of the log: every row and every file against the signed root.

What is true is decided by the signature: the leaf hashes (of the database, else of a store's
tiles) that lead to the signed root.  Every entry, in the database and in each store, is held
against them; so is each disclosure against its commitments, each chain against `seq` and `prev`,
each tile and bundle, byte for byte, against what the rows make of it.

Guarantee: one changed byte is found, and told with what, where, expected and got.  Files that are
missing, and private ones that are changed, are written again where that is asked for; nothing is
ever deleted.
Not covered: recordings (`storage.log.fixity`), projected tables (`storage.log.retell`).

Format: docs/formats/log.md, version 1.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import and_, select

from storage.database import Database
from storage.log import files, rows
from storage.log.files import Row
from storage.log.findings import Finding, Kind, Report
from storage.log.publisher import read_copy
from storage.log.signer import Signer
from storage.log.tree import Frontier, Tile, Tiles
from storage.objects.port import Class, ObjectStore, read_all
from storage.tables import disclosure, entry
from verify import canonical, schema, tiles
from verify.checkpoint import Checkpoint
from verify.commitments import check_disclosed
from verify.entries import NO_ENTRY, decode_entry, leaf
from verify.errors import EvidenceError, NotFoundError
from verify.merkle import Edge
from verify.tiles import HASH, WIDTH

Progress = Callable[[int, int], None]


class Examination:
    """Run it once."""

    def __init__(
        self,
        database: Database,
        stores: Sequence[ObjectStore],
        signer: Signer,
        report: Report,
        *,
        repair: bool = False,
    ) -> None:
        self._database, self._stores, self._signer = database, stores, signer
        self._report, self._repair = report, repair
        self._chains: dict[str, tuple[int, str]] = {}
        self._signed: Checkpoint | None = None
        self._note = ""
        self._unsigned: list[ObjectStore] = []
        self._tiles: Tiles | None = None  # where true leaves come from; None: the database

    async def run(self, progress: Progress = lambda _done, _all: None) -> None:
        """Check everything that is recorded now."""
        async with self._database.read() as connection:
            head = await rows.read_head(connection)
            note = await rows.read_published(connection)
        if head is None:
            return
        await self._find_signed(note)
        size = self._signed.size if self._signed else 0
        await self._find_truth(size)
        frontier, all_ = Frontier(), Edge()
        for start in range(0, head.size, WIDTH):
            stop = min(head.size, start + WIDTH)
            true = await self._true_leaves(start, stop, min(size, stop))
            found = await self._examine_rows(start, true)
            all_ = all_.extend(true)
            await self._examine_bundles(start // WIDTH, found[: max(0, size - start)], true)
            for hashed in true[: max(0, size - start)]:
                for tile in frontier.append(hashed):
                    await self._examine_tile(tile)
            self._report.entries += stop - start
            progress(stop, head.size)
        for tile in frontier.partials():
            await self._examine_tile(tile)
        for store in self._unsigned if self._repair else ():  # last, as it speaks of the others
            await store.replace(Class.PRIVATE, files.CHECKPOINT, self._note.encode())
            self._mended("checkpoint", f"{store.name} {files.CHECKPOINT}")
        if all_.root() != head.root:
            self._add("database head", f"size {head.size}", all_.root().hex(), head.root.hex())

    # --- what is true -----------------------------------------------------------------------

    async def _find_signed(self, note: str | None) -> None:
        """The newest checkpoint that the row or a copy shows, each signature checked."""
        seen: list[tuple[Checkpoint, str]] = []
        broken: list[ObjectStore] = []  # they get a copy again
        if note is not None:
            try:
                seen.append((self._signer.read_checkpoint(note), note))
            except EvidenceError as exc:
                self._report.add(
                    Finding.of("changed", "checkpoint", "database, published row", exc)
                )
        for store in self._stores:
            try:
                copy = await read_copy(store, self._signer)
            except EvidenceError as exc:
                where = f"{store.name} {files.CHECKPOINT}"
                self._report.add(Finding.of("changed", "checkpoint", where, exc))
                broken.append(store)
                continue
            if copy is not None:
                seen.append(copy)
            elif note is not None:
                self._missing("checkpoint", f"{store.name} {files.CHECKPOINT}", "a signed note")
                broken.append(store)
        if seen:
            self._signed, self._note = max(seen, key=lambda pair: pair[0].size)
            self._unsigned = broken

    async def _find_truth(self, size: int) -> None:
        if self._signed is None:
            return
        sources = [None, *(Tiles(store) for store in self._stores)]
        got = ""
        for source in sources:
            edge = Edge()
            try:
                while edge.size < size:
                    stop = min(size, edge.size + WIDTH)
                    edge = edge.extend(await self._leaves(source, edge.size, stop))
            except EvidenceError:
                continue
            if edge.root() == self._signed.root:
                self._tiles = source
                return
            got = got or edge.root().hex()
        self._add("log", f"signed root of size {size}", self._signed.root.hex(), got or "none")

    async def _leaves(self, source: Tiles | None, start: int, stop: int) -> list[bytes]:
        if source is None:
            return await rows.read_leaves(self._database, start, stop)
        data = await source.tile(0, start // WIDTH, stop - start)
        return tiles.decode_tile(data, stop - start)

    async def _true_leaves(self, start: int, stop: int, signed: int) -> list[bytes]:
        """Signed ones from the source that leads to the root, later ones from the database."""
        true = await self._leaves(self._tiles, start, signed) if start < signed else []
        if stop > max(start, signed):
            true += await rows.read_leaves(self._database, max(start, signed), stop)
        return true

    # --- rows -------------------------------------------------------------------------------

    async def _examine_rows(self, start: int, true: Sequence[bytes]) -> list[Row | None]:
        """The rows that are right in every respect; None for the others."""
        stop = start + len(true)
        statement = (
            select(
                entry.c.index, entry.c.leaf, entry.c.bytes, disclosure.c.body, disclosure.c.disclosed
            )
            .outerjoin(disclosure, disclosure.c.index == entry.c.index)
            .where(and_(entry.c.index >= start, entry.c.index < stop))
        )  # fmt: skip
        async with self._database.read() as connection:
            held = {row[0]: row for row in (await connection.execute(statement)).all()}
            erased = await rows.read_erased(connection, start, stop)
        found: list[Row | None] = []
        for index, expected in enumerate(true, start):
            row = held.get(index)
            if row is None:
                self._missing("entry", f"database, entry {index}", f"leaf {expected.hex()}")
                found.append(None)
                continue
            found.append(self._examine_row(index, expected, tuple(row), erased))
        return found

    def _examine_row(
        self,
        index: int,
        expected: bytes,
        row: tuple[int, bytes, bytes, str | None, str | None],
        erased: frozenset[tuple[int, str]],
    ) -> Row | None:
        _, stored, raw, body, disclosed = row[0], bytes(row[1]), bytes(row[2]), row[3], row[4]
        good = True
        if stored != expected:
            self._add("entry's leaf", f"database, entry {index}", expected.hex(), stored.hex())
            good = False
        if leaf(raw) != expected:
            where = f"database, entry {index}"
            self._add("entry", where, f"leaf {expected.hex()}", f"leaf {leaf(raw).hex()}")
            return None
        try:
            self._examine_place(index, raw, expected)
        except EvidenceError as exc:
            self._report.add(Finding.of("changed", "entry", f"database, entry {index}", exc))
            return None
        if body is None or disclosed is None:
            self._missing("disclosure", f"database, entry {index}", "a row")
            return None
        try:
            gone = undisclosed(raw, body, disclosed)
        except EvidenceError as exc:
            self._report.add(Finding.of("changed", "disclosure", f"database, entry {index}", exc))
            return None
        for name in sorted(name for name in gone if (index, name) not in erased):
            self._missing("disclosure", f"database, entry {index}, {name}", "its value")
            good = False
        return Row(index, raw, body, disclosed) if good else None

    def _examine_place(self, index: int, raw: bytes, hashed: bytes) -> None:
        """Canonical, and the next of its chain."""
        e = decode_entry(raw)
        seq, prev = self._chains.get(e.chain, (0, NO_ENTRY))
        self._chains[e.chain] = (e.seq + 1, hashed.hex())
        if (e.seq, e.prev) != (seq, prev):
            where = f"entry {index}, chain {e.chain}"
            self._add("chain", where, f"seq {seq} after {prev}", f"seq {e.seq} after {e.prev}")

    # --- files ------------------------------------------------------------------------------

    async def _examine_bundles(
        self, number: int, found: Sequence[Row | None], true: Sequence[bytes]
    ) -> None:
        good = [row for row in found if row is not None]
        if len(good) < len(found):
            # What the files should hold cannot be made from broken rows; their hashes are known.
            for store in self._stores:
                await self._examine_entries(store, number, true)
            return
        if not found:
            return
        data = tiles.encode_bundle(row.raw for row in good)
        path = files.bundle_path(number, len(good))
        place = _entry_at(number * WIDTH)
        for store in self._stores:
            await self._examine_file(store, "entry bundle", path, data, place)
            for older, width in await _older(store, path):
                part = tiles.encode_bundle(row.raw for row in good[:width])
                await self._examine_file(store, "entry bundle", older, part, place)
            await self._examine_disclosures(store, number, good)

    async def _examine_entries(
        self, store: ObjectStore, number: int, true: Sequence[bytes]
    ) -> None:
        path = files.bundle_path(number)
        try:
            entries = await files.read_bundle(store, number, 1)
        except EvidenceError as exc:
            kind: Kind = "missing" if isinstance(exc, NotFoundError) else "changed"
            self._report.add(Finding.of(kind, "entry bundle", f"{store.name} {path}", exc))
            return
        for index, (raw, expected) in enumerate(zip(entries, true, strict=False), number * WIDTH):
            if leaf(raw) != expected:
                where = f"{store.name} {path}, entry {index}"
                self._add("entry", where, f"leaf {expected.hex()}", f"leaf {leaf(raw).hex()}")

    async def _examine_tile(self, tile: Tile) -> None:
        level, number, data = tile
        path = tiles.tile_path(level, number, len(data) // HASH)
        for store in self._stores:
            await self._examine_file(store, "tile", path, data, _hash_at)
            for older, width in await _older(store, path):
                await self._examine_file(store, "tile", older, data[: width * HASH], _hash_at)

    async def _examine_file(
        self,
        store: ObjectStore,
        what: str,
        path: str,
        expected: bytes,
        place: Callable[[bytes, int], str],
    ) -> None:
        where = f"{store.name} {path}"
        class_ = files.class_of(path)
        try:
            got = await self._read(store, path, len(expected))
        except NotFoundError:
            self._missing(what, where, f"{len(expected)} bytes")
            if self._repair:
                await store.create(class_, path, expected)
                self._mended(what, where)
            return
        self._report.bytes += len(got)
        if got == expected:
            return
        self._differ(what, where, expected, got, place)
        if self._repair and class_ is Class.PRIVATE:
            await store.replace(class_, path, expected)
            self._mended(what, where)

    async def _read(self, store: ObjectStore, path: str, size: int) -> bytes:
        """A file; where a partial one went because the full one is there, the beginning of that."""
        try:
            return await read_all(store, files.class_of(path), path)
        except NotFoundError:
            full, partial, _ = path.partition(".p/")
            if not partial:
                raise
            return (await read_all(store, Class.LOG, full))[:size]

    async def _examine_disclosures(
        self, store: ObjectStore, number: int, good: Sequence[Row]
    ) -> None:
        """The bundle begins with these lines (it may already hold later ones)."""
        path = files.disclosures_path(number)
        where = f"{store.name} {path}"
        expected = files.disclosure_bundle(good)
        try:
            got = (await read_all(store, Class.PRIVATE, path))[: len(expected)]
        except NotFoundError:
            self._missing("disclosures", where, f"{len(good)} lines")
        else:
            self._report.bytes += len(got)
            if got == expected:
                return
            async with self._database.read() as connection:  # an erasure may just have happened
                again = await rows.read_rows(connection, good[0].index, good[-1].index + 1)
            if list(again) != list(good):
                return
            self._differ("disclosures", where, expected, got, _line_at(good[0].index))
        if self._repair:
            await store.replace(Class.PRIVATE, path, expected)
            self._mended("disclosures", where)

    # --- telling ----------------------------------------------------------------------------

    def _differ(
        self, what: str, where: str, expected: bytes, got: bytes, place: Callable[[bytes, int], str]
    ) -> None:
        pairs = zip(expected, got, strict=False)
        at = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(expected), len(got)))
        self._add(
            what,
            f"{where}, {place(expected, at)}, byte {at}",
            f"{expected[at : at + 8].hex() or 'no more'} ({len(expected)} bytes)",
            f"{got[at : at + 8].hex() or 'no more'} ({len(got)} bytes)",
        )

    def _add(self, what: str, where: str, expected: str, got: str) -> None:
        self._report.add(Finding("changed", what, where, expected, got))

    def _missing(self, what: str, where: str, expected: str) -> None:
        self._report.add(Finding("missing", what, where, expected, "nothing"))

    def _mended(self, what: str, where: str) -> None:
        self._report.add(Finding("repaired", what, where, "what the log says", "written again"))


async def _older(store: ObjectStore, path: str) -> list[tuple[str, int]]:
    """The narrower partial files that lie beside a partial one until the full one is durable."""
    stem, _, newest = path.partition(".p/")
    if not newest:
        return []
    found = [key async for key in store.list(Class.PRIVATE, f"{stem}.p/")]
    widths = [(key, key.rpartition("/")[2]) for key in found]
    return [(k, int(w)) for k, w in widths if w.isdigit() and int(w) < int(newest)]


def undisclosed(raw: bytes, body_text: str, disclosed_text: str) -> set[str]:
    """The names committed to and not disclosed; an error if a commitment or the type is broken."""
    e = decode_entry(raw)
    body = canonical.decode(body_text.encode())
    values = check_disclosed(e.body, body, canonical.decode(disclosed_text.encode()))
    schema.check_names(e.type, e.chain, body)
    return set(body) - set(values)


def _entry_at(first: int) -> Callable[[bytes, int], str]:
    def place(bundle: bytes, at: int) -> str:
        stop = index = 0
        while stop <= at and stop + 2 <= len(bundle):
            stop += 2 + int.from_bytes(bundle[stop : stop + 2], "big")
            index += 1
        return f"entry {first + max(0, index - 1)}"

    return place


def _hash_at(_tile: bytes, at: int) -> str:
    return f"hash {at // HASH}"


def _line_at(first: int) -> Callable[[bytes, int], str]:
    return lambda bundle, at: f"entry {first + bundle[:at].count(10)}"
