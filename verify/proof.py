"""Proof files (C2SP tlog-proof): one entry's place in a log, in one text file.

Guarantee: `parse` accepts one form only.
Not covered: whether the proof holds; `extra` is not authenticated by anything here.

Format: docs/formats/log.md, version 1, section "Proof files".
"""

import re
from dataclasses import dataclass

from verify import merkle, notes
from verify.errors import MalformedError

HEADER = "c2sp.org/tlog-proof@v1"
MOST_HASHES = 63  # a tree of fewer than 2^63 leaves is no higher
LONGEST = 8 * 1024 * 1024  # characters; an entry is 64 KiB, its disclosures can be larger
_INDEX = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof file says."""

    index: int
    hashes: tuple[bytes, ...]
    note: str
    extra: bytes | None = None

    def format(self) -> str:
        """The file's text."""
        extra = [] if self.extra is None else [f"extra {notes.encode_base64(self.extra)}"]
        hashes = [notes.encode_base64(h) for h in self.hashes]
        return "\n".join([HEADER, *extra, f"index {self.index}", *hashes, "", self.note])


def parse(text: str) -> Proof:
    """The proof of a file's text; MalformedError for anything else."""
    if len(text) > LONGEST:
        raise MalformedError(f"proof: expected at most {LONGEST} characters, got {len(text)}")
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != HEADER:
        raise MalformedError(f"proof: expected first the line {HEADER}, got {lines[0]!r:.80}")
    if not blank:
        raise MalformedError("proof: expected a blank line before the checkpoint, got none")
    rest = lines[1:]
    extra = None
    if rest and rest[0].startswith("extra "):
        extra = notes.decode_base64(rest.pop(0).removeprefix("extra "), "proof extra")
        if not extra:
            raise MalformedError("proof extra: expected bytes or no such line, got none")
    index_text = rest.pop(0).removeprefix("index ") if rest and rest[0].startswith("index ") else ""
    if _INDEX.fullmatch(index_text) is None or int(index_text) >= merkle.LARGEST:
        raise MalformedError(f"proof: expected a line «index n», got {index_text!r:.40}")
    if len(rest) > MOST_HASHES:
        raise MalformedError(f"proof: expected at most {MOST_HASHES} hashes, got {len(rest)}")
    hashes = tuple(notes.decode_base64(line, "proof hash") for line in rest)
    if any(len(h) != 32 for h in hashes):
        raise MalformedError("proof hash: expected 32 bytes, got another length")
    notes.split_note(note)
    return Proof(int(index_text), hashes, note, extra)
