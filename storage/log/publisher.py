"""The publisher: takes the newest head to files, signature, checkpoint and receipts, in this order.

Guarantee: a published checkpoint is signed only over files that are durable in every store, and
its copy there is read back before the database row says so; neither is ever replaced by a smaller
one.  A kill anywhere is continued by the same code.  Any refusal stops publication and recording.
Not covered: the comparison at the start (`storage.log.startup`), which must come first.

Recording never waits for a store: with one away, publication lags behind and catches up.
Format: docs/formats/log.md, version 1; the order of writes is docs/formats/publication.md.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from storage import bulk
from storage.clock import Clock
from storage.database import Database
from storage.errors import ForkError, HaltedError, NotComparedError
from storage.ledger import Ledger
from storage.log import rows
from storage.log.files import CHECKPOINT
from storage.log.signer import NOTHING, Signer
from storage.log.tree import Tiles
from storage.log.writing import Writer
from storage.objects.port import Class, ObjectStore, read_all
from storage.tables import published as published_table
from storage.threads import Threads, in_thread
from verify.checkpoint import Checkpoint
from verify.errors import (
    EvidenceError,
    NotFoundError,
    UnavailableError,
    UntrustedError,
    VerificationError,
)
from verify.tiles import WIDTH

log = logging.getLogger("liuhen.log")

LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Published:
    """What receipts rest on."""

    size: int
    note: str


@dataclass(frozen=True, slots=True)
class State:
    """For /metrics and /readyz."""

    published: int
    lag: int  # entries recorded and not yet published, as last looked at
    error: str | None  # why the last round did not publish
    halted: bool


class Publisher:
    """One per log.  `begin` once, then `run` in a task; `publish` may be called at any time."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        stores: Sequence[ObjectStore],
        signer: Signer,
        clock: Clock,
        *,
        interval_s: float = 10.0,
        threads: Threads = in_thread,
    ) -> None:
        self.tiles = Tiles(stores[0])
        self.signer = signer
        self.stores = tuple(stores)
        self._database, self._ledger, self._clock = database, ledger, clock
        self._writer = Writer(database, stores, self.tiles)
        self._interval_s = interval_s
        self._threads = threads
        self._published: Published | None = None
        self._begun = False
        self._halted: EvidenceError | None = None
        self._error: str | None = None
        self._lag = 0
        self._one = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._waiters: list[tuple[int, asyncio.Future[Published]]] = []

    # --- for callers ------------------------------------------------------------------------

    @property
    def published(self) -> Published | None:
        """The newest published checkpoint."""
        return self._published

    @property
    def state(self) -> State:
        return State(
            self._published.size if self._published else 0,
            self._lag,
            str(self._halted) if self._halted else self._error,
            self._halted is not None,
        )

    def poke(self) -> None:
        """Somebody waits: publish now rather than at the next interval."""
        self._wanted.set()

    async def wait_for(self, index: int, timeout_s: float) -> Published:
        """A published checkpoint that covers entry `index`; UnavailableError after the time."""
        if self._published is not None and self._published.size > index:
            return self._published
        self._check()
        self.poke()
        future: asyncio.Future[Published] = asyncio.get_running_loop().create_future()
        self._waiters.append((index, future))
        try:
            return await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            why = f": {self._error}" if self._error else ""
            raise UnavailableError(
                f"publication of entry {index}: expected within {timeout_s:g} s, got none yet{why}"
            ) from None
        finally:
            self._waiters = [w for w in self._waiters if w[1] is not future]

    # --- the loop ---------------------------------------------------------------------------

    async def begin(self, published: Published | None, stale: Iterable[int] = ()) -> None:
        """Go on after this checkpoint, which the start has compared; rebuilds the right edge.

        `stale` are disclosure bundles to be written again.
        """
        self.tiles.forget()
        self._writer.begin(await self.tiles.frontier(published.size if published else 0))
        await self._writer.sweep()
        size = self._writer.frontier.size
        await self._writer.rewrite([number for number in stale if number * WIDTH < size], size)
        self._published, self._begun = published, True

    async def run(self) -> None:
        """Publish on demand or every interval, until cancelled or a refusal ends it."""
        failures = 0
        while True:
            self._wanted.clear()
            try:
                await self.publish()
                failures = 0
            except UnavailableError as exc:
                if self._halted is not None:
                    return
                failures += 1
                log.warning("publication lags: %s", exc)
            except EvidenceError:
                return  # `publish` has halted and told everybody
            if failures:
                await asyncio.sleep(min(0.25 * 2.0**failures, LONGEST_PAUSE_S))
            else:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wanted.wait(), self._interval_s)

    async def publish(self) -> Published | None:
        """One round: everything recorded so far is published when it returns."""
        async with self._one:
            self._check()
            try:
                found = await self._round()
            except UnavailableError as exc:
                self._error = str(exc)
                raise
            except EvidenceError as exc:
                self._halt(exc)
                raise
            self._error = None
            return found

    def _check(self) -> None:
        if self._halted is not None:
            raise HaltedError(
                f"publication has stopped until a restart has compared: {self._halted}"
            )
        if not self._begun:
            raise NotComparedError("publication: expected the start to have compared first")

    def _halt(self, error: EvidenceError) -> None:
        log.error("publication and recording stop: %s: %s", error.code, error)
        self._halted = error
        self._ledger.halt(error)
        for _, future in self._waiters:
            if not future.done():
                future.set_exception(HaltedError(f"publication has stopped: {error}"))

    # --- one round --------------------------------------------------------------------------

    async def _round(self) -> Published | None:
        done = self._published.size if self._published else 0
        async with self._database.read() as connection:
            head = await rows.read_head(connection)
        size = head.size if head else 0
        written = self._writer.frontier.size
        if head is None or size < written:
            raise ForkError(
                f"database: expected a log of size {written} or more, as its files have it, "
                f"got {size}; was an older copy put back under the running server?"
            )
        self._lag = size - done
        try:
            await self._writer.check_root(size, head.root)
        except VerificationError as exc:
            raise ForkError(str(exc)) from exc
        if self._published is None or size > done:
            await self._writer.write(size, erased_since=done)
            note = await self._sign(size, head.root)
            await self._put_copies(note, size, head.root)
            await self._put_row(Published(size, note))
        await self._writer.remove_spent()
        return self._published

    async def _sign(self, size: int, root: bytes) -> str:
        old = self.signer.memory or NOTHING
        if old.size > size:
            raise ForkError(f"database: expected size {old.size} or more, got {size}")
        proof = await self.tiles.consistency(old.size, size)
        return await self._threads(self.signer.sign, old.size, size, root, proof)

    async def _put_copies(self, note: str, size: int, root: bytes) -> None:
        """The checkpoint's copy in every store, replaced and read back."""
        for store in self.stores:
            held = await read_copy(store, self.signer)
            if held is not None:
                checkpoint = held[0]
                if checkpoint.size > size:
                    raise ForkError(
                        f"{store.name} {CHECKPOINT}: expected size {size} or less, got "
                        f"{checkpoint.size}; does another server publish this log?"
                    )
                if checkpoint.size == size and checkpoint.root != root:
                    raise ForkError(
                        f"{store.name} {CHECKPOINT} at size {size}: expected root {root.hex()}, "
                        f"got {checkpoint.root.hex()}"
                    )
            data = note.encode()
            await store.replace(Class.PRIVATE, CHECKPOINT, data)
            if await read_all(store, Class.PRIVATE, CHECKPOINT) != data:
                raise VerificationError(
                    f"{store.name} {CHECKPOINT}: expected the note of size {size} back, got another"
                )

    async def _put_row(self, new: Published) -> None:
        at_ms = self._clock.now_ms()

        def work(connection: Connection) -> None:
            table = published_table
            size = connection.execute(select(table.c.size).where(table.c.id == 1)).scalar()
            if size is None:
                bulk.insert(
                    connection,
                    table,
                    ("id", "size", "note", "at_ms"),
                    [(1, new.size, new.note, at_ms)],
                )
            elif size <= new.size:
                bulk.update(
                    connection,
                    table,
                    ("size", "note", "at_ms"),
                    ("id",),
                    [(new.size, new.note, at_ms, 1)],
                )

        await self._database.write(work)
        self._published, self._lag = new, 0
        for index, future in self._waiters:
            if index < new.size and not future.done():
                future.set_result(new)


async def read_copy(store: ObjectStore, signer: Signer) -> tuple[Checkpoint, str] | None:
    """The checkpoint's copy in a store and its note; None if there is none."""
    try:
        data = await read_all(store, Class.PRIVATE, CHECKPOINT)
    except NotFoundError:
        return None
    where = f"{store.name} {CHECKPOINT}"
    try:
        note = data.decode()
    except UnicodeDecodeError:
        raise VerificationError(
            f"{where}: expected a note signed by {signer.origin}, got no text"
        ) from None
    return own_checkpoint(signer, note, where), note


def own_checkpoint(signer: Signer, note: str, where: str) -> Checkpoint:
    """The checkpoint of a note that this log's key has signed; VerificationError otherwise."""
    try:
        return signer.read_checkpoint(note)
    except EvidenceError as exc:
        other = isinstance(exc, UntrustedError)
        hint = "; put the file keys/log.key of this log back" if other else ""
        raise VerificationError(
            f"{where}: expected a note signed by {signer.origin}, got {exc}{hint}"
        ) from exc
