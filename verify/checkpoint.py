"""Checkpoints (C2SP tlog-checkpoint): how large a log is and what its root is.

Guarantee: `parse` accepts one form only; `check_checkpoint` returns only what the log's own key, named
like its origin, has signed.
Not covered: that everybody is shown the same checkpoint (witnesses), and when it was made.

Format: docs/formats/log.md, version 1, section "Checkpoints".
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from verify import merkle, notes
from verify.errors import MalformedError, UntrustedError

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class Checkpoint(NamedTuple):
    """Origin, size and root of a log."""

    origin: str
    size: int
    root: bytes

    def format(self) -> str:
        """The three lines that are signed."""
        text = f"{self.origin}\n{self.size}\n{notes.encode_base64(self.root)}\n"
        if parse(text) != self:
            raise MalformedError("checkpoint: expected origin, size and root, got otherwise")
        return text


def parse(text: str) -> Checkpoint:
    """The checkpoint of a note's text; MalformedError for anything else, further lines included."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise MalformedError(f"checkpoint: expected 3 lines, got {len(lines) - 1}")
    origin, size_text, root_text, _ = lines
    notes.check_key_name(origin)
    if _SIZE.fullmatch(size_text) is None or int(size_text) > merkle.LARGEST:
        raise MalformedError(f"checkpoint size: expected a decimal number, got {size_text!r:.40}")
    size = int(size_text)
    root = notes.decode_base64(root_text, "checkpoint root")
    if len(root) != 32:
        raise MalformedError(f"checkpoint root: expected 32 bytes, got {len(root)}")
    if size == 0 and root != merkle.EMPTY_ROOT:
        raise MalformedError("checkpoint: expected the empty tree's root at size 0, got another")
    return Checkpoint(origin, size, root)


def sign(checkpoint: Checkpoint, key: notes.SigningKey) -> str:
    """The checkpoint as a note signed by the log's key."""
    return notes.sign_note(checkpoint.format(), key)


def check_checkpoint(
    note: str, logs: Iterable[notes.VerifierKey], witnesses: Iterable[notes.VerifierKey] = ()
) -> tuple[Checkpoint, notes.VerifierKey, tuple[notes.Verified, ...]]:
    """The checkpoint, the log key that signed it, and the witnesses that did.

    A log's key counts only for the origin that bears its name: else one trusted log could speak for
    another.  UntrustedError if no such key signed, SignatureError if a known key's line does not fit.
    """
    log_keys = [key for key in logs if key.kind == notes.ED25519]
    witness_keys = [key for key in witnesses if key.kind == notes.COSIGNATURE]
    opened = notes.open_note(note, [*log_keys, *witness_keys])
    checkpoint = parse(opened.text)
    signers = [
        s.key for s in opened.verified if s.key in log_keys and s.key.name == checkpoint.origin
    ]
    if not signers:
        raise UntrustedError(
            f"checkpoint of {checkpoint.origin}: expected a signature by a trusted key of that name, got none"
        )
    return checkpoint, signers[0], tuple(s for s in opened.verified if s.key in witness_keys)
