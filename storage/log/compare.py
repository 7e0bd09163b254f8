"""The comparison at the start, as a pure function of what was seen.

Guarantee: `compare` returns only for a state that a kill of this same code can leave:
database ≥ files ≥ signer ≥ published copy ≥ published row, with equal roots where they overlap.
For everything else it raises an error whose sentence says what to do.
Not covered: how it was seen (`storage.log.startup`), and files older than the newest ones
(`liuhen scrub` reads everything).

Format: docs/formats/publication.md, version 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from storage.errors import DatabaseBehindError
from storage.log.files import Extent
from storage.log.rows import HeadRow
from verify.errors import VerificationError

RECOVER = "`liuhen log recover` brings it forward"
REBUILD = "`liuhen rebuild` writes it again from the store"
PUT_BACK = "put the store's files back, or let `liuhen scrub` write them from the database"


@dataclass(frozen=True, slots=True)
class Mark:
    """A size that somebody vouches for, with its root."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class StoreSeen:
    """What one store holds.  `roots` are computed from its tiles, at every size of interest."""

    name: str
    copy: Mark | None
    files: Extent
    roots: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return self.copy is None and self.files == Extent(0, 0)


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything, read in this order, so that a concurrent writer never makes it look wrong.

    `extended` is the root over the signed tiles of the first store, then the database's own leaves.
    """

    origin: str  # of the key that this server has
    row: Mark | None
    signer: Mark | None
    stores: tuple[StoreSeen, ...]
    head: HeadRow | None
    extended: bytes | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is left to finish."""

    begin: bool = False  # a new log: record `log.begun`
    adopt: bool = False  # the signer's memory is lost: set it from the published copy
    fill: tuple[str, ...] = ()  # stores without a checkpoint, which get the files of the first


def compare(seen: Seen) -> Plan:
    """The plan, or the error that names what is wrong."""
    first = seen.stores[0]
    if seen.head is None:
        _check_nothing(seen)
        return Plan(begin=True)
    if seen.head.origin != seen.origin:
        raise VerificationError(
            f"log key: expected the key of {seen.head.origin}, got one of {seen.origin}; "
            "put the file keys/log.key of this log back"
        )
    # A store without a checkpoint is new, or a kill has ended its filling: it gets the first's
    # files.  Before the first publication there is nothing to fill from; the publisher writes all.
    fill = tuple(s.name for s in seen.stores[1:] if s.copy is None and first.copy is not None)
    used = tuple(s for s in seen.stores if s.name not in fill)
    _check_database_is_ahead(seen, seen.head, used)
    for store in used:
        _check_store(seen, store)
    if seen.extended is not None and seen.extended != seen.head.root:
        raise VerificationError(
            f"database of size {seen.head.size}: expected root {seen.extended.hex()} (the signed "
            f"files up to {max(first.roots, default=0)}, then its own entries), "
            f"got {seen.head.root.hex()}; "
            "it holds another history than the one published"
        )
    return Plan(adopt=seen.signer is None and first.copy is not None, fill=fill)


def _check_nothing(seen: Seen) -> None:
    for store in seen.stores:
        if not store.empty:
            size = max(store.files.entries, store.copy.size if store.copy else 0)
            raise DatabaseBehindError(
                f"database: expected the log of size {size} that the store {store.name} holds, "
                f"got an empty database; {REBUILD}"
            )
    if seen.signer is not None and seen.signer.size:
        raise VerificationError(
            f"store {seen.stores[0].name}: expected the log of size {seen.signer.size} that this "
            "key has signed, got an empty store and an empty database; put the store back"
        )


def _check_database_is_ahead(seen: Seen, head: HeadRow, used: tuple[StoreSeen, ...]) -> None:
    known = [(f"the files in {s.name}", max(s.files.entries, s.files.leaves)) for s in used]
    known += [(f"the checkpoint in {s.name}", s.copy.size) for s in used if s.copy]
    known += [("the signer", seen.signer.size)] if seen.signer else []
    known += [("its own published row", seen.row.size)] if seen.row else []
    what, size = max(known, key=lambda pair: pair[1])
    if head.size < size:
        raise DatabaseBehindError(
            f"database: expected size {size} or more, as {what} has it, got {head.size}; {RECOVER}"
        )


def _check_store(seen: Seen, store: StoreSeen) -> None:
    name, files = store.name, store.files
    row, signer = seen.row, seen.signer
    if files.entries < files.leaves:
        raise VerificationError(
            f"entry bundles in {name}: expected {files.leaves} entries as in the tiles, "
            f"got {files.entries}"
        )
    if signer is not None and files.leaves < signer.size:
        raise VerificationError(
            f"tiles in {name}: expected size {signer.size} or more, as the signer remembers, "
            f"got {files.leaves}; {PUT_BACK}"
        )
    copy_size = store.copy.size if store.copy else 0
    if files.leaves < copy_size:
        raise VerificationError(
            f"tiles in {name}: expected size {copy_size} or more, as the checkpoint there says, "
            f"got {files.leaves}; {PUT_BACK}"
        )
    if signer is not None and signer.size < copy_size:
        raise VerificationError(
            f"signer memory: expected size {copy_size} or more, as published in {name}, "
            f"got {signer.size}; `liuhen log recover` sets it from the published checkpoint"
        )
    if row is not None and copy_size < row.size:
        raise VerificationError(
            f"checkpoint in {name}: expected size {row.size} or more, as the database's row says, "
            f"got {copy_size if store.copy else 'none'}; {PUT_BACK}"
        )
    for what, mark in (
        ("published row", row), (f"checkpoint in {name}", store.copy), ("signer memory", signer),
    ):  # fmt: skip
        if mark is not None and mark.root != store.roots[mark.size]:
            raise VerificationError(
                f"{what} of size {mark.size}: expected root {store.roots[mark.size].hex()} "
                f"as the tiles in {name} have it, got {mark.root.hex()}; "
                "`liuhen scrub` says which is wrong"
            )
