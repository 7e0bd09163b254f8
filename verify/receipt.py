"""Receipts: the answer to "is my recording safe?", as one file that proves itself.

Guarantee: if `check_receipt` returns, a trusted log key has signed a tree that holds this entry at this
index, the entry has every name its type requires, and each disclosed value is the one committed to.
Not covered: that a file is the recording (`verify.fingerprint`), witnesses (`verify.policy`), whether
what a device said of itself is true, and that everybody is shown the same log.

Format: docs/formats/receipts.md, version 1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verify import canonical, commitments, entries, merkle, proof, schema
from verify.checkpoint import Checkpoint, check_checkpoint
from verify.commitments import Disclosure
from verify.entries import Entry
from verify.errors import IncompleteError, MalformedError
from verify.notes import Verified, VerifierKey

VERSION = 1
HIDDEN = frozenset({"objects"})
"""Names that a receipt never discloses: where copies lie is nobody's business outside."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A receipt that was read, and of which nothing was checked."""

    entry: Entry
    body: Mapping[str, str]
    disclosed: tuple[Disclosure, ...]
    proof: proof.Proof


@dataclass(frozen=True, slots=True)
class Receipt:
    """The facts of a checked receipt.  `disclosed` holds the values shown, by name."""

    entry: Entry
    leaf: bytes
    index: int
    checkpoint: Checkpoint
    key: VerifierKey
    witnesses: tuple[Verified, ...]
    disclosed: Mapping[str, Any]
    withheld: tuple[str, ...]

    @property
    def tree_size(self) -> int:
        """The size of the signed tree."""
        return self.checkpoint.size

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.checkpoint.origin

    @property
    def vkey(self) -> str:
        """The trusted key that signed."""
        return self.key.format()

    @property
    def at(self) -> str:
        """When the server recorded the entry, by its own clock."""
        return self.entry.at

    @property
    def item(self) -> str:
        """The item's id."""
        return str(self.need("item"))

    @property
    def size(self) -> int:
        """The recording's size in bytes."""
        return int(self.need("size"))

    @property
    def sha256(self) -> str:
        """The recording's SHA-256, in hex."""
        return str(self.need("sha256"))

    @property
    def root(self) -> str:
        """The root over the recording's chunks, in hex."""
        return str(self.need("root"))

    @property
    def name(self) -> str | None:
        """The name as the device gave it, where it is disclosed."""
        return self.disclosed.get("name")

    def need(self, name: str) -> Any:
        """A disclosed value; IncompleteError if it is withheld."""
        if name not in self.disclosed:
            raise IncompleteError(f"receipt: expected {name} to be disclosed, got it withheld")
        return self.disclosed[name]


def make_receipt(
    entry: Entry,
    body: Mapping[str, str],
    disclosed: Iterable[Disclosure],
    *,
    index: int,
    hashes: Sequence[bytes],
    note: str,
) -> str:
    """The receipt's text.  `objects` is left out of what is disclosed."""
    shown = sorted(([*d] for d in disclosed if d[1] not in HIDDEN), key=lambda d: d[1])
    value = {"v": VERSION, "entry": _members(entry), "body": dict(body), "disclosed": shown}
    return proof.Proof(index, tuple(hashes), note, canonical.encode(value)).format()


def parse_receipt(text: str) -> Parsed:
    """What a receipt says; MalformedError if it is none.  Nothing is checked yet."""
    parsed = proof.parse(text)
    if parsed.extra is None:
        raise MalformedError("receipt: expected an extra line with the entry, got none")
    value = canonical.decode(parsed.extra)
    if not isinstance(value, dict) or sorted(value) != ["body", "disclosed", "entry", "v"]:
        raise MalformedError("receipt: expected body, disclosed, entry and v, got other members")
    if value["v"] != VERSION or value["v"] is True:
        raise MalformedError(f"receipt: expected version {VERSION}, got {value['v']!r:.40}")
    entry = entries.decode_entry(canonical.encode(value["entry"]))
    body, disclosed = value["body"], value["disclosed"]
    if not isinstance(body, dict) or not isinstance(disclosed, list):
        raise MalformedError(
            "receipt: expected body to be an object and disclosed a list, got otherwise"
        )
    for triple in disclosed:
        if not (isinstance(triple, list) and len(triple) == 3 and isinstance(triple[1], str)):
            raise MalformedError("receipt: expected disclosures [salt, name, value], got otherwise")
        if triple[1] in HIDDEN:
            raise MalformedError(f"receipt: expected {triple[1]} to be withheld, got it disclosed")
    triples = tuple((salt, name, shown) for salt, name, shown in disclosed)
    return Parsed(entry, body, triples, parsed)


def check_receipt(
    text: str,
    trusted: Iterable[VerifierKey | str],
    *,
    witnesses: Iterable[VerifierKey] = (),
) -> Receipt:
    """The facts of a receipt, proved under a trusted log key (vkeys).

    UntrustedError if none of them signed; VerificationError if something does not fit;
    MalformedError if it is no receipt.
    """
    keys = [VerifierKey.parse(key) if isinstance(key, str) else key for key in trusted]
    parsed = parse_receipt(text)
    disclosed = check_entry(parsed)
    leaf = entries.leaf(parsed.entry.encode())
    checkpoint, key, cosigned = check_checkpoint(parsed.proof.note, keys, witnesses)
    merkle.check_inclusion(
        leaf, parsed.proof.index, checkpoint.size, parsed.proof.hashes, checkpoint.root
    )
    return Receipt(
        parsed.entry, leaf, parsed.proof.index, checkpoint, key, cosigned, disclosed,
        tuple(sorted(parsed.body.keys() - disclosed.keys())),
    )  # fmt: skip


def check_entry(parsed: Parsed) -> dict[str, Any]:
    """The disclosed values, once names, kinds and commitments are right."""
    entry = parsed.entry
    disclosed = commitments.check_disclosed(entry.body, parsed.body, parsed.disclosed)
    known = schema.check_names(entry.type, entry.chain, parsed.body)
    for name, value in disclosed.items():
        schema.check_value(f"{entry.type}.{name}", known.fields[name], value)
    return disclosed


def _members(entry: Entry) -> dict[str, object]:
    return {
        "actor": entry.actor, "at": entry.at, "body": entry.body, "chain": entry.chain,
        "prev": entry.prev, "seq": entry.seq, "type": entry.type, "v": 1,
    }  # fmt: skip
