"""`liuhen log recover` and `liuhen rebuild`: a database brought forward from the store.

Guarantee: everything that the store holds comes back, the unsigned tail included, with its
projections and one `log.recovered`, in one transaction; before it, the files were checked against
the signed root and the database's own entries against the files, and each entry put back against
its chain and its commitments.  Erased fields stay erased.  Receipts given before still verify.
Not covered: secrets (people get new tokens), acts that had not reached the store, and bytes in
staging (`ingest` measures them again).

Call it with no server running.  Format: docs/formats/publication.md, version 1.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from sqlalchemy import Connection, select

from storage import acts, bulk, clock
from storage.acts import Draft, Head
from storage.clock import Clock
from storage.database import Database
from storage.ledger import random_salt
from storage.log import files, history, operational, rows
from storage.log.erase import empty_wal
from storage.log.publisher import read_copy
from storage.log.signer import Memory, Signer
from storage.objects.port import Class, ObjectStore
from storage.projections import project
from storage.replay import Record, replay
from storage.tables import published
from storage.threads import Threads, in_thread
from verify.errors import (
    ConflictError,
    NotFoundError,
    VerificationError,
)
from verify.merkle import Edge
from verify.notes import VerifierKey

Also = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Recovered:
    """What came back.  `unexplained` are erasable fields that are gone though no entry erases
    them: (index, name); an erasure whose own entry had not reached the store."""

    had: int
    has: int
    signed: int
    store: str
    unexplained: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """The store that is read, and what is signed over it."""

    store: ObjectStore
    entries: int
    note: str | None  # the newest good copy of the checkpoint
    oldest: str | None  # the oldest one; None if a store has none
    marks: dict[int, bytes]  # size -> root that a signature or the signer's memory vouches for
    broken: tuple[ObjectStore, ...]  # stores whose copy cannot be read

    @property
    def signed(self) -> int:
        return max(self.marks, default=0)


async def rebuild(
    database: Database,
    stores: Sequence[ObjectStore],
    signer: Signer,
    clock_: Clock,
    *,
    reason: str = "rebuilt from the store",
    also: Sequence[Also] = (),
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    threads: Threads = in_thread,
) -> Recovered:
    """`recover` for a database that has tables and nothing in them; ConflictError otherwise."""
    async with database.read() as connection:
        head = await rows.read_head(connection)
    if head is not None:
        raise ConflictError(
            f"database: expected an empty one, got {head.origin} of size {head.size}; "
            "`liuhen log recover` brings an older database forward"
        )
    return await recover(
        database, stores, signer, clock_,
        reason=reason, also=also, progress=progress, threads=threads,
    )  # fmt: skip


async def recover(
    database: Database,
    stores: Sequence[ObjectStore],
    signer: Signer,
    clock_: Clock,
    *,
    reason: str = "recovered from the store",
    also: Sequence[Also] = (),
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    salts: Callable[[], str] = random_salt,
    threads: Threads = in_thread,
) -> Recovered:
    """Bring the database, and the signer's memory, forward to what the stores hold.

    `also` runs in the same transaction, after the projections: jobs are made anew there.
    A database that is not behind is left as it is; one with another history is refused.
    """
    source = await _find_source(stores, signer)
    async with database.read() as connection:
        head = await rows.read_head(connection)
    had = head.size if head else 0
    with tempfile.TemporaryFile() as spool:
        edge = await _check_files(source, database, signer, had=had, spool=spool, progress=progress)
        unexplained: tuple[tuple[int, str], ...] = ()
        if had < source.entries:

            def work(connection: Connection) -> tuple[tuple[int, str], ...]:
                now = clock.read(clock_)
                spool.seek(0)
                done = replay(connection, _spooled(spool, had))
                if done.head.edge != edge:
                    raise VerificationError(
                        f"recovered log of size {edge.size}: expected root {edge.root().hex()}, "
                        f"got size {done.head.size}, root {done.head.edge.root().hex()}"
                    )
                operational.start_anew(connection, now.now_ms)
                _record(connection, done.head, now, salts, {
                    "had": had, "has": source.entries, "signed": source.signed, "reason": reason,
                })  # fmt: skip
                _put_row(connection, source, signer, now.now_ms)
                for hook in also:
                    hook(connection)
                return done.unexplained

            unexplained = await database.write(work)
            await empty_wal(database)
    await _mend_signer(source, signer, threads)
    return Recovered(had, max(had, source.entries), source.signed, source.store.name, unexplained)


async def _find_source(stores: Sequence[ObjectStore], signer: Signer) -> _Source:
    """The store whose files go furthest, and every root that is vouched for."""
    marks: dict[int, bytes] = {}
    copies: list[tuple[int, str] | None] = []
    broken: list[ObjectStore] = []
    best: tuple[int, ObjectStore] | None = None
    for store in stores:
        size = 0
        try:
            copy = await read_copy(store, signer)
        except VerificationError:
            if signer.memory is None:
                raise  # nothing else says what was signed
            broken.append(store)
            copy = None
        if copy is not None:
            size = copy[0].size
            _vouch(marks, store.name, Memory(size, copy[0].root))
        copies.append((size, copy[1]) if copy is not None else None)
        held = (await files.extent(store, size)).entries
        if best is None or best[0] < held:
            best = (held, store)
    if signer.memory is not None and signer.memory.size:
        _vouch(marks, "the signer's memory", signer.memory)
    if best is None or best[0] == 0:
        raise NotFoundError("store: expected a log to recover from, got none")
    entries, store = best
    if entries < max(marks, default=0):
        raise VerificationError(
            f"entry bundles in {store.name}: expected the signed size {max(marks)}, got {entries}; "
            "put the store's files back"
        )
    good = sorted(found for found in copies if found is not None)
    return _Source(
        store, entries,
        good[-1][1] if good else None,
        good[0][1] if len(good) == len(copies) else None,
        marks, tuple(broken),
    )  # fmt: skip


def _vouch(marks: dict[int, bytes], who: str, mark: Memory) -> None:
    if marks.setdefault(mark.size, mark.root) != mark.root:
        raise VerificationError(
            f"{who} at size {mark.size}: expected root {marks[mark.size].hex()}, "
            f"got {mark.root.hex()}"
        )


async def _check_files(
    source: _Source,
    database: Database,
    signer: Signer,
    *,
    had: int,
    spool: BinaryIO,
    progress: Callable[[int, int], None],
) -> Edge:
    """Read every entry once: against the signed roots, against the database's own entries; what
    the database lacks goes into the spool."""
    reading = history.Reading(source.store, source.marks)
    async for records in history.bundles(source.store, source.entries):
        if records[0].index == 0:
            _check_first(records[0], signer.key.verifier)
        await reading.take(records)
        own = [r for r in records if r.index < had]
        if own:
            await _check_same(database, own, source.store.name)
        for record in records[len(own) :]:
            line = files.disclosure_line(record.line)
            spool.write(record.raw + b"\n" + line)
        progress(records[-1].index + 1, source.entries)
    return reading.edge


def _check_first(record: history.Record, key: VerifierKey) -> None:
    """The log is one of this key."""
    said = {name: value for _, name, value in record.line.triples}
    if (said.get("origin"), said.get("vkey")) != (key.name, key.format()):
        raise VerificationError(
            f"log.begun in the store: expected the key {key.format()}, got {said.get('vkey')}; "
            "put the file keys/log.key of this log back"
        )


async def _check_same(database: Database, records: Sequence[history.Record], store: str) -> None:
    start = records[0].index
    async with database.read() as connection:
        own = await rows.read_rows(connection, start, start + len(records))
    for row, record in zip(own, records, strict=True):
        if row.raw != record.raw:
            raise VerificationError(
                f"database entry {row.index}: expected {record.raw.decode()} as in {store}, got "
                f"{row.raw.decode(errors='replace')}; it holds another history, so move it away "
                "and let `liuhen rebuild` write it again"
            )


def _spooled(spool: BinaryIO, start: int) -> Iterator[Record]:
    index = start
    while raw := spool.readline():
        line = files.parse_line(index, spool.readline()[:-1])
        yield Record(index, raw[:-1], line.body, line.triples)
        index += 1


def _record(
    connection: Connection,
    head: Head,
    now: clock.Reading,
    salts: Callable[[], str],
    fields: dict[str, object],
) -> None:
    """`log.recovered`, as the next entry after everything that came back."""
    at_ms = max(now.now_ms, head.last_ms)
    head = replace(head, last_ms=at_ms, boot_id=now.boot_id, boot_base_ms=now.base_ms)
    draft = Draft("log.recovered", "sys", "sys", fields)
    made = acts.build(connection, head.size, at_ms, [draft], salts)
    events = [recording.event for recording in made]
    acts.insert(connection, made)
    project(connection, events)
    acts.store_head(connection, acts.advance(head, events))


def _put_row(connection: Connection, source: _Source, signer: Signer, now_ms: int) -> None:
    """The published row of an empty database; an older one is behind its copy, as it may be."""
    note = source.oldest  # the row is never ahead of a copy
    if note is None:
        return
    if connection.execute(select(published.c.id)).first() is None:
        size = signer.read_checkpoint(note).size
        bulk.insert(
            connection, published, ("id", "size", "note", "at_ms"), [(1, size, note, now_ms)]
        )


async def _mend_signer(source: _Source, signer: Signer, threads: Threads) -> None:
    """Set a lost or older memory from the newest copy; write broken copies again from memory."""
    if source.note is not None:
        size = signer.read_checkpoint(source.note).size
        if signer.memory is None or signer.memory.size < size:
            await threads(signer.adopt, source.note)
    if source.broken and signer.memory is not None:
        memory = signer.memory
        note = await threads(signer.sign, memory.size, memory.size, memory.root, [])
        for store in source.broken:
            await store.replace(Class.PRIVATE, files.CHECKPOINT, note.encode())
