"""Contents for `ObjectStore.create`: bytes in memory, and a file on a `Disk`.

Guarantee: read in pieces of at most 4 MiB, each read from a thread, so that memory stays bounded
whatever the size.
"""

from collections.abc import AsyncIterator
from pathlib import Path

from storage.disk import Disk
from storage.objects.port import Content
from storage.threads import Threads, in_thread
from verify.errors import NotFoundError, UnavailableError, VerificationError

PIECE = 4 << 20  # a third less processor time than 1 MiB when sending to S3


class BytesContent:
    """A small content that is in memory already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        return len(self._data)

    @property
    def path(self) -> Path | None:
        return None

    async def read(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        end = self.size if end is None else min(end, self.size)
        for at in range(start, end, PIECE):
            yield self._data[at : min(at + PIECE, end)]


class DiskContent:
    """A file on a disk that is never written again; `path` is its real place, if it has one."""

    def __init__(
        self,
        disk: Disk,
        name: str,
        size: int,
        *,
        path: Path | None = None,
        threads: Threads = in_thread,
    ) -> None:
        self._disk, self._name, self._size, self._path = disk, name, size, path
        self._threads = threads

    @property
    def size(self) -> int:
        return self._size

    @property
    def path(self) -> Path | None:
        return self._path

    async def read(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        end = self._size if end is None else min(end, self._size)
        try:
            file = await self._threads(self._disk.open, self._name)
        except FileNotFoundError as error:
            raise NotFoundError(f"{self._name}: expected a file, got none") from error
        try:
            while start < end:
                piece = await self._threads(file.read_at, start, min(PIECE, end - start))
                if not piece:
                    raise VerificationError(f"{self._name}: expected {end} bytes, got {start}")
                start += len(piece)
                yield piece
        except OSError as error:
            raise UnavailableError(f"{self._name}: expected its bytes, got {error}") from error
        finally:
            file.close()


def as_content(content: Content | bytes) -> Content:
    return BytesContent(content) if isinstance(content, bytes) else content
