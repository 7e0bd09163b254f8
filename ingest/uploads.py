"""Uploads as a service, whatever protocol asks: create, append, end early, look.

Guarantee: `upload.opened` is recorded before a byte is taken; a completed upload and the job that
seals it are committed together; an upload is created once per source and client key, and a file
that this source has sealed before is answered with the upload that brought it.
Not covered: who may call (`ingest.app`), sealing (`ingest.seal`).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from ingest import rows, rules
from ingest.announce import read_announcement
from ingest.limits import Limits, Rates
from ingest.receive import Body, Order, Slots, receive
from ingest.rules import Upload
from ingest.staging import Staging
from ingest.tus import Append, ChecksumMismatchError, Creation
from storage.access import Caller
from storage.clock import Clock
from storage.database import Database
from storage.errors import NotComparedError
from storage.jobs import enqueue
from storage.ledger import Draft, Event, Ledger, random_id
from storage.threads import Threads, in_thread
from verify.entries import format_time
from verify.errors import ConflictError

T = TypeVar("T")
DAY_MS = 24 * 3600 * 1000
DAMAGED_IN_A_ROW = 3  # bodies of one upload: then it is no chance any more, and somebody must look
log = logging.getLogger(__name__)


class Meter(Protocol):
    """What is counted for operators (`console.metrics`)."""

    def received(self, count: int) -> None:
        """So many bytes are durable more than before."""

    def damaged(self, *, again: bool) -> None:
        """A body was not what its checksum said; `again`: one upload's bodies, time after time."""


class Uncounted:
    """Nobody counts."""

    def received(self, count: int) -> None: ...

    def damaged(self, *, again: bool) -> None: ...


class _AlreadyError(Exception):
    """The file is known; nothing is recorded."""

    def __init__(self, upload: Upload) -> None:
        super().__init__(upload.id)
        self.upload = upload


@dataclass(frozen=True, slots=True)
class Taken:
    """What a PATCH led to; `cut` is what ended its body early."""

    upload: Upload
    cut: Exception | None


