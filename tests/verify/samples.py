"""A small log of real entries, made without clock or chance, and receipts from it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verify import checkpoint, commitments, entries, fingerprint, merkle, notes, receipt
from verify.checkpoint import Checkpoint
from verify.entries import Entry
from verify.notes import COSIGNATURE, SigningKey

LOG = SigningKey("log.example/evidence", bytes(range(0x20)))
OTHER_LOG = SigningKey("log.example/evidence", bytes(range(0x60, 0x80)))
WITNESSES = {
    name: SigningKey(f"witness.example/{name}", bytes([at]) * 32, COSIGNATURE)
    for at, name in enumerate(("court", "prosecutor", "ombudsman"), 1)
}
SOURCE = "s:" + "7" * 32
TIME = 1_700_000_000


def salts() -> Iterator[str]:
    return (f"{number:032x}" for number in range(1, 1000))


def content(size: int) -> bytes:
    """Bytes that differ from chunk to chunk."""
    return bytes((at * 31 + (at >> 20)) & 0xFF for at in range(min(size, 4096))) * (
        size // 4096 + 1
    )


def sealed_fields(data: bytes, **more: object) -> dict[str, Any]:
    tree = fingerprint.ChunkTree()
    tree.update(data)
    whole = fingerprint.fingerprint_stream(_Bytes(data))
    return {
        "item": "1" * 32, "upload": "2" * 32, "size": whole.size, "sha256": whole.sha256,
        "chunk": fingerprint.CHUNK, "root": whole.root, "mime": "video/mp4", "name": "现场.mp4",
        "device_times": [{"source": "mtime", "time": "2026-11-23T05:59:00.000Z"}],
        "objects": [{"store": "a", "key": "o/" + "3" * 32, "version": "v1"}],
        "retain_until": "2031-11-23T06:00:00.000Z", **more,
    }  # fmt: skip


def entry_of(fields: Mapping[str, object], *, seq: int = 0, prev: str = entries.NO_ENTRY,
             type_: str = "item.sealed", chain: str = SOURCE) -> tuple[Entry, dict[str, str], list[commitments.Disclosure]]:  # fmt: skip
    numbers = salts()
    made = commitments.commit_fields(fields, lambda: next(numbers))
    at = entries.format_time(1_795_413_600_000 + seq)
    return Entry(SOURCE, at, made.digest, chain, prev, seq, type_), made.body, made.disclosures


@dataclass(frozen=True)
class Made:
    """A receipt and everything it was made of."""

    entry: Entry
    body: dict[str, str]
    disclosures: list[commitments.Disclosure]
    index: int
    leaves: list[bytes]
    note: str

    def text(self, **other: Any) -> str:
        parts: dict[str, Any] = {
            "index": self.index, "hashes": merkle.inclusion(self.leaves, self.index), "note": self.note,
        }  # fmt: skip
        entry, body = other.pop("entry", self.entry), other.pop("body", self.body)
        disclosed = other.pop("disclosed", self.disclosures)
        return receipt.make_receipt(entry, body, disclosed, **(parts | other))


def make(
    fields: Mapping[str, object],
    *,
    index: int = 5,
    size: int = 11,
    key: SigningKey = LOG,
    witnesses: Sequence[str] = (),
    **more: Any,
) -> Made:
    entry, body, disclosures = entry_of(fields, **more)
    leaves = [merkle.leaf_hash(b"entry %d" % i) for i in range(size)]
    leaves[index] = entries.leaf(entry.encode())
    stated = Checkpoint("log.example/evidence", size, merkle.root(leaves))
    note = checkpoint.sign(stated, key)
    for name in witnesses:
        note = notes.add_lines(note, WITNESSES[name].sign(stated.format(), time=TIME))
    return Made(entry, body, disclosures, index, leaves, note)


class _Bytes:
    """The least of a binary file that fingerprinting reads from."""

    def __init__(self, data: bytes) -> None:
        self._rest = memoryview(data)

    def readinto(self, buffer: memoryview) -> int:
        count = min(len(buffer), len(self._rest), 100_003)  # odd pieces on purpose
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
