"""Receipts on the device: does this one prove that file, and where is it kept.

Guarantee: `proves` returns only if the log's signature, the inclusion proof and the disclosed
fingerprints fit the file's own; a receipt is durable when `keep` returns and never replaces one
that proves other bytes.
Not covered: witnesses (a receipt needs the log's signature only).

Beside the file: `<name>.tlog-proof`.  Where the medium is read-only: `<state>/receipts/
<sha256>.tlog-proof`.
"""

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from capture.pins import write_durably
from capture.source import Known
from verify.errors import DigestMismatchError, EvidenceError, VerificationError
from verify.fingerprint import CHUNK
from verify.receipt import check_receipt

SUFFIX = ".tlog-proof"
READ_ONLY = frozenset(
    {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.ENAMETOOLONG}
)


@dataclass(frozen=True, slots=True)
class Proven:
    """What a checked receipt says about the file."""

    item: str
    index: int
    marks: tuple[str, ...] = ()


def proves(text: str, known: Known, vkey: str) -> Proven:
    """Return if the receipt proves exactly this file; a named error otherwise."""
    receipt = check_receipt(text, [vkey])
    fields = receipt.disclosed
    if receipt.entry.type != "item.sealed":
        raise VerificationError(f"receipt: expected item.sealed, got {receipt.entry.type}")
    for what, expected, actual in (
        ("size", known.size, fields.get("size")),
        ("sha256", known.sha256, fields.get("sha256")),
        ("chunk", CHUNK, fields.get("chunk")),
        ("root", known.root, fields.get("root")),
    ):
        if expected != actual:
            raise DigestMismatchError(f"receipt {what}", expected=str(expected), actual=str(actual))
    return Proven(str(fields["item"]), receipt.index, tuple(fields.get("marks", ())))


class Receipts:
    """Where the receipts of this device's files are."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "receipts"

    def _places(self, file: Path, known: Known) -> Iterator[Path]:
        yield file.with_name(file.name + SUFFIX)
        yield file.with_name(f"{file.name}.{known.sha256[:8]}{SUFFIX}")
        yield self._folder / f"{known.sha256}{SUFFIX}"

    def find(self, file: Path, known: Known, vkey: str) -> tuple[Path, Proven] | None:
        """A kept receipt that proves this file under this key; others are passed over."""
        for place in self._places(file, known):
            try:
                return place, proves(place.read_text("utf-8"), known, vkey)
            except (OSError, UnicodeDecodeError, EvidenceError):
                continue  # none there, or it proves something else: ask the server
        return None

    def keep(self, file: Path, known: Known, text: str) -> Path:
        """Write the receipt beside the file, or where there is room for it."""
        beside, other, own = self._places(file, known)
        for place in (beside, other):
            try:
                if place == beside and place.exists() and place.read_text("utf-8") != text:
                    continue  # a receipt of other bytes, or over another checkpoint: leave it
                write_durably(place, text.encode(), 0o644)
            except (OSError, UnicodeDecodeError) as exc:
                if isinstance(exc, OSError) and exc.errno not in READ_ONLY:
                    raise
                continue
            return place
        own.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(own, text.encode(), 0o644)
        return own
