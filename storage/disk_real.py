"""The real disk: the `Disk` port over one folder of a Linux file system.

Guarantee: as in `storage.disk`; names never leave the root, neither by `..` nor by a symbolic
link; new files belong to the server's user alone (0600, folders 0700); a file whose sync failed
once never syncs again, because the kernel forgets the lost pages after it has reported them.
Not covered: other processes that change the folder meanwhile; network file systems that answer
before the bytes are durable.
"""

import ctypes
import errno
import mmap
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.disk import Buffer
from storage.errors import StorageFullError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_BUFFERS = 1024  # IOV_MAX of Linux: more buffers in one call are refused
_KEEP_SIZE = 0x01  # FALLOC_FL_KEEP_SIZE of linux/falloc.h
_LIBC = ctypes.CDLL(None, use_errno=True)
_BLOCK = 4096  # what direct writing wants offset, length and memory to be multiples of
_DIRECT = 64 << 10  # from this size on it is worth while
_DIRECT_READ = 1 << 20  # likewise for reading: recordings read through, not what is read again soon
_MOST_READ = 4 << 20


@contextmanager
def _named_full(what: str) -> Iterator[None]:
    """Turn «no space» and «over quota» into the one error that callers act on."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFullError(
                f"{what}: expected room on the disk, got {error.strerror}"
            ) from error
        raise


def _fallocate(descriptor: int, mode: int, offset: int, length: int) -> int:
    """fallocate(2), which Python lacks: 0 or the error's number."""
    result: int = _LIBC.fallocate(descriptor, mode, ctypes.c_int64(offset), ctypes.c_int64(length))
    return ctypes.get_errno() if result else 0


