"""The object-store port: four classes of storage, one contract
(`tests/storage/test_object_contract.py`).

Guarantee: when `create` or `replace` returns, the bytes are durable and were accepted under
exactly the asked retention (in whole seconds, rounded up, and never shorter than it was).
`create` never changes what a key already holds: the same bytes again are a success (a retry),
other bytes a ConflictError, and the first bytes stay.
Not covered: a key that is another key's folder (`a` and `a/b`); that the bytes are still right
later (`liuhen scrub` re-hashes); nor proof: object lock delays deletion, the log proves.

Format of the key space: docs/formats/storage.md, version 1.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Class(StrEnum):
    """Where an object lives, and with it what may be done to it.

    evidence  originals, sidecars: create only, versioned, retention on every write, no delete
    log       full tiles and full entry bundles: create only
    private   disclosure bundles, partial tiles, the checkpoint's copy: replace and delete
    work      playable copies, posters, peaks: replace and delete; may be lost and made again
    """

    EVIDENCE = "evidence"
    LOG = "log"
    PRIVATE = "private"
    WORK = "work"


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of one object, as the store itself reports it."""

    key: str
    size: int
    version: str | None = None  # None where the store has no versions
    retain_until: datetime | None = None  # UTC
    hold: bool = False


class Content(Protocol):
    """Bytes of known size that can be read again from the start or from any offset (a retry)."""

    @property
    def size(self) -> int: ...

    @property
    def path(self) -> Path | None:
        """A real file with exactly these bytes that is never written again, if there is one.
        A store on the same file system may link it instead of copying."""

    def read(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]: ...


class ObjectStore(Protocol):
    """All methods raise UnavailableError when the store gives no answer (outcome unknown)."""

    name: str  # short and stable: it stands in entries ("directory", "minio", …)

    async def create(
        self,
        class_: Class,
        key: str,
        content: Content | bytes,
        *,
        retain_until: datetime | None = None,
    ) -> Stored:
        """Write once.  `retain_until` is required for EVIDENCE and refused elsewhere."""

    async def replace(self, class_: Class, key: str, data: bytes) -> None:
        """Write or overwrite atomically (PRIVATE and WORK only); readers see old or new bytes."""

    async def delete(self, class_: Class, key: str) -> None:
        """Remove (PRIVATE and WORK only); no error if there is none."""

    async def stat(self, class_: Class, key: str, *, version: str | None = None) -> Stored:
        """What is held under the key (the first version where none is named); NotFoundError."""

    async def versions(self, class_: Class, key: str) -> list[Stored]:
        """Every version held under exactly this key, oldest first; empty if none."""

    def read(
        self,
        class_: Class,
        key: str,
        *,
        version: str | None = None,
        start: int = 0,
        end: int | None = None,
    ) -> AsyncIterator[bytes]:
        """The bytes from `start` up to but not including `end`; NotFoundError."""

    def list(self, class_: Class, prefix: str = "") -> AsyncIterator[str]:
        """All keys that start with `prefix`, sorted."""

    async def extend(self, key: str, version: str | None, retain_until: datetime) -> None:
        """Lengthen an evidence object's retention; ConflictError if it would be shortened."""

    async def hold(self, key: str, version: str | None, *, on: bool) -> None:
        """Set or clear a legal hold on an evidence object."""

    async def check(self) -> None:
        """Return if the store answers and its classes are set up as promised."""

    async def close(self) -> None: ...


async def read_all(
    store: ObjectStore, class_: Class, key: str, *, version: str | None = None
) -> bytes:
    """A small object whole (log files, sidecars, posters); never use it for recordings."""
    return b"".join([part async for part in store.read(class_, key, version=version)])