@dataclass(slots=True)
class Uploads:
    """The receiving half of one server."""

    database: Database
    ledger: Ledger
    staging: Staging
    clock: Clock
    limits: Limits = field(default_factory=Limits)
    threads: Threads = in_thread
    new_id: Callable[[], str] = random_id
    slots: Slots = field(default_factory=Slots)
    meter: Meter = field(default_factory=Uncounted)
    rates: Rates = field(init=False)
    _turn: asyncio.Event = field(default_factory=asyncio.Event)
    _damaged: dict[str, int] = field(default_factory=dict)  # bodies in a row, by upload

    def __post_init__(self) -> None:
        self.rates = Rates(self.limits.creations_per_minute)
        self.ledger.listeners.append(self._next_turn)

    def next_act(self) -> asyncio.Event:
        """Set as soon as this server records anything."""
        return self._turn

    def _next_turn(self) -> None:
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    # --- looking ----------------------------------------------------------------------------

    async def find(self, upload: str) -> Upload:
        """The upload; NotFoundError."""
        return await self._read(lambda connection: rows.find(connection, upload))

    async def settled(self, upload: str) -> Upload:
        """The upload after whoever writes it has let go: the offset a new PATCH may start from."""
        await self.slots.settle(upload)
        return await self.find(upload)

    async def source_name(self, source: str) -> str:
        return await self._read(lambda connection: rows.source_name(connection, source))

    async def sealed_index(self, item: str) -> int | None:
        """The index of the entry that sealed the item."""
        return await self._read(lambda connection: rows.sealed_index(connection, item))

    async def copies(self, upload: Upload) -> int:
        """In how many stores its bytes are, read back equal."""
        return await self._read(lambda connection: rows.copies(connection, upload))

    async def _read(self, look: Callable[[Connection], T]) -> T:
        async with self.database.read() as connection:
            return await connection.run_sync(look)

    # --- creating ---------------------------------------------------------------------------

    async def create(self, caller: Caller, asked: Creation, key: str | None) -> Upload:
        """Open an upload; the same key, or a file that is sealed already, gets the old one."""
        self.rates.take(caller.token, self.clock.boot_ms() / 1000)
        announced = read_announcement(asked.metadata, size=asked.length, key=key)
        if not self.ledger.is_open:
            raise NotComparedError(
                "uploads: expected a server that records, got one that "
                + (
                    f"stopped: {self.ledger.halted}"
                    if self.ledger.halted
                    else "has not compared yet"
                )
            )
        upload, object_key = self.new_id(), f"o/{self.new_id()}"
        free = await self.threads(self.staging.room)
        now = self.clock.now_ms()

        def decide(connection: Connection) -> Sequence[Draft]:
            name = None if caller.source is not None else announced.source
            found = rows.find_source(connection, id_=caller.source, name=name)
            source = rules.choose_source(caller.source, announced.source, found)
            if announced.key is not None:
                old = rows.find_by_key(connection, source, announced.key)
                if old is not None:
                    rules.same_again(old, announced)
                    raise _AlreadyError(old)
            if announced.sha256 is not None and announced.size is not None:
                old = rows.find_sealed(connection, source, announced.sha256, announced.size)
                if old is not None:
                    raise _AlreadyError(old)
            staged = rows.held_bytes(connection)
            load = rows.load(connection, source, now, staged=staged, free=free)
            rules.check_room(asked.length, load, self.limits)
            return [rules.open_upload(upload, source, announced, caller.actor)]

        def also(connection: Connection, _events: Sequence[Event]) -> None:
            rows.open_transfer(
                connection,
                upload,
                length=asked.length,
                metadata=asked.raw,
                object_key=object_key,
                expires_ms=self._expiry(now),
                now_ms=now,
            )
            if asked.length == 0:
                self.complete(connection, upload)

        try:
            await self.ledger.record(f"open:{upload}", decide, also)
        except _AlreadyError as known:
            return await self._known(known.upload)
        await self.threads(self.staging.create, upload)
        return await self.find(upload)

    async def _known(self, upload: Upload) -> Upload:
        """An upload that is asked for again by its key; one that expired is taken up again.

        Otherwise a device that was away for longer than the expiry could never hand over the file.
        What it reserved went to others meanwhile, so there must be room for the rest again.
        """
        now = self.clock.now_ms()
        if not rules.is_expired(upload, now):
            return upload
        expires = self._expiry(now)
        free = await self.threads(self.staging.room)

        def work(connection: Connection) -> None:
            found = rows.find(connection, upload.id)
            if not rules.is_expired(found, now):
                return  # somebody else was quicker
            staged = rows.held_bytes(connection)
            load = rows.load(connection, found.source, now, staged=staged, free=free)
            rest = None if found.length is None else found.length - found.offset
            rules.check_room(rest, load, self.limits)
            rows.renew(connection, upload.id, expires_ms=expires, now_ms=now)

        await self.database.write(work)
        return await self.find(upload.id)

    # --- receiving --------------------------------------------------------------------------

    async def append(self, upload: str, asked: Append, body: Body) -> Taken:
        """Take one body; whoever wrote before lets go first."""
        async with self.slots.hold(upload, body):
            before = await self.find(upload)
            rules.check_running(before, self.clock.now_ms())
            length = rules.length_after(before, asked, self.limits)
            if before.state != rules.RECEIVING:
                rules.check_end(
                    upload, asked.offset + (asked.body or 0), before.offset, self.limits
                )
                return Taken(before, None)
            if length is not None and before.length is None:
                await self._fix_length(before, length)
            elif length is None:
                await self._check_space(before.source, asked.body or 0)
            cut = await self._receive(before, asked, length, body)
        return Taken(await self.find(upload), cut)

    async def _receive(
        self, before: Upload, asked: Append, length: int | None, body: Body
    ) -> Exception | None:
        committed = before.offset

        async def commit(offset: int) -> None:
            nonlocal committed
            now = self.clock.now_ms()

            def work(connection: Connection) -> None:
                rows.commit_offset(
                    connection, before.id, offset, expires_ms=self._expiry(now), now_ms=now
                )
                if offset == length:
                    self.complete(connection, before.id)

            await self.database.write(work)
            self.meter.received(offset - committed)
            committed = offset
            if length is None:
                await self._check_space(before.source, 0)

        order = Order(
            upload=before.id,
            offset=before.offset,
            length=length,
            most=self.limits.max_size if length is None else length,
            checksum=asked.checksum,
            idle_s=self.limits.idle_s,
        )
        try:
            cut = await receive(order, body, self.staging, commit, self.threads)
        except ChecksumMismatchError:
            self._count_damaged(before.id)
            raise
        if cut is None:
            self._damaged.pop(before.id, None)
        return cut

    def _count_damaged(self, upload: str) -> None:
        """One damaged body is the link; several in a row are a broken device, disk or proxy."""
        count = self._damaged.pop(upload, 0) + 1
        self.meter.damaged(again=count == DAMAGED_IN_A_ROW)
        if count >= DAMAGED_IN_A_ROW:
            log.error("upload %s: %d bodies in a row differ from their checksums", upload, count)
        if len(self._damaged) >= self.limits.max_open:
            del self._damaged[next(iter(self._damaged))]  # the one that was quiet for longest
        self._damaged[upload] = count

    async def _fix_length(self, upload: Upload, length: int) -> None:
        """A deferred length is known from now on, and has to fit beside what was promised."""
        await self._check_space(upload.source, length - upload.offset)
        await self.database.write(lambda c: rows.set_length(c, upload.id, length))

    async def _check_space(self, source: str, more: int) -> None:
        free = await self.threads(self.staging.room)
        now = self.clock.now_ms()

        def look(connection: Connection) -> rules.Load:
            staged = rows.held_bytes(connection)
            return rows.load(connection, source, now, staged=staged, free=free)

        rules.check_space(more, await self._read(look), self.limits)

    def complete(self, connection: Connection, upload: str) -> None:
        """All bytes are durable: the next state and the sealing job, in the caller's transaction."""
        now = self.clock.now_ms()
        rows.move(connection, upload, rules.RECEIVED, now_ms=now)
        self.enqueue_seal(connection, upload)

    def enqueue_seal(self, connection: Connection, upload: str) -> None:
        """Have a complete upload sealed; a job that is there already stays as it is.

        Retention counts from now; drawn once, so that every attempt stores under the same.
        """
        now = self.clock.now_ms()
        whole = -(-now // 1000) * 1000  # stores keep whole seconds
        until = format_time(whole + self.limits.retention_days * DAY_MS)
        enqueue(
            connection,
            "seal",
            {"upload": upload, "retain_until": until},
            key=f"seal-{upload}",
            lane="seal",
            now_ms=now,
        )

    # --- ending early -----------------------------------------------------------------------

    async def terminate(self, upload: str, actor: str) -> None:
        """The client gives up before completion: recorded, then the bytes are forgotten."""
        async with self.slots.hold(upload):
            rules.check_running(await self.find(upload), self.clock.now_ms())
            await self._abort(upload, actor, rules.TERMINATED, None)

    async def discard(self, upload: str, actor: str, reason: str) -> None:
        """A person says that the prefix of an interrupted upload is not wanted."""
        async with self.slots.hold(upload):
            await self._abort(upload, actor, rules.DISCARDED, reason)

    async def _abort(self, upload: str, actor: str, reason: str, text: str | None) -> None:
        def decide(connection: Connection) -> Sequence[Draft]:
            found = rows.find(connection, upload)
            rules.check_decidable(found)
            return [rules.abort_upload(found, actor, reason, text=text)]

        def also(connection: Connection, _events: Sequence[Event]) -> None:
            rows.move(connection, upload, rules.DONE, now_ms=self.clock.now_ms())

        await self.ledger.record(f"abort:{upload}", decide, also)
        await self.threads(self.staging.free_files, upload)

    async def seal_prefix(self, upload: str, actor: str, reason: str) -> None:
        """A person says that no more bytes will come: the prefix is sealed, marked incomplete."""
        async with self.slots.hold(upload):
            found = await self.find(upload)
            rules.check_decidable(found)
            if found.offset == 0:
                raise ConflictError(
                    f"upload {upload}: expected bytes to seal, got none; discard it"
                )
            await self.threads(self._close_prefix, upload, found.offset)

            def work(connection: Connection) -> None:
                rules.check_decidable(rows.find(connection, upload))
                rows.decide_incomplete(connection, upload, {"reason": reason, "actor": actor})
                self.complete(connection, upload)

            await self.database.write(work)

    def _close_prefix(self, upload: str, offset: int) -> None:
        part = self.staging.resume(upload, offset)
        try:
            part.settle()
            part.complete()
        finally:
            part.close()

    def _expiry(self, now_ms: int) -> int:
        return now_ms + self.limits.expiry_s * 1000
