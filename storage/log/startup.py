"""The start of a server: it compares everything it has before it records anything.

Guarantee: the ledger opens only after database, files, signer, published copy and published row
were found to be one history; whatever a kill left undone is then finished by the publisher.
With a store away the ledger stays closed and the comparison is repeated in the background.
Not covered: what to do about a state that is refused; the error's sentence names it.

Format: docs/formats/publication.md, version 1.
"""

import asyncio
import logging
from collections.abc import Sequence

from storage.database import Database
from storage.errors import NotComparedError
from storage.ledger import Ledger
from storage.log import files, rows
from storage.log.compare import Mark, Plan, Seen, StoreSeen, compare
from storage.log.publisher import LONGEST_PAUSE_S, Published, Publisher, own_checkpoint, read_copy
from storage.log.tree import Tiles
from storage.objects.port import Class, ObjectStore, read_all
from storage.threads import Threads, in_thread
from verify import canonical, tiles
from verify.checkpoint import Checkpoint
from verify.entries import decode_entry, leaf
from verify.errors import EvidenceError, NotFoundError, UnavailableError, VerificationError
from verify.schema import TYPES
from verify.tiles import WIDTH

log = logging.getLogger("liuhen.log")


class Startup:
    """Joins database, ledger and publisher.  `run` it once; `compared` tells whether it is done."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        publisher: Publisher,
        *,
        threads: Threads = in_thread,
    ) -> None:
        self._database, self._ledger, self._publisher = database, ledger, publisher
        self._signer = publisher.signer
        self._stores = publisher.stores
        self._threads = threads
        self.compared = asyncio.Event()
        self.waiting_for: str | None = None  # why it is not compared yet

    async def run(self) -> None:
        """Compare, as often as a store or the database is away; every other error is raised."""
        failures = 0
        while True:
            try:
                await self.once()
            except UnavailableError as exc:
                self.waiting_for = str(exc)
                failures += 1
                log.warning("nothing is recorded until the start has compared: %s", exc)
                await asyncio.sleep(min(0.25 * 2.0**failures, LONGEST_PAUSE_S))
            except EvidenceError as exc:
                self._ledger.halt(exc)
                raise
            else:
                return

    async def once(self) -> None:
        """One comparison, and what it found left to finish; then recording is open."""
        seen, row, copy = await self._look()
        plan = compare(seen)
        stale = await self._check_newest(seen, plan)
        await self._finish(plan, copy)
        await self._publisher.begin(row, stale)
        self._ledger.open()
        self.waiting_for = None
        self.compared.set()

    async def beside(self) -> None:
        """Compare and open recording beside the server that runs on the same data.

        That server is the one publisher: nothing is finished here, and what is recorded here
        it publishes at its next interval.
        """
        seen, _, _ = await self._look()
        plan = compare(seen)
        if plan.begin:
            raise NotComparedError("log: expected one that the running server has begun, got none")
        await self._check_newest(seen, plan)
        self._ledger.open()
        self.compared.set()

    async def _look(self) -> tuple[Seen, Published | None, str | None]:
        async with self._database.read() as connection:
            row_note = await rows.read_published(connection)
        row = self._read_row(row_note)
        copies = [await read_copy(store, self._signer) for store in self._stores]
        memory = await self._threads(self._signer.reload)
        signer = Mark(memory.size, memory.root) if memory else None
        stores = [
            await look_at_store(store, copy[0] if copy else None, [row, signer])
            for store, copy in zip(self._stores, copies, strict=True)
        ]
        async with self._database.read() as connection:
            head = await rows.read_head(connection)
        seen = Seen(
            self._signer.origin, row, signer, tuple(stores), head,
            await self._extended(stores[0], head),
        )  # fmt: skip
        published = Published(row.size, row_note) if row and row_note else None
        return seen, published, copies[0][1] if copies[0] else None

    def _read_row(self, note: str | None) -> Mark | None:
        if note is None:
            return None
        checkpoint = own_checkpoint(self._signer, note, "published row")
        return Mark(checkpoint.size, checkpoint.root)

    async def _extended(self, store: StoreSeen, head: rows.HeadRow | None) -> bytes | None:
        """The root at the head's size, over the signed tiles and then the database's own leaves.

        Tiles of unsigned entries may lack their upper levels yet; `_check_newest` compares them.
        """
        signed = max(store.roots, default=0)
        if head is None or head.size < signed:
            return None
        edge = await Tiles(self._stores[0]).edge(signed)
        return (await rows.extend(self._database, edge, head.size)).root()

    async def _check_newest(self, seen: Seen, plan: Plan) -> set[int]:
        """Compare the bundles from the newest published one on with the database, byte by byte;
        the numbers of the disclosure bundles to be written again."""
        stale: set[int] = set()
        for store, held in zip(self._stores, seen.stores, strict=True):
            if store.name in plan.fill:
                continue
            start = max(0, (held.copy.size if held.copy else 0) - 1) // WIDTH
            stop = held.files.entries
            for number in range(start, -(-stop // WIDTH)):
                end = min(stop, (number + 1) * WIDTH)
                async with self._database.read() as connection:
                    found = await rows.read_rows(connection, number * WIDTH, end)
                    erased = await rows.read_erased(connection, number * WIDTH, end)
                leaves = max(0, held.files.leaves - number * WIDTH)
                await check_leaves(store, number, found[:leaves])
                if not await check_bundle(store, number, found, erased):
                    stale.add(number)
        return stale

    async def _finish(self, plan: Plan, copy: str | None) -> None:
        if plan.begin:
            await self._ledger.begin(self._signer.origin, self._signer.key.vkey)
        if plan.adopt and copy is not None:
            log.warning("the signer's memory is lost; it is set from the published checkpoint")
            await self._threads(self._signer.adopt, copy)
        for store in self._stores[1:]:
            if store.name in plan.fill:
                await fill(self._stores[0], store)


async def look_at_store(
    store: ObjectStore, copy: Checkpoint | None, others: Sequence[Mark | None]
) -> StoreSeen:
    """How far the store's files go, and the roots that its tiles give at every size of interest."""
    mark = Mark(copy.size, copy.root) if copy else None
    held = await files.extent(store, mark.size if mark else 0)
    read = Tiles(store)
    roots: dict[int, bytes] = {}
    for size in {m.size for m in (mark, *others) if m is not None}:
        if size <= held.leaves:
            try:
                roots[size] = await read.root(size)
            except NotFoundError as exc:
                raise VerificationError(f"tiles in {store.name}: {exc}") from exc
    return StoreSeen(store.name, mark, held, roots)


