"""Receiving: one PATCH's bytes from the socket to durable bytes with fingerprints, one writer each.

The loop gathers a batch while a thread writes and hashes the one before; every 64 MiB, every five
seconds and at the end the bytes are made durable and then the offset is committed.

Guarantee: a committed offset never lies above durable bytes; two connections never write the same
upload at once: whoever comes later makes the one before let go, which keeps what it has durably.
Memory is a few batches per connection whatever the size.
Not covered: bytes received but not yet committed when the server dies (at most 64 MiB or 5 s).
"""

import asyncio
import hashlib
import hmac
import mmap
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

from ingest.staging import Part, Staging
from ingest.tus import Checksum, ChecksumMismatchError
from storage.errors import TooLargeError
from storage.threads import Threads
from verify.errors import ConflictError, EvidenceError, UnavailableError

BATCH = 4 << 20  # most bytes gathered while a thread is busy; there are two such buffers
READY = 1 << 20  # enough to be worth a thread's while
ALIGN = 4096  # batches end at such file offsets, so that the disk may take them directly
SETTLE_BYTES = 64 << 20
SETTLE_S = 5.0
LET_GO_S = 15.0  # a writer that cannot finish its flush in this time is reported, not overtaken


class LetGoError(ConflictError):
    """Another connection has taken this upload over, or this one brought no bytes for too long."""

    code = "let-go"


# How a body ends that does not come whole: the link breaks, its framing is wrong, we let go.
_CUT = (OSError, ClientPayloadError, web.RequestPayloadError, HttpProcessingError, LetGoError)


class Body(Protocol):
    """What is read of a request's body (aiohttp's StreamReader)."""

    async def readany(self) -> bytes: ...

    def set_exception(self, exc: BaseException) -> None: ...


@dataclass(slots=True)
class Holder:
    """The connection that is writing an upload now, or someone deciding about it."""

    body: Body | None
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def let_go(self, why: LetGoError) -> None:
        """End the reading at once, also of a connection that is half dead."""
        if self.body is not None:
            self.body.set_exception(why)


class Slots:
    """Who writes which upload: one at a time, the newest wins."""

    def __init__(self) -> None:
        self._holders: dict[str, Holder] = {}

    @property
    def running(self) -> frozenset[str]:
        """Uploads that a connection is writing now."""
        return frozenset(self._holders)

    async def settle(self, upload: str) -> None:
        """Make whoever writes let go, and wait until what it had is committed."""
        while (holder := self._holders.get(upload)) is not None:
            holder.let_go(LetGoError(f"upload {upload}: another connection asks for it"))
            try:
                async with asyncio.timeout(LET_GO_S):
                    await holder.released.wait()
            except TimeoutError as exc:
                raise UnavailableError(
                    f"upload {upload}: expected its writer to finish within {LET_GO_S:.0f} s"
                ) from exc

    @asynccontextmanager
    async def hold(self, upload: str, body: Body | None = None) -> AsyncIterator[Holder]:
        """Be the only writer; whoever was before has let go."""
        await self.settle(upload)
        holder = self._holders[upload] = Holder(body)  # no await since the check
        try:
            yield holder
        finally:
            del self._holders[upload]
            holder.released.set()

    def let_all_go(self) -> None:
        """The server stops: every connection keeps what it has."""
        for upload, holder in self._holders.items():
            holder.let_go(LetGoError(f"upload {upload}: the server is stopping"))


