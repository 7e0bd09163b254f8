"""The rules of receiving and sealing: values in, a draft, a number or a named error out.

Guarantee: no rule reads a file, a clock or a table; what it may look at is handed in, read under
the log's lock by the caller where it must still hold when the act is recorded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.announce import Announcement
from ingest.limits import LimitError, Limits
from ingest.tus import Append, GoneError
from storage.acts import Draft
from storage.errors import StorageFullError, TooLargeError
from verify.errors import (
    ConflictError,
    DeniedError,
    MalformedError,
    NotFoundError,
    UnavailableError,
)
from verify.fingerprint import CHUNK

RECEIVING, RECEIVED, STORED, DONE = "receiving", "received", "stored", "done"
OPEN, SEALED, ABORTED = "open", "sealed", "aborted"
DUPLICATE, TERMINATED, DISCARDED, EXPIRED = "duplicate", "terminated", "discarded", "expired"
INCOMPLETE, MISMATCH = "incomplete", "manifest-mismatch"


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload: what was announced (recorded), and how far it has come (operational)."""

    id: str
    source: str
    name: str
    name_raw: str | None
    announced_size: int | None
    mime: str | None
    sha256: str | None
    client_key: str | None
    device_times: list[Any] | None
    manifest: dict[str, Any] | None
    record: str  # open, sealed, aborted
    item: str | None
    closed_index: int | None
    reason: str | None
    state: str  # receiving, received, stored, done
    length: int | None
    offset: int
    metadata: str
    object_key: str
    expires_ms: int
    decision: Mapping[str, str] | None  # a person's, to seal a prefix: reason and actor
    problem: str | None

    @property
    def chain(self) -> str:
        return f"s:{self.source}"


@dataclass(frozen=True, slots=True)
class Load:
    """How much is under way when an upload is asked for."""

    open_of_source: int
    open_in_all: int
    staged: int  # bytes that staging holds
    coming: int  # announced bytes of running uploads that are not there yet
    free: int  # bytes the disk could still take


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the bytes of an upload are, as read back from the store."""

    size: int
    sha256: str
    root: str


def check_room(length: int | None, load: Load, limits: Limits) -> None:
    """Raise unless one more upload of `length` bytes may be opened now."""
    if length is not None and length > limits.max_size:
        raise TooLargeError(f"upload: expected at most {limits.max_size} bytes, got {length}")
    if load.open_of_source >= limits.max_open_per_source:
        raise LimitError(
            f"uploads of this source: expected at most {limits.max_open_per_source} at once; "
            "finish or terminate one first",
            retry_after_s=30,
        )
    if load.open_in_all >= limits.max_open:
        raise LimitError(f"uploads: expected at most {limits.max_open} at once", retry_after_s=30)
    check_space(length or 0, load, limits)


def check_space(more: int, load: Load, limits: Limits) -> None:
    """Raise StorageFullError unless `more` bytes fit beside everything that was promised room."""
    room = load.free - load.coming - limits.margin
    if limits.staging is not None:
        room = min(room, limits.staging - load.staged - load.coming)
    # An upload of zero or unknown bytes is also refused where nothing would fit at all.
    if more > room or room < 0:
        raise StorageFullError(
            f"staging: expected room for {more} bytes, got {max(room, 0)}; sealing makes room as "
            "soon as the object store takes the recordings that wait, then try again"
        )


def choose_source(
    fixed: str | None, wished: str | None, found: tuple[str, str, bool] | None
) -> str:
    """The id of the source that hands over.  `found`: id, name, revoked of the one in question."""
    if fixed is None and wished is None:
        raise MalformedError(
            "source: expected the metadata `source`, because this token is bound to none, got none"
        )
    if found is None:
        raise NotFoundError(f"source: expected one that is enrolled, got {wished!r:.80}")
    id_, name, revoked = found
    if fixed is not None and wished is not None and wished != name:
        raise DeniedError(
            f"source: expected {name!r:.80}, to which this token is bound, got {wished!r:.80}"
        )
    if revoked:
        raise DeniedError(f"source {name!r:.80}: expected one in use, got a revoked one")
    return id_


def same_again(upload: Upload, announced: Announcement) -> None:
    """Raise unless `announced` may be what was opened before under the same client key."""
    before = (upload.announced_size, upload.sha256)
    now = (announced.size, announced.sha256)
    if before != now:
        raise ConflictError(
            f"key {announced.key!r:.80}: expected the same size and hash as before, got others"
        )
    if upload.decision is not None and upload.record == OPEN:
        raise UnavailableError(
            f"key {announced.key!r:.80}: expected one in use, got one whose upload is being sealed "
            "as incomplete; announce the file again in a moment"
        )


def open_upload(upload: str, source: str, announced: Announcement, actor: str) -> Draft:
    return Draft("upload.opened", f"s:{source}", actor, {"upload": upload, **announced.fields()})


def abort_upload(
    upload: Upload, actor: str, reason: str, *, text: str | None = None, item: str | None = None
) -> Draft:
    """The upload ends without an item of its own; its entry says at which byte."""
    if upload.record != OPEN:
        raise ConflictError(f"upload {upload.id}: expected an open one, got {upload.record}")
    fields: dict[str, Any] = {"upload": upload.id, "reason": reason, "offset": upload.offset}
    if text:
        fields["text"] = text
    if item is not None:
        fields["item"] = item
    return Draft("upload.aborted", upload.chain, actor, fields)


def is_expired(upload: Upload, now_ms: int) -> bool:
    """Whether it can be resumed no more, unless its source announces it again."""
    return upload.record == OPEN and upload.state == RECEIVING and upload.expires_ms <= now_ms


def check_running(upload: Upload, now_ms: int) -> None:
    """Raise unless bytes may still be appended."""
    if upload.record == ABORTED and upload.reason != DUPLICATE:
        raise GoneError(
            f"upload {upload.id}: expected a running one, got one that was {upload.reason}"
        )
    if upload.decision is not None:
        raise GoneError(
            f"upload {upload.id}: expected a running one, got one whose first {upload.offset} bytes "
            "a person sealed as incomplete"
        )
    if is_expired(upload, now_ms):
        raise GoneError(
            f"upload {upload.id}: expected a running one, got one that expired; its "
            f"{upload.offset} bytes are kept until a person seals or discards them"
        )


def check_decidable(upload: Upload) -> None:
    """Raise unless a person (or the client itself) may still end this upload early."""
    if upload.record != OPEN or upload.state != RECEIVING:
        state = upload.record if upload.record != OPEN else upload.state
        raise ConflictError(
            f"upload {upload.id}: expected one that is still receiving, got {state}"
        )


def length_after(upload: Upload, append: Append, limits: Limits) -> int | None:
    """The upload's length once this PATCH is accepted; errors where it does not fit."""
    if append.offset != upload.offset:
        raise ConflictError(
            f"upload {upload.id}: expected offset {upload.offset}, got {append.offset}"
        )
    length = upload.length
    if append.length is not None:
        if length is not None and length != append.length:
            raise ConflictError(
                f"upload {upload.id}: expected length {length}, got {append.length}"
            )
        if append.length < upload.offset:
            raise ConflictError(
                f"upload {upload.id}: expected a length of at least {upload.offset}, got {append.length}"
            )
        length = append.length
    if (length or 0) > limits.max_size:
        raise TooLargeError(
            f"upload {upload.id}: expected at most {limits.max_size} bytes, got {length}"
        )
    check_end(upload.id, append.offset + (append.body or 0), length, limits)
    return length