async def check_leaves(store: ObjectStore, number: int, found: Sequence[files.Row]) -> None:
    """Raise VerificationError unless the level-0 tile of this number holds these entries' hashes."""
    if not found:
        return
    held = await Tiles(store).tile(0, number, len(found))
    for row, got in zip(found, tiles.decode_tile(held, len(found)), strict=True):
        if got != leaf(row.raw):
            raise VerificationError(
                f"{tiles.tile_path(0, number)} in {store.name}, entry {row.index}: "
                f"expected leaf {leaf(row.raw).hex()} as in the database, got {got.hex()}"
            )


async def check_bundle(
    store: ObjectStore,
    number: int,
    found: Sequence[files.Row],
    erased: frozenset[tuple[int, str]],
) -> bool:
    """Raise VerificationError unless both bundles of this number say what the database says.

    False if the disclosure bundle is to be written again: a kill between an erasure and its
    publication leaves a triple there that is gone here; one that lost the database's newest acts
    too can leave one here that is gone there.
    """
    path = files.bundle_path(number)
    entries = await files.read_bundle(store, number, len(found))
    for row, raw in zip(found, entries, strict=False):
        if raw != row.raw:
            raise VerificationError(
                f"{path} in {store.name}, entry {row.index}: "
                f"expected {row.raw.decode(errors='replace')} as in the database, "
                f"got {raw.decode(errors='replace')}"
            )
    path = f"{files.disclosures_path(number)} in {store.name}"
    try:
        lines = await files.read_disclosures(store, number)
    except NotFoundError as exc:
        raise VerificationError(f"{store.name}: {exc}") from exc
    if len(lines) < len(found):
        raise VerificationError(f"{path}: expected {len(found)} lines, got {len(lines)}")
    same = [_same(path, row, line, erased) for row, line in zip(found, lines, strict=False)]
    return all(same)


def _same(
    path: str, row: files.Row, line: files.Disclosed, erased: frozenset[tuple[int, str]]
) -> bool:
    body, disclosed = line.row_texts
    if (body, disclosed) == (row.body, row.disclosed):
        return True
    own = {canonical.encode(t): t[1] for t in canonical.decode(row.disclosed.encode())}
    held = {canonical.encode(list(t)): t[1] for t in line.triples}
    fields = TYPES[decode_entry(row.raw).type].fields
    gone_here = [name for triple, name in held.items() if triple not in own]
    gone_there = [name for triple, name in own.items() if triple not in held]
    if (
        body != row.body
        or any((row.index, name) not in erased for name in gone_here)
        or any(name not in fields or not fields[name].erasable for name in gone_there)
    ):
        raise VerificationError(
            f"{path}, entry {row.index}: expected the body and the disclosures "
            "of the database, got others"
        )
    return False


async def fill(source: ObjectStore, target: ObjectStore) -> None:
    """Bring the files of the log into a new store, the checkpoint's copy last; may be repeated."""
    log.warning("the log is copied from the store %s to the new store %s", source.name, target.name)
    for class_ in (Class.LOG, Class.PRIVATE):
        async for key in source.list(class_):
            if key != files.CHECKPOINT:
                data = await read_all(source, class_, key)
                if class_ is Class.LOG:
                    await target.create(class_, key, data)
                else:
                    await target.replace(class_, key, data)
    data = await read_all(source, Class.PRIVATE, files.CHECKPOINT)
    await target.replace(Class.PRIVATE, files.CHECKPOINT, data)
