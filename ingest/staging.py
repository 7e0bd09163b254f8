"""Staging: the bytes of running uploads on the server's own disk, with their fingerprints.

Per upload two files: `<upload>.part`, the bytes, and `<upload>.tree`, the 32-byte leaf hashes of
its whole 1 MiB chunks (and of the last, shorter one once the upload is complete).

Guarantee: when `Part.settle` returns, every byte appended so far and the hashes of every whole
chunk are durable.  `Staging.resume` cuts both files back to an offset that was committed, so bytes
that were never acknowledged are never built upon, and hashes the begun chunk again from the disk:
a running hash dies with its process, chunk hashes do not.
Not covered: which offset was committed (the `transfer` row says), and one writer at a time
(`ingest.receive` sees to it).  Everything here blocks; the caller runs it in a thread.

Format: docs/formats/storage.md, version 1 (`.tree`).
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from storage.disk import Buffer, Disk, File
from storage.objects.content import DiskContent
from storage.threads import Threads
from verify import merkle
from verify.errors import NotFoundError, VerificationError
from verify.fingerprint import CHUNK, HASH, ChunkTree, chunk_count, split_tree

_STEP = 4 * CHUNK  # how much is read at once when bytes are hashed again


@dataclass(frozen=True, slots=True)
class Held:
    """What lies in staging for one upload, as measured."""

    size: int
    tree: bytes  # the concatenated chunk hashes

    @property
    def root(self) -> str:
        return merkle.root(split_tree(self.tree)).hex()


class Part:
    """The open end of one upload: append, settle, close.  Used by one thread at a time."""

    def __init__(self, data: File, tree: File, offset: int) -> None:
        self._data, self._tree = data, tree
        whole = offset // CHUNK
        self._chunks = ChunkTree(_read(tree, 0, whole * HASH))
        self._chunks.update(_read(data, whole * CHUNK, offset % CHUNK))
        self._noted = whole * HASH  # bytes of the tree file that are right

    @property
    def offset(self) -> int:
        """Where the next byte goes."""
        return self._chunks.size

    def append(self, pieces: Sequence[Buffer]) -> None:
        """Write and hash; StorageFullError leaves `offset` where it was."""
        self._data.write_at(self.offset, pieces)
        for piece in pieces:
            self._chunks.update(piece)

    def settle(self) -> int:
        """Make everything appended durable; the offset that may now be committed."""
        self._data.sync()
        self._note(self._chunks.full)
        return self.offset

    def complete(self) -> None:
        """No more bytes will come: the last, shorter chunk gets its hash too."""
        self._note(self._chunks.tree())

    def _note(self, tree: bytes) -> None:
        if len(tree) > self._noted:
            self._tree.write_at(self._noted, [tree[self._noted :]])
            self._tree.sync()
            self._noted = len(tree)

    def cut(self, offset: int) -> None:
        """Forget everything behind `offset`, and close."""
        try:
            self._data.truncate(offset)
            self._data.sync()
        finally:
            self.close()

    def close(self) -> None:
        self._data.close()
        self._tree.close()


class Staging:
    """The folder `folder` of a disk.  `root` is the disk's real folder, where it has one."""

    def __init__(self, disk: Disk, *, folder: str = "staging", root: Path | None = None) -> None:
        self._disk, self._folder, self._root = disk, folder, root

    def create(self, upload: str) -> None:
        """Two empty files whose names are durable; no error if they are there already."""
        for path in (self.data_path(upload), self._tree_path(upload)):
            with suppress(FileExistsError):
                self._disk.create(path).close()
        self._disk.sync_folder(self._folder)

    def resume(self, upload: str, offset: int) -> Part:
        """The upload's end at `offset`, everything behind it forgotten."""
        if offset == 0:
            self.create(upload)
        try:
            data = self._disk.open(self.data_path(upload), write=True)
        except FileNotFoundError as exc:
            raise NotFoundError(
                f"staging of upload {upload}: expected its bytes, got none"
            ) from exc
        try:
            tree = self._disk.open(self._tree_path(upload), write=True)
            try:
                self._cut(upload, data, tree, offset)
                return Part(data, tree, offset)
            except BaseException:
                tree.close()
                raise
        except BaseException:
            data.close()
            raise

    def _cut(self, upload: str, data: File, tree: File, offset: int) -> None:
        if (held := data.size()) < offset:
            raise VerificationError(
                f"staging of upload {upload}: expected at least {offset} committed bytes, got {held}"
            )
        if held > offset:
            data.truncate(offset)
        whole = offset // CHUNK * HASH
        if tree.size() < whole:
            raise VerificationError(
                f"staging of upload {upload}: expected {whole} bytes of chunk hashes, got {tree.size()}"
            )
        if tree.size() > whole:
            tree.truncate(whole)

    def held(self, upload: str) -> Held:
        """The size and the leaf hashes of a complete upload, as they were taken while it came."""
        try:
            size = self._disk.size(self.data_path(upload))
            tree = self._disk.open(self._tree_path(upload))
        except FileNotFoundError as exc:
            raise NotFoundError(
                f"staging of upload {upload}: expected its bytes, got none"
            ) from exc
        try:
            packed = tree.read_at(0, tree.size())
        finally:
            tree.close()
        if len(packed) != chunk_count(size) * HASH:
            raise VerificationError(
                f"staging of upload {upload}: expected one hash per chunk of {size} bytes, "
                f"got {len(packed)} bytes of them"
            )
        return Held(size, packed)

    def measure(self, upload: str) -> Held | None:
        """What the disk really holds, every byte hashed again; None where nothing is left.

        For uploads whose offset is not known any more (database rebuilt or recovered).
        """
        try:
            data = self._disk.open(self.data_path(upload))
        except FileNotFoundError:
            return None
        try:
            chunks = ChunkTree()
            while step := data.read_at(chunks.size, _STEP):
                chunks.update(step)
            return Held(chunks.size, chunks.tree())
        finally:
            data.close()

    def adopt(self, upload: str, held: Held) -> None:
        """Write the tree file again from a measurement, and make both files durable."""
        with suppress(FileExistsError):
            self._disk.create(self._tree_path(upload)).close()
        # The bytes are opened for reading: a store may have linked and locked them already.
        for path, tree in ((self.data_path(upload), None), (self._tree_path(upload), held.tree)):
            file = self._disk.open(path, write=tree is not None)
            try:
                if tree is not None:
                    file.truncate(0)
                    file.write_at(0, [tree])
                file.sync()
            finally:
                file.close()
        self._disk.sync_folder(self._folder)

    def content(self, upload: str, size: int, threads: Threads) -> DiskContent:
        """The bytes of a complete upload, for a store to take."""
        path = None if self._root is None else self._root / self.data_path(upload)
        return DiskContent(self._disk, self.data_path(upload), size, path=path, threads=threads)

    def free_files(self, upload: str) -> None:
        """Forget the upload's bytes.  Only after an act says that they are stored or unwanted."""
        self._disk.remove(self.data_path(upload))
        self._disk.remove(self._tree_path(upload))
        self._disk.sync_folder(self._folder)

    def uploads(self) -> dict[str, int]:
        """Every upload that has bytes here, with how many."""
        found = {}
        for path in self._disk.list(self._folder):
            name = path.rpartition("/")[2]
            if name.endswith(".part"):
                with suppress(FileNotFoundError):
                    found[name.removesuffix(".part")] = self._disk.size(path)
        return found

    def room(self) -> int:
        """Bytes that can still be written."""
        return self._disk.free(self._folder)

    def data_path(self, upload: str) -> str:
        return f"{self._folder}/{upload}.part"

    def _tree_path(self, upload: str) -> str:
        return f"{self._folder}/{upload}.tree"


def _read(file: File, offset: int, size: int) -> bytes:
    found = file.read_at(offset, size) if size else b""
    if len(found) != size:
        raise VerificationError(f"staging: expected {size} bytes at {offset}, got {len(found)}")
    return found
