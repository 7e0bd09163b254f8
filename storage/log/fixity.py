"""Stored recordings, held against what the log says of them.

Guarantee: every copy that an entry names is read whole, by its recorded key and version, and
compared in size, SHA-256 and chunk root; a change is told to the chunk.  With `repair`, a missing
or changed copy gets a new one, made from a good copy, under a new key, read back, and recorded as
`item.stored`; the bad one is never touched.
Not covered: what a recording shows.  Entries themselves are checked by `storage.log.examine`.

Format: docs/formats/fingerprints.md, version 1.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import and_, select

from storage.database import Database
from storage.ledger import random_id
from storage.log import rows
from storage.log.examine import Progress, undisclosed
from storage.log.findings import Finding, Kind, Report
from storage.objects.port import Class, ObjectStore, Stored, read_all
from storage.tables import clip, copy, derived, item, transfer
from storage.threads import Threads, in_thread
from verify import canonical
from verify.entries import parse_time
from verify.errors import EvidenceError, NotFoundError, UnavailableError, VerificationError
from verify.fingerprint import CHUNK, ChunkTree, check_tree, first_difference


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the sealing entry says of an item."""

    item: str
    index: int
    size: int
    sha256: str
    root: str
    retain_until: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a copy lies, and whether it is the recording or its chunk hashes."""

    store: str
    what: str
    key: str
    version: str | None

    def __str__(self) -> str:
        version = f" version {self.version}" if self.version else ""
        return f"{self.store} {self.key}{version}"


@dataclass(frozen=True, slots=True)
class Repaired:
    """A new copy that was read back; to be recorded."""

    sealed: Sealed
    place: Place


Record = Callable[[Repaired], Awaitable[None]]


class StoredContent:
    """A good copy as the content of a new one."""

    path: Path | None = None

    def __init__(self, store: ObjectStore, place: Place, size: int) -> None:
        self._store, self._place, self.size = store, place, size

    def read(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        place = self._place
        return self._store.read(
            Class.EVIDENCE, place.key, version=place.version, start=start, end=end
        )


class Fixity:
    """Run it once."""

    def __init__(
        self,
        database: Database,
        stores: Sequence[ObjectStore],
        report: Report,
        *,
        record: Record | None = None,
        new_id: Callable[[], str] = random_id,
        threads: Threads = in_thread,
    ) -> None:
        self._database, self._report, self._record = database, report, record
        self._stores: Mapping[str, ObjectStore] = {store.name: store for store in stores}
        self._new_id, self._threads = new_id, threads
        self._named: set[tuple[str, str]] = set()

    async def run(self, progress: Progress = lambda _done, _all: None) -> None:
        """Read every object; then say what no entry names."""
        async with self._database.read() as connection:
            ids = (await connection.execute(select(item.c.id).order_by(item.c.sealed_index))).all()
        for done, (id_,) in enumerate(ids, 1):
            try:
                sealed, places = await self._load(id_)
            except UnavailableError:
                raise
            except EvidenceError as exc:
                # What its copies should be cannot be known; `examine` told the entry.
                self._report.add(Finding.of("changed", f"item {id_}", "database", exc))
            else:
                await self._item(sealed, places)
            progress(done, len(ids))
        await self._derivatives()
        await self._extra()

    # --- what the log says ------------------------------------------------------------------

    async def _load(self, id_: str) -> tuple[Sealed, list[Place]]:
        """From the entry, checked, and not from projected rows; later copies are added."""
        statement = select(item.c.sealed_index).where(item.c.id == id_)
        later = select(copy.c.store, copy.c.what, copy.c.key, copy.c.version).where(
            copy.c.item == id_
        )
        async with self._database.read() as connection:
            index = (await connection.execute(statement)).scalar_one()
            copies = (await connection.execute(later)).all()
            (row,) = await rows.read_rows(connection, index, index + 1)
        undisclosed(row.raw, row.body, row.disclosed)
        f = {name: value for _, name, value in canonical.decode(row.disclosed.encode())}
        missing = sorted({"item", "size", "sha256", "root", "retain_until", "objects"} - f.keys())
        if missing or f["item"] != id_:
            raise VerificationError(
                f"entry {index}: expected to disclose item {id_}, got {f.get('item')} "
                f"without {', '.join(missing) or 'nothing'}"
            )
        places = [Place(o["store"], o["what"], o["key"], o.get("version")) for o in f["objects"]]
        places += [Place(*found) for found in copies]
        sealed = Sealed(f["item"], index, f["size"], f["sha256"], f["root"], f["retain_until"])
        return sealed, list(dict.fromkeys(places))

    # --- one item ---------------------------------------------------------------------------

    async def _item(self, sealed: Sealed, places: Sequence[Place]) -> None:
        good: dict[str, list[Place]] = {"tree": [], "original": []}
        bad: list[Place] = []
        # The chunk hashes first: with a good copy of them a change is told to the chunk.
        for what in ("tree", "original"):
            for place in (p for p in places if p.what == what):
                self._named.add((place.store, place.key))
                try:
                    await self._check(sealed, place, good["tree"])
                except NotFoundError as exc:
                    self._tell("missing", sealed, place, exc)
                    bad.append(place)
                except UnavailableError:
                    raise
                except EvidenceError as exc:
                    self._tell("changed", sealed, place, exc)
                    bad.append(place)
                else:
                    good[what].append(place)
                    self._report.objects += 1
        if self._record is None:
            return
        mended: set[tuple[str, str]] = set()
        for place in bad:
            have = {(p.store, p.what) for p in good[place.what]} | mended
            source = good[place.what][0] if good[place.what] else None
            if source and place.store in self._stores and (place.store, place.what) not in have:
                await self._mend(sealed, place, source)
                mended.add((place.store, place.what))

    def _tell(self, kind: Kind, sealed: Sealed, place: Place, error: EvidenceError) -> None:
        where = f"{place}, {error.where}" if isinstance(error, _ChangedError) else str(place)
        self._report.add(Finding.of(kind, f"{place.what} of item {sealed.item}", where, error))

    async def _check(self, sealed: Sealed, place: Place, trees: Sequence[Place]) -> None:
        store = self._stores.get(place.store)
        if store is None:
            raise NotFoundError(f"store {place.store}: expected it among the settings, got no such")
        if place.what == "tree":
            tree = await read_all(store, Class.EVIDENCE, place.key, version=place.version)
            self._report.bytes += len(tree)
            check_tree(tree, size=sealed.size, root=sealed.root)
            return
        chunks, whole = await self._hash(store, place)
        self._report.bytes += chunks.size
        if chunks.root().hex() == sealed.root and chunks.size == sealed.size:
            if whole != sealed.sha256:
                raise VerificationError(f"sha256: expected {sealed.sha256}, got {whole}")
            return
        for good in trees:
            expected = await read_all(
                self._stores[good.store], Class.EVIDENCE, good.key, version=good.version
            )
            raise _changed(sealed, expected, chunks)
        raise VerificationError(
            f"root: expected {sealed.root} ({sealed.size} bytes), "
            f"got {chunks.root().hex()} ({chunks.size} bytes)"
        )

    async def _hash(self, store: ObjectStore, place: Place) -> tuple[ChunkTree, str]:
        chunks, whole = ChunkTree(), hashlib.sha256()

        def take(piece: bytes) -> None:
            chunks.update(piece)
            whole.update(piece)

        async for piece in store.read(Class.EVIDENCE, place.key, version=place.version):
            await self._threads(take, piece)
        return chunks, whole.hexdigest()

    # --- repair -----------------------------------------------------------------------------

    async def _mend(self, sealed: Sealed, bad: Place, source: Place) -> None:
        """A new copy under a new key; recorded only after it was read back."""
        assert self._record is not None  # noqa: S101  # asked by the caller
        store = self._stores[bad.store]
        key = f"o/{self._new_id()}" + (".tree" if bad.what == "tree" else "")
        origin = self._stores[source.store]
        size = (await origin.stat(Class.EVIDENCE, source.key, version=source.version)).size
        until = datetime.fromtimestamp(parse_time(sealed.retain_until) / 1000, UTC)
        stored: Stored = await store.create(
            Class.EVIDENCE, key, StoredContent(origin, source, size), retain_until=until
        )
        place = Place(bad.store, bad.what, key, stored.version)
        await self._check(sealed, place, [])
        await self._record(Repaired(sealed, place))
        self._named.add((place.store, place.key))
        self._report.add(
            Finding(
                "repaired", f"{bad.what} of item {sealed.item}", str(bad),
                "a good copy", f"{place}, made from {source}",
            )
        )  # fmt: skip

    # --- the rest ---------------------------------------------------------------------------

    async def _derivatives(self) -> None:
        """Playable copies, posters, peaks, excerpts: they may be lost, and are made again; still told."""
        async with self._database.read() as connection:
            d, c = derived.c, clip.c
            made = select(d.what, d.item, d.key, d.sha256).order_by(d.index)
            cut = select(c.kind.label("what"), c.item, c.key, c.sha256).where(c.key.is_not(None))
            found = [
                *(await connection.execute(made)).all(),
                *(await connection.execute(cut.order_by(c.made_index))).all(),
            ]
        store = next(iter(self._stores.values()))
        for row in found:
            what, where = f"{row.what} of item {row.item}", f"{store.name} {row.key}"
            whole, size = hashlib.sha256(), 0
            try:
                async for piece in store.read(Class.WORK, row.key):
                    await self._threads(whole.update, piece)
                    size += len(piece)
            except NotFoundError as exc:
                self._report.add(Finding.of("missing", what, where, exc))
                continue
            self._report.bytes += size
            self._report.objects += 1
            if whole.hexdigest() != row.sha256:
                self._report.add(Finding("changed", what, where, row.sha256, whole.hexdigest()))

    async def _extra(self) -> None:
        """Objects that no entry names, but for uploads on their way."""
        async with self._database.read() as connection:
            coming = select(transfer.c.object_key).where(
                and_(transfer.c.state != "done", transfer.c.object_key != "")
            )
            keys = {key for (key,) in (await connection.execute(coming)).all()}
        keys |= {f"{key}.tree" for key in keys}
        for name, store in self._stores.items():
            async for key in store.list(Class.EVIDENCE):
                if (name, key) not in self._named and key not in keys:
                    self._report.add(
                        Finding(
                            "extra", "object", f"{name} {key}", "an entry that names it", "none"
                        )
                    )


class _ChangedError(VerificationError):
    """A change that is known to the chunk."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where


def _changed(sealed: Sealed, expected: bytes, chunks: ChunkTree) -> VerificationError:
    """The first chunk that differs."""
    got = chunks.tree()
    at = first_difference(expected, got)
    if at is None:
        return VerificationError(f"size: expected {sealed.size}, got {chunks.size}")
    start, stop = at * CHUNK, min((at + 1) * CHUNK, max(sealed.size, chunks.size))
    count = sum(
        expected[i : i + 32] != got[i : i + 32] for i in range(0, max(len(expected), len(got)), 32)
    )
    return _ChangedError(
        f"chunk {at}, bytes {start} to {stop} ({count} of {len(expected) // 32} chunks differ)",
        f"expected {expected[at * 32 : at * 32 + 32].hex()} (object of {sealed.size} bytes), "
        f"got {got[at * 32 : at * 32 + 32].hex() or 'nothing'} (object of {chunks.size} bytes)",
    )
