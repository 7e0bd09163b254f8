"""A simulated disk: the `Disk` port with a power cut.

Guarantee: after `crash`, exactly what `File.sync` and `sync_folder` promised is there; of the
rest (bytes, sizes, new, linked, renamed and removed names) a random part, in any order, bytes torn
at sectors.  The same seed and the same calls give the same result.
Not covered: a disk that loses what was synced; reordering between two files is by chance only.
"""

import errno
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from storage.disk import Buffer
from storage.errors import StorageFullError
from tests.simulation.faults import Step, no_faults

SECTOR = 512


@dataclass(eq=False)
class _Inode:
    """What one file holds: as programs see it, as the disk has it, and what is between."""

    seen: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Callable[[bytearray], None]] = field(default_factory=list)
    protected: bool = False
    reserved: int = 0

    def settle(self, chance: random.Random) -> None:
        """A random part of what was not synced reaches the disk; the rest never will."""
        for change in self.pending:
            if chance.random() < 0.5:
                change(self.durable)
        self.pending.clear()


@dataclass(frozen=True, slots=True)
class _Rename:
    """One change of names that reaches the disk whole or not at all."""

    inode: _Inode | None  # None: the name is removed
    target: str
    source: str | None = None

    def apply(self, names: dict[str, _Inode]) -> None:
        if self.source is not None and names.get(self.source) is self.inode:
            del names[self.source]
        if self.inode is None:
            names.pop(self.target, None)
        else:
            names[self.target] = self.inode


