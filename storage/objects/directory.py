"""The directory store: the object-store port over a `Disk`, one folder for each class.

Guarantee: as in `storage.objects.port`.  An object appears under its key only when its bytes,
and in `evidence` its lock, are durable; nothing that stands under a key is ever written over.
Not covered: an administrator of the machine, who can do anything to files (that is what the log
is for), and a second process that writes into the same folders at the same time.

Layout: `<root>/<class>/<key>`; names with a leading dot are the store's own: `.new/` holds files
being written, `.<name>.lock` beside an evidence object its retention and hold.
Format: docs/formats/storage.md, version 1.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace as changed
from datetime import datetime
from pathlib import PurePosixPath

from storage.disk import Disk
from storage.objects import rules
from storage.objects.content import as_content
from storage.objects.port import Class, Content, Stored
from storage.threads import Threads, in_thread
from verify.errors import (
    ConflictError,
    MalformedError,
    NotFoundError,
    UnavailableError,
    VerificationError,
)

_NEW = ".new"
_PIECE = 1 << 20


class DirectoryStore:
    """Objects as files below `root` of a disk."""

    def __init__(
        self,
        disk: Disk,
        root: str = "objects",
        *,
        name: str = "directory",
        threads: Threads = in_thread,
        fresh_name: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self.name = name
        self._disk, self._root = disk, root
        self._threads, self._fresh_name = threads, fresh_name
        self._locks = asyncio.Lock()  # one change of a lock file at a time

    async def create(
        self,
        class_: Class,
        key: str,
        content: Content | bytes,
        *,
        retain_until: datetime | None = None,
    ) -> Stored:
        rules.check_key(key)
        until = rules.retention(class_, retain_until)
        content = as_content(content)
        target = self._path(class_, key)
        with self._answers(key):
            if await self._threads(self._disk.exists, target):
                return await self._already(class_, key, content, until)
            new = await self._write(class_, content)
            try:
                if class_ in (Class.EVIDENCE, Class.LOG):
                    await self._threads(self._disk.protect, new)
                async with self._locks:
                    # The lock comes before the name, so that an evidence object without one is
                    # impossible; a lock that stands already is somebody else's.
                    if until is not None and not await self._threads(self._disk.exists, target):
                        await self._put_lock(Stored(key, content.size, retain_until=until))
                    await self._threads(self._disk.link, new, target)
                await self._sync_name(target)
            except FileExistsError:
                return await self._already(class_, key, content, until)
            finally:
                await self._threads(self._disk.remove, new)
            return Stored(key, content.size, retain_until=until)

    async def replace(self, class_: Class, key: str, data: bytes) -> None:
        rules.check_replaceable(class_)
        rules.check_key(key)
        with self._answers(key):
            await self._put(class_, self._path(class_, key), data)

    async def delete(self, class_: Class, key: str) -> None:
        rules.check_replaceable(class_)
        rules.check_key(key)
        target = self._path(class_, key)
        with self._answers(key), suppress(FileNotFoundError):
            await self._threads(self._disk.remove, target)
            await self._sync_name(target)

    async def stat(self, class_: Class, key: str, *, version: str | None = None) -> Stored:
        rules.check_key(key)
        self._refuse_version(key, version)
        with self._answers(key):
            size = await self._threads(self._disk.size, self._path(class_, key))
            if class_ is not Class.EVIDENCE:
                return Stored(key, size)
            return await self._get_lock(key, size)

    async def versions(self, class_: Class, key: str) -> list[Stored]:
        try:
            return [await self.stat(class_, key)]
        except NotFoundError:
            return []

    async def read(
        self,
        class_: Class,
        key: str,
        *,
        version: str | None = None,
        start: int = 0,
        end: int | None = None,
    ) -> AsyncIterator[bytes]:
        rules.check_key(key)
        self._refuse_version(key, version)
        with self._answers(key):
            file = await self._threads(self._disk.open, self._path(class_, key))
        try:
            while end is None or start < end:
                size = _PIECE if end is None else min(_PIECE, end - start)
                with self._answers(key):
                    piece = await self._threads(file.read_at, start, size)
                if not piece:
                    return
                start += len(piece)
                yield piece
        finally:
            file.close()

    async def list(self, class_: Class, prefix: str = "") -> AsyncIterator[str]:
        rules.check_prefix(prefix)
        top = self._path(class_)
        folder = prefix.rpartition("/")[0]
        with self._answers(f"{class_}/{prefix}"):
            paths = await self._threads(self._disk.list, f"{top}/{folder}" if folder else top)
        for path in paths:
            key = path.removeprefix(f"{top}/")
            if key.startswith(prefix) and not _is_own(key):
                yield key

    async def extend(self, key: str, version: str | None, retain_until: datetime) -> None:
        until = rules.whole_second(retain_until)
        async with self._locks:
            held = await self.stat(Class.EVIDENCE, key, version=version)
            rules.check_longer(key, held.retain_until, until)
            with self._answers(key):
                await self._put_lock(changed(held, retain_until=until))

    async def hold(self, key: str, version: str | None, *, on: bool) -> None:
        async with self._locks:
            held = await self.stat(Class.EVIDENCE, key, version=version)
            with self._answers(key):
                await self._put_lock(changed(held, hold=on))

    async def check(self) -> None:
        """Write, read and remove a small file in the work class."""
        key = f"check/{self._fresh_name()}"
        await self.replace(Class.WORK, key, b"liuhen")
        got = b"".join([piece async for piece in self.read(Class.WORK, key)])
        await self.delete(Class.WORK, key)
        if got != b"liuhen":
            raise VerificationError(f"{self.name}: expected to read what was written, got {got!r}")

    async def sweep(self) -> int:
        """Remove what a kill left half written; only for the one process that owns the folder."""
        swept = 0
        for class_ in Class:
            folder = f"{self._path(class_)}/{_NEW}"
            for path in await self._threads(self._disk.list, folder):
                await self._threads(self._disk.remove, path)
                swept += 1
        return swept

    async def close(self) -> None:
        """Nothing is kept open."""

    # Paths, and what the disk's errors mean here

    def _path(self, class_: Class, key: str = "") -> str:
        return "/".join(part for part in (self._root, class_.value, key) if part)

    def _lock_path(self, key: str) -> str:
        path = PurePosixPath(self._path(Class.EVIDENCE, key))
        return str(path.with_name(f".{path.name}.lock"))

    @contextmanager
    def _answers(self, key: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFoundError(f"{self.name} {key}: expected an object, got none") from error
        except OSError as error:
            raise UnavailableError(f"{self.name} {key}: expected an answer, got {error}") from error

    def _refuse_version(self, key: str, version: str | None) -> None:
        if version is not None:
            raise NotFoundError(f"{self.name} {key}: expected no version, got {version}")

    async def _sync_name(self, path: str) -> None:
        await self._threads(self._disk.sync_folder, str(PurePosixPath(path).parent))

    # Writing

    async def _write(self, class_: Class, content: Content) -> str:
        """The content, durable, under a new name of its own: linked if possible, else copied."""
        if content.path is not None:
            new = f"{self._path(class_)}/{_NEW}/{self._fresh_name()}"
            with suppress(OSError):  # another file system, too many links, …: copied below
                await self._threads(self._disk.adopt, content.path, new)
                file = await self._threads(self._disk.open, new)
                try:
                    await self._threads(file.sync)
                    _check_size(content, await self._threads(file.size))
                finally:
                    file.close()
                return new
            await self._threads(self._disk.remove, new)
        new = f"{self._path(class_)}/{_NEW}/{self._fresh_name()}"
        file = await self._threads(self._disk.create, new)
        try:
            at = 0
            async for piece in content.read():
                await self._threads(file.write_at, at, [piece])
                at += len(piece)
            _check_size(content, at)
            await self._threads(file.sync)
        except BaseException:
            with suppress(OSError):
                await self._threads(self._disk.remove, new)
            raise
        finally:
            file.close()
        return new

    async def _put(self, class_: Class, target: str, data: bytes) -> None:
        """Replace a small file by another, atomically and durably."""
        new = await self._write(class_, as_content(data))
        try:
            await self._threads(self._disk.replace, new, target)
        except OSError:
            await self._threads(self._disk.remove, new)
            raise
        await self._sync_name(target)

    async def _already(
        self, class_: Class, key: str, content: Content, until: datetime | None
    ) -> Stored:
        """The key is taken: a success if by the same bytes, which are then made durable again,
        because the attempt that wrote them may have ended before its last sync."""
        target = self._path(class_, key)
        file = await self._threads(self._disk.open, target)
        try:
            size = await self._threads(file.size)
            if size != content.size:
                raise ConflictError(f"{self.name} {key}: expected {content.size} bytes, got {size}")
            at = 0
            async for piece in content.read():
                if await self._threads(file.read_at, at, len(piece)) != piece:
                    raise ConflictError(
                        f"{self.name} {key}: expected the same bytes, got others"
                        f" between {at} and {at + len(piece)}"
                    )
                at += len(piece)
            await self._threads(file.sync)
        finally:
            file.close()
        await self._sync_name(target)
        held = await self.stat(class_, key)
        if until is None or (held.retain_until is not None and held.retain_until >= until):
            return held
        await self.extend(key, None, until)
        return changed(held, retain_until=until)

    # Locks

    async def _put_lock(self, stored: Stored) -> None:
        assert stored.retain_until is not None  # noqa: S101 - `rules.retention` saw to it
        lock = {
            "hold": stored.hold,
            "retain_until": stored.retain_until.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "v": 1,
        }
        data = json.dumps(lock, sort_keys=True, separators=(",", ":")).encode()
        await self._put(Class.EVIDENCE, self._lock_path(stored.key), data)

    async def _get_lock(self, key: str, size: int) -> Stored:
        path = self._lock_path(key)
        try:
            file = await self._threads(self._disk.open, path)
        except FileNotFoundError as error:
            raise VerificationError(
                f"{self.name} {key}: expected its lock file, got none"
            ) from error
        try:
            data = await self._threads(file.read_at, 0, _PIECE)
        finally:
            file.close()
        try:
            lock = json.loads(data)
            until = datetime.strptime(lock["retain_until"], "%Y-%m-%dT%H:%M:%S%z")
            return Stored(key, size, retain_until=until, hold=bool(lock["hold"]))
        except (ValueError, KeyError, TypeError) as error:
            raise MalformedError(
                f"{self.name} {key}: expected a lock file, got {data[:80]!r}"
            ) from error


def _is_own(key: str) -> bool:
    return any(part.startswith(".") for part in key.split("/"))


def _check_size(content: Content, got: int) -> None:
    if got != content.size:
        raise VerificationError(f"content: expected {content.size} bytes, got {got}")
