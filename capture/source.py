"""A file on a device, read and never touched: fingerprints, pieces, and what it is called.

Guarantee: the file is opened for reading only, without updating its access time where the system
allows that; nothing about it is changed, locked or removed.  Every byte that is handed on was
compared with the first reading, chunk by chunk, so what is sent is what was announced.
Not covered: a medium that returns the same wrong bytes every time.

Format of the fingerprints: docs/formats/fingerprints.md, version 1.
"""

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from capture.errors import ChangedError
from verify.errors import MalformedError, NotFoundError, UnavailableError
from verify.fingerprint import CHUNK
from verify.merkle import leaf_hash, root


@dataclass(frozen=True, slots=True)
class Known:
    """What one full reading found: what is announced, and what later readings must equal."""

    size: int
    mtime_ns: int
    sha256: str
    root: str
    leaves: tuple[bytes, ...]


def _open_read_only(path: Path) -> int:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # only the owner may ask for O_NOATIME
        return os.open(path, flags)


class SourceFile:
    """One open file.  Its methods block: call them in a thread, one at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._fd = _open_read_only(path)
        except FileNotFoundError as exc:
            raise NotFoundError(f"{shown(path)}: expected a file, got nothing") from exc
        except OSError as exc:
            raise UnavailableError(f"{shown(path)}: {exc.strerror}") from exc
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            os.close(self._fd)
            raise MalformedError(f"{shown(path)}: expected a regular file, got something else")

    def close(self) -> None:
        os.close(self._fd)

    def facts(self) -> tuple[int, int]:
        """Size and modification time as the system reports them now."""
        now = os.fstat(self._fd)
        return now.st_size, now.st_mtime_ns

    def read(self, start: int, size: int) -> bytes:
        """Exactly these bytes; ChangedError if the file has become shorter."""
        parts: list[bytes] = []
        while size:
            try:
                part = os.pread(self._fd, size, start)
            except OSError as exc:
                raise UnavailableError(f"{shown(self.path)}: {exc.strerror}") from exc
            if not part:
                raise ChangedError(f"{shown(self.path)}: expected {size} more bytes, got the end")
            parts.append(part)
            start, size = start + len(part), size - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def fingerprint(self, progress: Callable[[int], None] = lambda done: None) -> Known:
        """Read everything once; ChangedError if the file was changed meanwhile."""
        size, mtime_ns = self.facts()
        whole, leaves, at = hashlib.sha256(), [], 0
        while at < size:
            chunk = self.read(at, min(CHUNK, size - at))
            whole.update(chunk)
            leaves.append(leaf_hash(chunk))
            at += len(chunk)
            progress(at)
        known = Known(size, mtime_ns, whole.hexdigest(), root(leaves).hex(), tuple(leaves))
        self.check_unchanged(known)
        return known

    def check_unchanged(self, known: Known) -> None:
        """ChangedError unless size and modification time are still those of the first reading."""
        size, mtime_ns = self.facts()
        if size != known.size:
            raise ChangedError(f"{shown(self.path)}: expected {known.size} bytes, got {size}")
        if mtime_ns != known.mtime_ns:
            raise ChangedError(
                f"{shown(self.path)}: expected modification time {known.mtime_ns}, got {mtime_ns}"
            )

    def digest(self, start: int, end: int, known: Known) -> bytes:
        """SHA-256 of the piece, every whole chunk of it compared with the first reading."""
        self.check_unchanged(known)
        piece = hashlib.sha256()
        for number in range(start // CHUNK, -(-end // CHUNK)):
            first, last = number * CHUNK, min((number + 1) * CHUNK, known.size)
            chunk = self.read(first, last - first)
            if leaf_hash(chunk) != known.leaves[number]:
                raise ChangedError(
                    f"{shown(self.path)}: expected the bytes {first} to {last} of the first reading, "
                    "got others"
                )
            piece.update(memoryview(chunk)[max(start - first, 0) : min(end, last) - first])
        return piece.digest()


def raw_name(path: Path) -> bytes:
    """The file's name as the bytes that the medium holds, whatever their encoding."""
    return os.fsencode(path.name)


def shown(path: Path | str) -> str:
    """A path for people: bytes that are no UTF-8, control and bidi characters are escaped."""
    out: list[str] = []
    for char in str(path):
        if 0xDC80 <= ord(char) <= 0xDCFF:
            out.append(f"\\x{ord(char) - 0xDC00:02x}")
        elif char.isprintable() or char == "\u3000":
            out.append(char)
        else:
            out.append(char.encode("unicode_escape").decode("ascii"))
    return "".join(out)