class SimulatedFile:
    """An open file; worthless after a crash."""

    def __init__(self, disk: "SimulatedDisk", inode: _Inode, path: str, *, writable: bool) -> None:
        self._disk, self._inode, self._path, self._writable = disk, inode, path, writable
        self._life = disk.life
        self._broken = False
        self._closed = False

    def write_at(self, offset: int, buffers: Sequence[Buffer]) -> None:
        data = b"".join(bytes(buffer) for buffer in buffers)
        with self._step("write"):
            self._may_write()
            growth = max(0, offset + len(data) - max(len(self._inode.seen), self._inode.reserved))
            self._disk.take(growth, self._path)
            _write(self._inode.seen, offset, data)
            # Torn: each sector reaches the disk or does not, by itself.
            at = 0
            while at < len(data):
                end = min(len(data), (offset + at) // SECTOR * SECTOR + SECTOR - offset)
                self._inode.pending.append(_written(offset + at, data[at:end]))
                at = end

    def read_at(self, offset: int, size: int) -> bytes:
        with self._step("read"):
            return bytes(self._inode.seen[offset : offset + size])

    def size(self) -> int:
        self._alive()
        return len(self._inode.seen)

    def truncate(self, size: int) -> None:
        with self._step("truncate"):
            self._may_write()
            _truncate(self._inode.seen, size)
            self._inode.pending.append(lambda data: _truncate(data, size))

    def reserve(self, size: int) -> None:
        with self._step("reserve"):
            self._disk.take(size - max(len(self._inode.seen), self._inode.reserved), self._path)
            self._inode.reserved = max(self._inode.reserved, size)

    def sync(self) -> None:
        if self._broken:
            raise OSError(errno.EIO, "an earlier sync failed, what it lost is unknown", self._path)
        try:
            self._disk.step(f"disk sync {self._path} (before)")
        except OSError:
            # As Linux does it: the pages count as clean now, no later sync writes them.
            self._broken = True
            self._inode.settle(self._disk.random)
            raise
        self._alive()
        for change in self._inode.pending:  # not `seen`, which may hold what an earlier sync lost
            change(self._inode.durable)
        self._inode.pending.clear()
        try:
            self._disk.step(f"disk sync {self._path} (after)")
        except OSError:
            self._broken = True
            raise

    def close(self) -> None:
        self._closed = True

    def _may_write(self) -> None:
        if not self._writable:
            raise OSError(errno.EBADF, "opened for reading only", self._path)
        assert not self._inode.protected, f"{self._path}: written after it was protected"

    def _alive(self) -> None:
        if self._closed or self._life != self._disk.life:
            raise OSError(errno.EBADF, "closed, or from before the crash", self._path)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        with self._disk.stepping(name, self._path):
            self._alive()
            yield


class SimulatedDisk:
    """Files in memory, with everything that a power cut does to them."""

    root = Path("/simulated")  # for contents that name a real file: `root / path`

    def __init__(self, seed: int, step: Step = no_faults, *, capacity: int = 1 << 40) -> None:
        self.random = random.Random(seed)
        self.step = step
        self.capacity = capacity
        self.life = 0  # counts crashes: open files do not outlive one
        self._seen: dict[str, _Inode] = {}
        self._durable: dict[str, _Inode] = {}
        self._pending: list[_Rename] = []

    # The port

    def create(self, path: str) -> SimulatedFile:
        with self.stepping("create", path):
            self._refuse_taken(path)
            inode = _Inode()
            self._change(_Rename(inode, path))
            return SimulatedFile(self, inode, path, writable=True)

    def open(self, path: str, *, write: bool = False) -> SimulatedFile:
        with self.stepping("open", path):
            inode = self._inode(path)
            if write and inode.protected:
                raise PermissionError(errno.EACCES, "protected", path)
            return SimulatedFile(self, inode, path, writable=write)

    def exists(self, path: str) -> bool:
        with self.stepping("exists", path):
            return path in self._seen

    def size(self, path: str) -> int:
        with self.stepping("size", path):
            return len(self._inode(path).seen)

    def link(self, source: str, target: str) -> None:
        with self.stepping("link", target):
            inode = self._inode(source)
            self._refuse_taken(target)
            self._change(_Rename(inode, target))

    def adopt(self, source: Path, target: str) -> None:
        if not source.is_relative_to(self.root):
            raise OSError(errno.EXDEV, "another file system", str(source))
        name = source.relative_to(self.root).as_posix()
        if sum(inode is self._seen.get(name) for inode in self._seen.values()) > 1:
            raise OSError(errno.EMLINK, "has a second name already", name)
        self.link(name, target)

    def protect(self, path: str) -> None:
        with self.stepping("protect", path):
            self._inode(path).protected = True

    def replace(self, source: str, target: str) -> None:
        with self.stepping("replace", target):
            self._change(_Rename(self._inode(source), target, source))

    def remove(self, path: str) -> None:
        with self.stepping("remove", path):
            if path in self._seen:
                self._change(_Rename(None, path))

    def sync_folder(self, path: str) -> None:
        folder = path.rstrip("/") or "."
        with self.stepping("sync_folder", path):
            left = []
            for change in self._pending:
                # Forced by the folder of the target; a rename's source follows, as in a journal.
                if _folder(change.target) == folder:
                    change.apply(self._durable)
                else:
                    left.append(change)
            self._pending = left

    def list(self, prefix: str) -> Sequence[str]:
        with self.stepping("list", prefix):
            folder = prefix.rstrip("/")
            below = f"{folder}/" if folder not in ("", ".") else ""
            return sorted(path for path in self._seen if path.startswith(below))

    def free(self, folder: str = "") -> int:
        self.step("disk free (before)")
        return self.capacity - self._used()

    # The faults

    def crash(self) -> None:
        """The power goes: only what was synced is certain."""
        for change in self._pending:
            if self.random.random() < 0.5:
                change.apply(self._durable)
        self._pending.clear()
        seen_once = {id(inode): inode for inode in [*self._seen.values(), *self._durable.values()]}
        for inode in seen_once.values():
            inode.settle(self.random)
            inode.seen[:] = inode.durable
            inode.reserved = 0
        self._seen = dict(self._durable)
        self.life += 1

    def kill(self) -> None:
        """Only the process goes: the page cache stays, open files do not."""
        self.life += 1

    @contextmanager
    def stepping(self, name: str, path: str) -> Iterator[None]:
        self.step(f"disk {name} {path} (before)")
        yield
        self.step(f"disk {name} {path} (after)")

    def take(self, size: int, path: str) -> None:
        if size > 0 and self._used() + size > self.capacity:
            raise StorageFullError(f"{path}: expected room for {size} bytes, got {self.free()}")

    def _used(self) -> int:
        inodes = {id(inode): inode for inode in self._seen.values()}
        return sum(max(len(inode.seen), inode.reserved) for inode in inodes.values())

    def _inode(self, path: str) -> _Inode:
        if path not in self._seen:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        return self._seen[path]

    def _refuse_taken(self, path: str) -> None:
        if path in self._seen:
            raise FileExistsError(errno.EEXIST, "the name is taken", path)

    def _change(self, change: _Rename) -> None:
        parts = PurePosixPath(change.target).parts
        if change.target != "/".join(parts) or not parts or {"..", "/"} & set(parts):
            raise ValueError(f"path: expected one below the root, got {change.target!r}")
        change.apply(self._seen)
        self._pending.append(change)


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _write(data: bytearray, offset: int, piece: bytes) -> None:
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(piece)] = piece


def _written(offset: int, piece: bytes) -> Callable[[bytearray], None]:
    return lambda data: _write(data, offset, piece)


def _truncate(data: bytearray, size: int) -> None:
    if len(data) > size:
        del data[size:]
    else:
        data.extend(bytes(size - len(data)))
