"""One store's copy of a recording: put there under retention, read back by version, compared.

Guarantee: `take_copy` returns only if the original and its chunk hashes are held under the asked
retention and read back equal, byte for byte, from the version that it names.  An object that is
there already and reads back equal is taken over, so a repeat never stores twice.
Not covered: what to do with an object that reads back different (`ingest.seal` decides).
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ingest.rules import Upload
from ingest.staging import Held, Staging
from storage.objects.port import Class, Content, ObjectStore, Stored, read_all
from storage.threads import Threads
from verify.entries import format_time
from verify.errors import DigestMismatchError, VerificationError
from verify.fingerprint import CHUNK, ChunkTree, first_difference

BATCH = 4 << 20
Progress = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Copy:
    """Where one store holds the original and its chunk hashes, and what the whole hashes to."""

    store: str
    original: Stored
    tree: Stored
    sha256: str

    def objects(self) -> list[dict[str, Any]]:
        """The elements of `objects` in `item.sealed`."""
        return [
            {"store": self.store, "what": what, "key": held.key}
            | ({"version": held.version} if held.version is not None else {})
            for what, held in (("original", self.original), ("tree", self.tree))
        ]

    @property
    def retain_until(self) -> str:
        """Until when both are locked, as the store itself says."""
        until = [held.retain_until for held in (self.original, self.tree)]
        return min(format_time(int(moment.timestamp() * 1000)) for moment in until if moment)


async def take_copy(
    store: ObjectStore,
    upload: Upload,
    held: Held,
    until: datetime,
    *,
    staging: Staging,
    threads: Threads,
    progress: Progress,
) -> Copy:
    """Have this store hold the upload; what it holds, read back and equal."""

    async def compare(stored: Stored) -> str:
        return await _compare(store, stored, held, threads, progress)

    content = staging.content(upload.id, held.size, threads)
    key = upload.object_key
    original, sha256 = await _held_under(store, key, content, held.size, until, compare=compare)

    async def compare_tree(stored: Stored) -> str:
        found = await read_all(store, Class.EVIDENCE, stored.key, version=stored.version)
        if found != held.tree:
            raise DigestMismatchError(
                f"{store.name} {stored.key}",
                expected=hashlib.sha256(held.tree).hexdigest(),
                actual=hashlib.sha256(found).hexdigest(),
            )
        return ""

    size = len(held.tree)
    tree, _ = await _held_under(store, f"{key}.tree", held.tree, size, until, compare=compare_tree)
    return Copy(store.name, original, tree, sha256)


async def _held_under(
    store: ObjectStore,
    key: str,
    content: Content | bytes,
    size: int,
    until: datetime,
    *,
    compare: Callable[[Stored], Awaitable[str]],
) -> tuple[Stored, str]:
    """The version under `key` that reads back equal, found or written, and what comparing gave."""
    for stored in await store.versions(Class.EVIDENCE, key):
        if stored.size == size:
            result = await compare(stored)
            if stored.retain_until is None or stored.retain_until < until:
                await store.extend(key, stored.version, until)
            return await _locked(store, key, stored.version, until), result
    stored = await store.create(Class.EVIDENCE, key, content, retain_until=until)
    stored = await _locked(store, key, stored.version, until)
    if stored.size != size:
        raise VerificationError(f"{store.name} {key}: expected {size} bytes, got {stored.size}")
    return stored, await compare(stored)


async def _locked(store: ObjectStore, key: str, version: str | None, until: datetime) -> Stored:
    """What the store itself says about this version; VerificationError if it is not locked so long."""
    stored = await store.stat(Class.EVIDENCE, key, version=version)
    if stored.retain_until is None or stored.retain_until.astimezone(UTC) < until:
        raise VerificationError(
            f"{store.name} {key}: expected retention until {until.isoformat()}, "
            f"got {stored.retain_until}"
        )
    return stored


async def _compare(
    store: ObjectStore, stored: Stored, held: Held, threads: Threads, progress: Progress
) -> str:
    """The SHA-256 of the stored bytes, if they are those that came in."""
    chunks, whole = ChunkTree(), hashlib.sha256()

    def take(batch: list[bytes]) -> None:
        for piece in batch:
            chunks.update(piece)
            whole.update(piece)

    busy: asyncio.Task[None] | None = None
    batch: list[bytes] = []
    size = 0
    try:
        async for piece in store.read(Class.EVIDENCE, stored.key, version=stored.version):
            batch.append(piece)
            size += len(piece)
            if size >= BATCH:  # one batch is hashed while the next is read
                if busy is not None:
                    await busy
                await progress(chunks.size / max(held.size, 1))
                busy = asyncio.create_task(threads(take, batch))
                batch, size = [], 0
    finally:
        if busy is not None:
            await busy
    await threads(take, batch)
    if chunks.size != held.size:
        raise VerificationError(
            f"{store.name} {stored.key}: expected {held.size} bytes, got {chunks.size}"
        )
    found = chunks.tree()
    if (chunk := first_difference(held.tree, found)) is not None:
        raise DigestMismatchError(
            f"{store.name} {stored.key}, bytes from {chunk * CHUNK}",
            expected=held.tree[chunk * 32 : chunk * 32 + 32].hex(),
            actual=found[chunk * 32 : chunk * 32 + 32].hex(),
        )
    return whole.hexdigest()