class FolderFile:
    """An open file of a `FolderDisk`."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self._path = path
        self._broken = False
        self._direct: int | None = None  # a second descriptor, past the page cache; -1: refused
        self._reading: int | None = None  # likewise, for reading
        self._memory: mmap.mmap | None = None  # page-aligned, as direct reading wants it

    def write_at(self, offset: int, buffers: Sequence[Buffer]) -> None:
        pending = [memoryview(buffer).cast("B") for buffer in buffers if len(buffer)]
        if len(pending) == 1 and _is_aligned(offset, pending[0]):
            written = self._write_directly(offset, pending[0])
            offset += written
            pending = [pending[0][written:]] if written < pending[0].nbytes else []
        with _named_full(self._path):
            while pending:
                written = os.pwritev(self._descriptor, pending[:_BUFFERS], offset)
                offset += written
                while pending and written >= pending[0].nbytes:
                    written -= pending.pop(0).nbytes
                if written:
                    pending[0] = pending[0][written:]

    def _write_directly(self, offset: int, buffer: memoryview) -> int:
        """Write past the page cache (O_DIRECT); how much, 0 where the file system refuses.

        A recording is written once and read back later: filling the cache with it costs more
        processor time than hashing it, and reading back would not ask the disk.
        """
        if self._direct is None:
            try:
                flags = os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC
                self._direct = os.open(f"/proc/self/fd/{self._descriptor}", flags)
            except OSError:
                self._direct = -1
        if self._direct < 0:
            return 0
        with _named_full(self._path):
            try:
                return os.pwrite(self._direct, buffer, offset)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                os.close(self._direct)
                self._direct = -1
                return 0

    def read_at(self, offset: int, size: int) -> bytes:
        parts = []
        while size > 0 and (part := self._read(offset, size)):
            parts.append(part)
            offset += len(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read(self, offset: int, size: int) -> bytes:
        part = None
        if size >= _DIRECT_READ and offset % _BLOCK == 0:
            part = self._read_directly(offset, min(size - size % _BLOCK, _MOST_READ))
        return os.pread(self._descriptor, size, offset) if part is None else part

    def _read_directly(self, offset: int, size: int) -> bytes | None:
        """Read past the page cache; None where the file system refuses.

        A recording that is read through would push everything else out of the cache, and what is
        compared after sealing must come from the disk.
        """
        if self._reading is None:
            try:
                flags = os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC
                self._reading = os.open(f"/proc/self/fd/{self._descriptor}", flags)
            except OSError:
                self._reading = -1
        if self._reading < 0:
            return None
        if self._memory is None or len(self._memory) < size:
            self._memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        try:
            with memoryview(self._memory) as whole, whole[:size] as room:
                return self._memory[: os.preadv(self._reading, [room], offset)]
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            os.close(self._reading)
            self._reading = -1
            return None

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def truncate(self, size: int) -> None:
        with _named_full(self._path):
            os.ftruncate(self._descriptor, size)

    def reserve(self, size: int) -> None:
        held = self.size()
        if size <= held:
            return
        # Looked at first because ext4 takes all there is before it says that it was not enough,
        # and every other writer of the machine would meet a full disk.
        room = os.fstatvfs(self._descriptor)
        free = room.f_bavail * room.f_frsize
        kept = os.fstat(self._descriptor).st_blocks * 512
        if free < size - max(held, kept):
            raise StorageFullError(f"{self._path}: expected room for {size} bytes, got {free}")
        # posix_fallocate would grow the file and, where unsupported, write zeros to all of it.
        code = _fallocate(self._descriptor, _KEEP_SIZE, 0, size)
        if code in _FULL:
            # What was taken before the end was met goes back; a hole punched behind the end of the
            # file would not do it on ext4, cutting the file to its own size does.
            os.ftruncate(self._descriptor, held)
            raise StorageFullError(f"{self._path}: expected room for {size} bytes, got less")
        if code not in (0, errno.EOPNOTSUPP, errno.ENOSYS):
            raise OSError(code, os.strerror(code), self._path)

    def sync(self) -> None:
        if self._broken:
            raise OSError(errno.EIO, "an earlier sync failed, what it lost is unknown", self._path)
        try:
            with _named_full(self._path):
                os.fdatasync(self._descriptor)
        except BaseException:
            self._broken = True
            raise

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
        for extra in (self._direct, self._reading):
            if extra is not None and extra >= 0:
                os.close(extra)
        self._direct = self._reading = -1
        self._memory = None


def _is_aligned(offset: int, buffer: memoryview) -> bool:
    """Whether this may be written directly: large, and all three multiples of a block."""
    size = buffer.nbytes
    if buffer.readonly or size < _DIRECT or (offset | size) % _BLOCK:
        return False
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer)) % _BLOCK == 0


class FolderDisk:
    """Files below `root`, which is made if it is not there."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root = root.resolve(strict=True)
        self._durable = {self.root}  # folders whose own names are known to be on the disk
        self._making = threading.Lock()

    def create(self, path: str) -> FolderFile:
        target = self._with_parents(path)
        with _named_full(path):
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            return FolderFile(os.open(target, flags, 0o600), path)

    def open(self, path: str, *, write: bool = False) -> FolderFile:
        flags = (os.O_RDWR if write else os.O_RDONLY) | os.O_NOFOLLOW | os.O_CLOEXEC
        return FolderFile(os.open(self._resolve(path), flags), path)

    def exists(self, path: str) -> bool:
        return self._resolve(path).is_file()

    def size(self, path: str) -> int:
        return self._resolve(path).stat().st_size

    def link(self, source: str, target: str) -> None:
        with _named_full(target):
            os.link(self._resolve(source), self._with_parents(target), follow_symlinks=False)

    def adopt(self, source: Path, target: str) -> None:
        path = self._with_parents(target)
        with _named_full(target):
            os.link(source, path, follow_symlinks=False)
        if path.stat().st_nlink > 2:  # looked at afterwards: another store may do it just now
            path.unlink()
            raise OSError(errno.EMLINK, "has a second name already", str(source))

    def protect(self, path: str) -> None:
        self._resolve(path).chmod(0o444)

    def replace(self, source: str, target: str) -> None:
        with _named_full(target):
            self._resolve(source).replace(self._with_parents(target))

    def remove(self, path: str) -> None:
        self._resolve(path).unlink(missing_ok=True)

    def sync_folder(self, path: str) -> None:
        folder = self._resolve(path) if path not in ("", ".") else self.root
        _sync_folder(folder)

    def list(self, prefix: str) -> Sequence[str]:
        top = self._resolve(prefix) if prefix not in ("", ".") else self.root
        found: list[str] = []
        for folder, _, names in os.walk(top):
            base = Path(folder).relative_to(self.root)
            found.extend((base / name).as_posix() for name in names)
        return sorted(found)

    def free(self, folder: str = "") -> int:
        target = self._resolve(folder) if folder else self.root
        room = os.statvfs(target if target.is_dir() else self.root)
        return room.f_bavail * room.f_frsize

    def _resolve(self, path: str) -> Path:
        """The real path of a name; ValueError if it would leave the root."""
        parts = path.rstrip("/").split("/")
        if not path or "\0" in path or any(part in ("", ".", "..") for part in parts):
            raise ValueError(f"path: expected one below {self.root}, got {path!r}")
        target = self.root.joinpath(*parts)
        # The last name may be a link (it is opened with O_NOFOLLOW); no folder may lead outside.
        if len(parts) > 1 and not Path(os.path.realpath(target.parent)).is_relative_to(self.root):
            raise ValueError(f"path: expected one below {self.root}, got {path!r} through a link")
        return target

    def _with_parents(self, path: str) -> Path:
        """The real path, its folders made and their own names durable."""
        target = self._resolve(path)
        if target.parent in self._durable:
            return target
        # `sync_folder` speaks of the names IN a folder, so a folder's own name must come first;
        # the lock keeps a second thread from using a folder whose name is not durable yet.
        with self._making, _named_full(path):
            chain = [self.root]
            for part in target.parent.relative_to(self.root).parts:
                chain.append(chain[-1] / part)
                if chain[-1] not in self._durable:
                    with suppress(FileExistsError):
                        chain[-1].mkdir(mode=0o700)
                    _sync_folder(chain[-2])
                    self._durable.add(chain[-1])
        return target


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with _named_full(str(folder)):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
