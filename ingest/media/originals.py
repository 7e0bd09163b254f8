"""Originals as real files: where they lie, or fetched from a store into the work folder.

Guarantee: what `Originals.file` gives has the item's size, and where it was fetched, its SHA-256;
the stages of one item that follow each other fetch it once; at most `keep` bytes stay fetched
while nobody uses them.
Not covered: an original that lies in a folder is taken as it is (`liuhen scrub` re-hashes it).
"""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from storage.errors import StorageFullError
from storage.objects.port import Class, ObjectStore
from verify.errors import (
    DigestMismatchError,
    EvidenceError,
    NotFoundError,
    UnavailableError,
    VerificationError,
)

MARGIN: Final = 1 << 30  # bytes that stay free for receiving
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """One copy of an original."""

    store: str
    key: str
    version: str | None


@dataclass(frozen=True, slots=True)
class Original:
    item: str
    size: int
    sha256: str
    places: Sequence[Place]


class FileContent:
    """A finished file of ours as the content of a new object."""

    def __init__(self, path: Path, size: int) -> None:
        self._path, self._size = path, size

    @property
    def size(self) -> int:
        return self._size

    @property
    def path(self) -> Path | None:
        return self._path

    async def read(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        end = self._size if end is None else min(end, self._size)
        with await asyncio.to_thread(self._path.open, "rb") as file:
            file.seek(start)
            while start < end:
                piece = await asyncio.to_thread(file.read, min(_PIECE, end - start))
                if not piece:
                    raise VerificationError(f"{self._path.name}: expected {end} bytes, got {start}")
                start += len(piece)
                yield piece


def check_room(folder: Path, needed: int) -> None:
    """Raise StorageFullError unless `needed` bytes fit with the margin; receiving comes first."""
    free = shutil.disk_usage(folder).free
    if free < needed + MARGIN:
        raise StorageFullError(
            f"work folder: expected room for {needed} bytes and {MARGIN} to spare, got {free}"
        )


@dataclass(slots=True)
class _Fetched:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    size: int = 0


class Originals:
    """`folders` maps the name of a directory store to the folder of its evidence class."""

    def __init__(
        self,
        stores: Sequence[ObjectStore],
        folder: Path,
        *,
        folders: Mapping[str, Path] | None = None,
        keep: int = 4 << 30,
    ) -> None:
        self._stores = {store.name: store for store in stores}
        self._folder, self._folders, self._keep = folder, dict(folders or {}), keep
        self._fetched: dict[str, _Fetched] = {}  # by item, least recently used first

    @asynccontextmanager
    async def file(self, original: Original) -> AsyncIterator[Path]:
        """A file with the original's bytes, not to be written; gone or kept afterwards."""
        for place in original.places:
            if place.store in self._folders:
                path = self._folders[place.store] / place.key
                with suppress(FileNotFoundError):
                    if path.stat().st_size == original.size:
                        yield path
                        return
        entry = self._fetched.pop(original.item, None) or _Fetched()
        self._fetched[original.item] = entry
        entry.users += 1
        path = self._folder / original.item
        try:
            async with entry.lock:
                if not entry.size and not path.exists():
                    await self._fetch(original, path)
                    entry.size = original.size
            yield path
        finally:
            entry.users -= 1
            self._evict()

    def _evict(self) -> None:
        kept = sum(entry.size for entry in self._fetched.values())
        for item, entry in list(self._fetched.items()):
            if entry.users == 0 and (kept > self._keep or not entry.size):
                kept -= entry.size
                (self._folder / item).unlink(missing_ok=True)
                del self._fetched[item]

    async def _fetch(self, original: Original, path: Path) -> None:
        check_room(self._folder, original.size)
        failure: EvidenceError = UnavailableError(
            f"item {original.item}: expected a copy in one of our stores, got none"
        )
        part = path.with_name(f"{path.name}.part")
        for place in original.places:
            store = self._stores.get(place.store)
            if store is None:
                continue
            try:
                await self._copy(store, place, original, part)
            except (UnavailableError, NotFoundError, VerificationError) as exc:
                failure = exc  # another copy may do
            else:
                part.replace(path)
                return
            finally:
                part.unlink(missing_ok=True)
        raise failure

    async def _copy(self, store: ObjectStore, place: Place, original: Original, part: Path) -> None:
        sha, size = hashlib.sha256(), 0
        with await asyncio.to_thread(part.open, "wb") as file:
            async for piece in store.read(Class.EVIDENCE, place.key, version=place.version):
                size += len(piece)
                if size > original.size:
                    break

                def take(piece: bytes = piece) -> None:
                    sha.update(piece)
                    file.write(piece)

                await asyncio.to_thread(take)
        if size != original.size:
            raise VerificationError(
                f"item {original.item}: expected {original.size} bytes, got {size} or more"
            )
        if sha.hexdigest() != original.sha256:
            raise DigestMismatchError(
                f"item {original.item} in {store.name}",
                expected=original.sha256,
                actual=sha.hexdigest(),
            )