def check_end(upload: str, end: int, length: int | None, limits: Limits) -> None:
    """Raise TooLargeError where the bytes would go beyond the length or the limit."""
    most = limits.max_size if length is None else length
    if end > most:
        raise TooLargeError(f"upload {upload}: expected at most {most} bytes, got {end}")


def announced_otherwise(upload: Upload, found: Fingerprint) -> dict[str, Any]:
    """What was announced and is not so: size and hash of the client and of the device's manifest."""
    manifest = upload.manifest or {}
    said = {
        "size": (upload.announced_size, found.size),
        "sha256": (upload.sha256, found.sha256),
        "manifest_size": (manifest.get("size"), found.size),
        "manifest_sha256": (manifest.get("sha256"), found.sha256),
    }
    return {name: was for name, (was, actual) in said.items() if was not in (None, actual)}


def seal_upload(
    upload: Upload,
    found: Fingerprint,
    *,
    item: str,
    objects: Sequence[Mapping[str, Any]],
    retain_until: str,
    actor: str,
) -> Draft:
    """`item.sealed` for bytes that are durable and read back; marked where they are not as announced."""
    if upload.record != OPEN:
        raise ConflictError(f"upload {upload.id}: expected an open one, got {upload.record}")
    fields: dict[str, Any] = {
        "item": item,
        "upload": upload.id,
        "size": found.size,
        "sha256": found.sha256,
        "chunk": CHUNK,
        "root": found.root,
        "mime": upload.mime or "application/octet-stream",
        "name": upload.name,
        "device_times": upload.device_times or [],
        "objects": [dict(o) for o in objects],
        "retain_until": retain_until,
    }
    if upload.name_raw is not None:
        fields["name_raw"] = upload.name_raw
    if upload.manifest is not None:
        fields["manifest"] = upload.manifest
    wrong = announced_otherwise(upload, found)
    if upload.decision is not None:
        wrong["size"] = upload.length if upload.length is not None else upload.announced_size
        fields["marks"] = [INCOMPLETE]
        fields["reason"] = upload.decision["reason"]
        actor = upload.decision["actor"]
    elif wrong:
        fields["marks"] = [MISMATCH]
    if said := {k: v for k, v in wrong.items() if v is not None}:
        fields["announced"] = said
    return Draft("item.sealed", upload.chain, actor, fields)


def shown_state(upload: Upload, now_ms: int, copies: int = 0) -> str:
    """The one word people see: receiving, interrupted, received, stored, sealed, aborted.

    «Stored» from the first copy that was read back; how many there are is said beside it.
    """
    if upload.record == SEALED or (upload.record == ABORTED and upload.reason == DUPLICATE):
        return SEALED
    if upload.record == ABORTED:
        return ABORTED
    if is_expired(upload, now_ms):
        return "interrupted"
    return STORED if upload.state == RECEIVED and copies > 0 else upload.state
