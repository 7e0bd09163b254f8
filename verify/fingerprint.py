"""Fingerprints of a recording: SHA-256 of the whole, and a Merkle root over chunks of 1 MiB.

Guarantee: equal size and root mean equal bytes; with the chunk hashes at hand a change is found to the
chunk.  Bytes are taken as they come; memory is one hash per chunk (32 KiB per GiB).
Not covered: what the bytes show.  Nothing is parsed.

Format: docs/formats/fingerprints.md, version 1.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from verify import merkle
from verify.errors import DigestMismatchError, MalformedError, VerificationError

CHUNK = 1 << 20
HASH = 32
_READ = 1 << 20


class ChunkTree:
    """Hashes a recording chunk by chunk while its bytes stream in, in pieces of any size.

    A chunk's hash is the RFC 6962 leaf hash of its bytes.  With `leaves` (the concatenated hashes of
    whole chunks) it goes on where another left off, at byte `len(leaves) / 32 * CHUNK`.
    """

    __slots__ = ("_full", "_hasher", "_held")

    def __init__(self, leaves: bytes = b"") -> None:
        if len(leaves) % HASH:
            raise MalformedError(
                f"chunk hashes: expected a multiple of {HASH} bytes, got {len(leaves)}"
            )
        self._full = bytearray(leaves)
        self._hasher = hashlib.sha256(b"\0")
        self._held = 0  # bytes of the chunk that is not full yet

    @property
    def size(self) -> int:
        """How many bytes it has seen."""
        return len(self._full) // HASH * CHUNK + self._held

    @property
    def full(self) -> bytes:
        """The concatenated hashes of the chunks that are whole; what a later run can go on from."""
        return bytes(self._full)

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes."""
        view = memoryview(data)
        while view:
            piece = view[: CHUNK - self._held]
            self._hasher.update(piece)
            self._held += len(piece)
            view = view[len(piece) :]
            if self._held == CHUNK:
                self._full += self._hasher.digest()
                self._hasher = hashlib.sha256(b"\0")
                self._held = 0

    def tree(self) -> bytes:
        """The concatenated hashes of all chunks so far, a last shorter one included: the sidecar."""
        last = self._hasher.copy().digest() if self._held else b""
        return bytes(self._full) + last

    def leaves(self) -> list[bytes]:
        """The hashes of all chunks so far."""
        return split_tree(self.tree())

    def root(self) -> bytes:
        """The root over all chunks so far."""
        return merkle.root(self.leaves())


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`sha256` and `root` in hex; `tree` is the sidecar of chunk hashes."""

    size: int
    sha256: str
    root: str
    tree: bytes = field(default=b"", repr=False, compare=False)


def fingerprint_stream(
    stream: BinaryIO, progress: Callable[[int], None] | None = None
) -> Fingerprint:
    """The fingerprint of what is left in `stream`; `progress` gets the bytes read so far."""
    chunks, whole = ChunkTree(), hashlib.sha256()
    buffer = memoryview(bytearray(_READ))
    while count := stream.readinto(buffer):  # type: ignore[attr-defined]  # all binary files have it
        whole.update(buffer[:count])
        chunks.update(buffer[:count])
        if progress is not None:
            progress(chunks.size)
    return Fingerprint(chunks.size, whole.hexdigest(), chunks.root().hex(), chunks.tree())


def fingerprint_file(
    path: Path | str, progress: Callable[[int], None] | None = None
) -> Fingerprint:
    """The fingerprint of a file, read once from begin to end."""
    with open(path, "rb", buffering=0) as stream:
        return fingerprint_stream(stream, progress)


def split_tree(tree: bytes) -> list[bytes]:
    """The chunk hashes of a sidecar; MalformedError if it is none."""
    if len(tree) % HASH:
        raise MalformedError(f"chunk hashes: expected a multiple of {HASH} bytes, got {len(tree)}")
    return [tree[i : i + HASH] for i in range(0, len(tree), HASH)]


def chunk_count(size: int) -> int:
    """How many chunks a recording of `size` bytes has."""
    return -(-size // CHUNK)


def check_tree(tree: bytes, *, size: int, root: str) -> None:
    """Raise VerificationError unless the sidecar is that of a recording with this size and root."""
    leaves = split_tree(tree)
    if len(leaves) != chunk_count(size):
        raise VerificationError(f"chunk hashes: expected {chunk_count(size)}, got {len(leaves)}")
    found = merkle.root(leaves).hex()
    if found != root:
        raise DigestMismatchError("chunk hashes", expected=root, actual=found)


def first_difference(expected: bytes, actual: bytes) -> int | None:
    """The first chunk where two sidecars differ, or None."""
    pairs = zip(split_tree(expected), split_tree(actual), strict=False)
    differs = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
    if differs is None and len(expected) != len(actual):
        return min(len(expected), len(actual)) // HASH
    return differs
