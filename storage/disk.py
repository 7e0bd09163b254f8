"""The disk: every file operation whose durability the evidence depends on.

The receiving half, the directory store and the signer write through this port only, so that the
simulation (`tests/simulation`) can lose or reorder what was not synced and stop at every step.

Guarantee of an implementation: what `File.sync` was called on is durable when it returns; a new,
linked, renamed or removed NAME is durable only after `sync_folder` of its folder.
Not covered: a disk that lies about flushes.

All calls block: the caller runs them in a thread.  Paths are POSIX strings relative to one root.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

Buffer = bytes | bytearray | memoryview


class File(Protocol):
    """An open file.  Not shared between threads at the same time."""

    def write_at(self, offset: int, buffers: Sequence[Buffer]) -> None:
        """Write all buffers one after another from `offset`; StorageFullError when full."""

    def read_at(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset`; fewer only at the end of the file."""

    def size(self) -> int: ...

    def truncate(self, size: int) -> None: ...

    def reserve(self, size: int) -> None:
        """Take room for `size` bytes without changing the size; StorageFullError if there is none."""

    def sync(self) -> None:
        """Make the bytes and the size durable (fdatasync).  After a failure nothing is known about
        the bytes since the last good sync, and no later sync of this file succeeds."""

    def close(self) -> None: ...


class Disk(Protocol):
    """Files below one root."""

    def create(self, path: str) -> File:
        """A new empty file (parents are made); FileExistsError if the name is taken."""

    def open(self, path: str, *, write: bool = False) -> File:
        """An existing file; FileNotFoundError if there is none."""

    def exists(self, path: str) -> bool: ...

    def size(self, path: str) -> int:
        """FileNotFoundError if there is none."""

    def link(self, source: str, target: str) -> None:
        """A second name for the same bytes (parents are made); never replaces: FileExistsError."""

    def adopt(self, source: Path, target: str) -> None:
        """Like `link`, from a real file that may lie outside the root; OSError where that cannot
        be (another file system) or may not be (the file has a second name already: two stores
        that keep one copy between them would be no two copies).  The caller copies instead."""

    def protect(self, path: str) -> None:
        """Take away the right to write (where the disk knows rights); never given back."""

    def replace(self, source: str, target: str) -> None:
        """Rename, atomically replacing what `target` names."""

    def remove(self, path: str) -> None:
        """Forget a name; no error if there is none."""

    def sync_folder(self, path: str) -> None:
        """Make the names in the folder `path` durable."""

    def list(self, prefix: str) -> Sequence[str]:
        """The paths of all files below the folder `prefix`, sorted; empty if there is none."""

    def free(self, folder: str = "") -> int:
        """Bytes that can still be written below `folder`, which may be a file system of its own."""
