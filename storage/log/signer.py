"""The log's signer: one key, and a memory of the newest tree that it signed.

Guarantee: no two signatures of this key and memory speak of trees of which one does not extend
the other.  The memory is durable before a signature is handed out.
Not covered: a copy of the key used elsewhere; witnesses are for that.

The key file holds the log's origin too, which is thereby fixed at the first start.
Format: docs/formats/publication.md, version 1.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from storage.disk import Disk
from storage.errors import ForkError
from verify import canonical, checkpoint, merkle, notes
from verify.checkpoint import Checkpoint
from verify.errors import ConflictError, MalformedError, UnavailableError, VerificationError

KEY_FILE = "keys/log.key"
MEMORY_FILE = "signer.json"
_PREFIX = "PRIVATE+KEY+"

WARNING = (
    "A new log key was made in {path}.  Keep a copy of this file offline, readable by nobody else. "
    "Whoever has it can sign a false history; if it is lost, this log can never be continued: "
    "`liuhen log succeed` would have to begin a new one, and every device to pin its new key."
)


@dataclass(frozen=True, slots=True)
class Memory:
    """The newest tree that was signed."""

    size: int
    root: bytes


NOTHING = Memory(0, merkle.EMPTY_ROOT)


def default_origin(public_key: bytes) -> str:
    """`liuhen.local/` and the first 16 hex digits of the key's SHA-256."""
    return f"liuhen.local/{hashlib.sha256(public_key).hexdigest()[:16]}"


def open_key(
    disk: Disk,
    *,
    path: str = KEY_FILE,
    origin: str | None = None,
    warn: Callable[[str], None],
    seeds: Callable[[], bytes] = lambda: secrets.token_bytes(32),
) -> notes.SigningKey:
    """The log's key; made, with a warning what its loss costs, where there is none yet.

    `origin` is the setting; MalformedError if it is not the one fixed at the first start.
    """
    if disk.exists(path):
        key = _parse_key(path, _read(disk, path))
        if origin is not None and origin != key.name:
            raise MalformedError(
                f"log origin: expected {key.name}, fixed at the first start, got {origin}"
            )
        return key
    seed = seeds()
    name = origin or default_origin(notes.SigningKey("key", seed).verifier.public)
    key = notes.SigningKey(name, seed)
    _write(disk, path, _format_key(key))
    warn(WARNING.format(path=path))
    return key


def _format_key(key: notes.SigningKey) -> bytes:
    secret = notes.encode_base64(bytes([notes.ED25519]) + key.seed)
    return f"{_PREFIX}{key.name}+{key.verifier.key_id.hex()}+{secret}\n".encode()


def _parse_key(path: str, data: bytes) -> notes.SigningKey:
    """Messages name the file, never what is in it."""
    try:
        text = data.decode("ascii").removesuffix("\n")
        name, key_id, encoded = text.removeprefix(_PREFIX).split("+", 2)
        secret = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise MalformedError(f"{path}: expected a private key line, got something else") from None
    if not text.startswith(_PREFIX) or len(secret) != 33 or secret[0] != notes.ED25519:
        raise MalformedError(f"{path}: expected an Ed25519 private key line, got something else")
    key = notes.SigningKey(name, secret[1:])
    if key.verifier.key_id.hex() != key_id:
        raise MalformedError(f"{path}: expected key id {key.verifier.key_id.hex()}, got {key_id}")
    return key


class Signer:
    """Signs checkpoints of one log.  Blocking: the caller runs it in a thread, one call at a time."""

    def __init__(self, key: notes.SigningKey, disk: Disk, memory_path: str = MEMORY_FILE) -> None:
        self.key = key
        self._disk = disk
        self._path = memory_path
        self._memory = self._load()

    @property
    def origin(self) -> str:
        return self.key.name

    @property
    def memory(self) -> Memory | None:
        """The newest tree that was signed; None if the memory is lost or there never was one."""
        return self._memory

    def reload(self) -> Memory | None:
        """The memory as the disk has it now (another process may have signed meanwhile)."""
        self._memory = self._load()
        return self._memory

    def read_checkpoint(self, note: str) -> Checkpoint:
        """The checkpoint of a note that this key signed; UntrustedError or SignatureError."""
        return checkpoint.check_checkpoint(note, [self.key.verifier])[0]

    def sign(self, old_size: int, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> str:
        """The signed checkpoint of the new tree; ForkError unless it extends the remembered one."""
        memory = self._memory or NOTHING
        if old_size != memory.size:
            raise ForkError(f"signer: expected old size {memory.size}, got {old_size}")
        if new_size < memory.size:
            raise ForkError(f"signer: expected size {memory.size} or more, got {new_size}")
        try:
            merkle.check_consistency(old_size, new_size, memory.root, new_root, proof)
        except (VerificationError, MalformedError) as exc:
            raise ForkError(
                f"signer: expected a tree that extends size {old_size}, got {exc}"
            ) from exc
        self._remember(Memory(new_size, new_root))
        return checkpoint.sign(Checkpoint(self.origin, new_size, new_root), self.key)

    def adopt(self, note: str) -> None:
        """Set a lost (or older) memory from a published checkpoint of this key; never back."""
        found = self.read_checkpoint(note)
        memory = self._memory
        if memory is not None and memory.size > found.size:
            raise ConflictError(
                f"signer memory: expected at most size {found.size}, got {memory.size}"
            )
        if memory is not None and memory.size == found.size and memory.root != found.root:
            raise ForkError(
                f"signer memory at size {found.size}: expected root {memory.root.hex()}, "
                f"got {found.root.hex()}"
            )
        self._remember(Memory(found.size, found.root))

    def _load(self) -> Memory | None:
        if not self._disk.exists(self._path):
            return None
        try:
            value = canonical.decode(_read(self._disk, self._path))
            size, root = value["size"], value["root"]
            good = sorted(value) == ["root", "size"] and isinstance(size, int) and len(root) == 64
            memory = Memory(size, bytes.fromhex(root))
        except (MalformedError, KeyError, TypeError, ValueError):
            good = False
        if not good:
            raise MalformedError(
                f"{self._path}: expected the signer's memory, got something else; move the file "
                "away, and the start sets it from the published checkpoint"
            )
        return memory

    def _remember(self, memory: Memory) -> None:
        if memory == self._memory:
            return
        data = canonical.encode({"root": memory.root.hex(), "size": memory.size})
        try:
            _write(self._disk, self._path, data)
        except OSError as exc:
            raise UnavailableError(f"{self._path}: expected to be written, got {exc}") from exc
        self._memory = memory


def _read(disk: Disk, path: str) -> bytes:
    file = disk.open(path)
    try:
        return file.read_at(0, file.size())
    finally:
        file.close()


def _write(disk: Disk, path: str, data: bytes) -> None:
    """Replace the file, durable when it returns: after a crash it holds the old or the new bytes."""
    fresh = f"{path}.new"
    disk.remove(fresh)
    file = disk.create(fresh)
    try:
        file.write_at(0, [data])
        file.sync()
    finally:
        file.close()
    disk.replace(fresh, path)
    disk.sync_folder(path.rpartition("/")[0])