class Gathered:
    """One of the two buffers: page-aligned memory for the file's bytes from `offset` on.

    Copying each piece out of the socket's memory at once costs less than keeping it: the next
    piece gets the same, still cached memory, and a disk can take an aligned buffer directly.
    """

    def __init__(self, offset: int) -> None:
        self._memory = memoryview(mmap.mmap(-1, BATCH, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        self._offset = offset
        self.size = 0
        self.ready = self._memory[:0]

    def take(self, piece: memoryview) -> memoryview:
        """Copy in what fits; the rest."""
        fits = min(BATCH - self.size, len(piece))
        self._memory[self.size : self.size + fits] = piece[:fits]
        self.size += fits
        return piece[fits:]

    def hand_over(self, empty: "Gathered") -> "Gathered":
        """Leave in `ready` what ends at an aligned offset; `empty` goes on with the rest."""
        rest = (self._offset + self.size) % ALIGN
        if rest >= self.size:
            rest = 0
        self.ready = self._memory[: self.size - rest]
        empty._offset = self._offset + self.size - rest
        empty.size = 0
        empty.take(self._memory[self.size - rest : self.size])
        return empty

    def last(self) -> list[memoryview]:
        """All of it: what is aligned, then the end."""
        rest = (self._offset + self.size) % ALIGN
        at = self.size - rest if rest < self.size else 0
        return [self._memory[a:b] for a, b in ((0, at), (at, self.size)) if a < b]


@dataclass(frozen=True, slots=True)
class Order:
    """What one PATCH may bring."""

    upload: str
    offset: int
    length: int | None  # of the whole upload, where it is known
    most: int  # the offset that must not be passed
    checksum: Checksum | None
    idle_s: float


Commit = Callable[[int], Awaitable[None]]  # makes an offset known that is durable


class Reception:
    """One PATCH while it runs."""

    def __init__(
        self, order: Order, body: Body, part: Part, commit: Commit, threads: Threads
    ) -> None:
        self._order, self._body, self._part = order, body, part
        self._commit, self._threads = commit, threads
        self._digest = (
            hashlib.new(order.checksum.algorithm, usedforsecurity=False) if order.checksum else None
        )
        self._committed = order.offset
        self._clock = asyncio.get_running_loop().time
        self._settled_at = self._clock()
        self._taken = 0  # bytes off the socket
        self._reading = False

    async def run(self) -> Exception | None:
        """Take the body; what cut it short, or None where all of it came.

        What came is committed, also where an error ends it (StorageFullError, TooLargeError).
        With a checksum it is all or nothing: a mismatch raises, and a cut body leaves the offset.
        """
        watchdog = asyncio.create_task(self._watch())
        try:
            cut = await self._take()
            if self._digest is None:
                await self._settle()
        except BaseException:
            # The error is what the client hears; bytes that were already written are kept if
            # the disk still takes them.
            if self._digest is None:
                with suppress(OSError, EvidenceError):
                    await self._settle()
            raise
        finally:
            watchdog.cancel()
        if cut is None and self._digest is not None:
            self._check(self._digest.digest())
            await self._settle()
        return cut

    async def _take(self) -> Exception | None:
        busy: asyncio.Task[None] | None = None
        gathered, other = Gathered(self._order.offset), Gathered(0)
        try:
            while True:
                piece = await self._next()
                if not isinstance(piece, bytes):
                    break
                rest = memoryview(piece)
                while rest := gathered.take(rest):
                    if busy is not None:
                        await busy
                    gathered, other = gathered.hand_over(other), gathered
                    busy = asyncio.create_task(self._store(other.ready))
                free = busy is None or busy.done()
                if free and (gathered.size >= READY or (gathered.size and self._due())):
                    if busy is not None:
                        await busy
                    gathered, other = gathered.hand_over(other), gathered
                    busy = asyncio.create_task(self._store(other.ready))
        finally:
            if busy is not None:
                await busy
        if gathered.size:
            for part in gathered.last():
                await self._store(part)
        return piece

    async def _next(self) -> bytes | Exception | None:
        """The next bytes; None at the end; what cut the body where it breaks off."""
        self._reading = True
        try:
            piece = await self._body.readany()
        except _CUT as exc:
            return exc
        finally:
            self._reading = False
        self._taken += len(piece)
        if self._order.offset + self._taken > self._order.most:
            raise TooLargeError(
                f"upload {self._order.upload}: expected at most {self._order.most} bytes, got more"
            )
        return piece or None

    async def _store(self, batch: memoryview) -> None:
        await self._threads(self._write, batch)
        behind = self._part.offset - self._committed
        if self._digest is None and (behind >= SETTLE_BYTES or self._due()):
            await self._settle()

    def _write(self, batch: memoryview) -> None:
        self._part.append([batch])
        if self._digest is not None:
            self._digest.update(batch)

    def _due(self) -> bool:
        return self._clock() - self._settled_at >= SETTLE_S

    async def _settle(self) -> None:
        """Durable first, committed after; the last, shorter chunk is hashed once all is there."""
        offset = self._part.offset
        if offset == self._committed and offset != self._order.length:
            return
        await self._threads(self._flush)
        await self._commit(offset)
        self._committed = offset
        self._settled_at = self._clock()

    def _flush(self) -> None:
        if self._part.settle() == self._order.length:
            self._part.complete()

    def _check(self, actual: bytes) -> None:
        expected = self._order.checksum
        if expected is not None and not hmac.compare_digest(expected.digest, actual):
            raise ChecksumMismatchError(
                f"bytes from {self._order.offset} of upload {self._order.upload} ({expected.algorithm})",
                expected=expected.digest.hex(),
                actual=actual.hex(),
            )

    async def _watch(self) -> None:
        """End a connection that brings nothing; time spent writing does not count against it."""
        quiet, seen = 0, -1
        while quiet < 4:
            await asyncio.sleep(self._order.idle_s / 4)
            quiet = quiet + 1 if self._reading and self._taken == seen else 0
            seen = self._taken
        self._body.set_exception(
            LetGoError(
                f"upload {self._order.upload}: expected bytes, got none for {self._order.idle_s:.0f} s"
            )
        )


async def receive(
    order: Order, body: Body, staging: Staging, commit: Commit, threads: Threads
) -> Exception | None:
    """Take one body into staging; what cut it short, or None.  The caller holds the slot."""
    part = await threads(staging.resume, order.upload, order.offset)
    refused = order.checksum is not None
    try:
        cut = await Reception(order, body, part, commit, threads).run()
        refused = refused and cut is not None
        return cut
    finally:
        # Bytes of a body that failed its checksum must not be there when nobody knows the
        # offset any more (`ingest.recovery` would take them for received ones).
        if refused:
            await threads(part.cut, order.offset)
        else:
            await threads(part.close)
