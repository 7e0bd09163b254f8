"""tus 1.0.0 as pure parsing: what a request's headers ask for, and what is refused.

Guarantee: every value that leaves this module is in range and of the right form; anything else
is a named error, so no handler meets a raw header.  `Upload-Metadata` is kept exactly as sent.
Not covered: whether the request fits the upload's state (`ingest.rules`) or its bytes
(`ingest.receive`).

Format: the tus resumable upload protocol 1.0.0 with the extensions in `EXTENSIONS`.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from storage.errors import TooLargeError
from verify.errors import DigestMismatchError, MalformedError, NotFoundError

VERSION = "1.0.0"
EXTENSIONS = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "expiration",
    "termination",
    "checksum",
)
Algorithm = Literal["sha256", "sha1"]
DIGEST_SIZE: Mapping[str, int] = {"sha256": 32, "sha1": 20}
BODY_TYPE = "application/offset+octet-stream"
_NUMBER = re.compile(r"[0-9]{1,16}")
_LARGEST = 2**53 - 1  # entries hold sizes as JSON integers
_METADATA_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,100}")


class VersionError(MalformedError):
    """The client speaks another version of the protocol."""

    code = "tus-version"


class BodyTypeError(MalformedError):
    """The body is not announced as part of an upload."""

    code = "body-type"


class ChecksumMismatchError(DigestMismatchError):
    """The body is not what its checksum says; its bytes are discarded and the offset stays."""

    code = "checksum-mismatch"


class GoneError(NotFoundError):
    """The upload existed and cannot be resumed any more."""

    code = "gone"


@dataclass(frozen=True, slots=True)
class Checksum:
    algorithm: Algorithm
    digest: bytes


@dataclass(frozen=True, slots=True)
class Creation:
    """`length` is None where it is deferred; `raw` is the metadata exactly as sent."""

    length: int | None
    raw: str
    metadata: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Append:
    """One PATCH.  `length` is set where the client now knows a deferred length."""

    offset: int
    length: int | None
    body: int | None  # Content-Length, if the client sent one
    checksum: Checksum | None


def check_version(headers: Mapping[str, str]) -> None:
    """Raise VersionError unless the client asks for the one version spoken here."""
    asked = headers.get("Tus-Resumable")
    if asked != VERSION:
        raise VersionError(f"Tus-Resumable: expected {VERSION}, got {asked or 'none'!s:.40}")


def parse_creation(headers: Mapping[str, str], *, max_metadata: int) -> Creation:
    """What a creating POST announces."""
    if "Upload-Concat" in headers:  # else every part of a file would become a recording of its own
        raise MalformedError("Upload-Concat: expected a whole file, got a part; send it in one")
    length, deferred = headers.get("Upload-Length"), headers.get("Upload-Defer-Length")
    if deferred is not None and (deferred != "1" or length is not None):
        raise MalformedError(
            f"Upload-Defer-Length: expected 1 and no Upload-Length, got {deferred!r:.40}"
        )
    if length is None and deferred is None:
        raise MalformedError("Upload-Length: expected a number or Upload-Defer-Length, got none")
    raw = headers.get("Upload-Metadata", "")
    if len(raw) > max_metadata:
        raise TooLargeError(
            f"Upload-Metadata: expected at most {max_metadata} characters, got {len(raw)}"
        )
    return Creation(
        None if length is None else _number("Upload-Length", length), raw, parse_metadata(raw)
    )


def parse_append(headers: Mapping[str, str]) -> Append:
    """What a PATCH, or the body of a creating POST, asks for."""
    check_body_type(headers)
    length = headers.get("Upload-Length")
    return Append(
        offset=_number("Upload-Offset", headers.get("Upload-Offset")),
        length=None if length is None else _number("Upload-Length", length),
        body=_body(headers),
        checksum=parse_checksum(headers.get("Upload-Checksum")),
    )


def parse_first(headers: Mapping[str, str]) -> Append | None:
    """The first bytes in a creating POST (creation-with-upload), or None where it brings none."""
    body = _body(headers)
    if body == 0 or (body is None and headers.get("Transfer-Encoding") is None):
        return None
    check_body_type(headers)
    return Append(0, None, body, parse_checksum(headers.get("Upload-Checksum")))


def check_body_type(headers: Mapping[str, str]) -> None:
    """Raise BodyTypeError unless the body is announced as upload bytes."""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != BODY_TYPE:
        raise BodyTypeError(f"Content-Type: expected {BODY_TYPE}, got {kind or 'none'!s:.60}")


def parse_metadata(raw: str) -> dict[str, bytes]:
    """`key base64,key base64,key` as bytes by key; keys are unique, a missing value is empty."""
    values: dict[str, bytes] = {}
    for pair in raw.split(",") if raw.strip() else ():
        key, _, coded = pair.strip().partition(" ")
        if _METADATA_KEY.fullmatch(key) is None or key in values:
            raise MalformedError(f"Upload-Metadata: expected unique ASCII keys, got {key!r:.60}")
        values[key] = _base64(f"Upload-Metadata {key}", coded.strip())
    return values


def parse_checksum(value: str | None) -> Checksum | None:
    """`algorithm base64`; an unknown algorithm is a MalformedError."""
    if value is None:
        return None
    name, _, coded = value.partition(" ")
    known: Mapping[str, Algorithm] = {"sha256": "sha256", "sha1": "sha1"}
    algorithm = known.get(name)
    if algorithm is None:
        raise MalformedError(f"Upload-Checksum: expected {' or '.join(known)}, got {name!r:.40}")
    digest = _base64("Upload-Checksum", coded)
    if len(digest) != DIGEST_SIZE[algorithm]:
        raise MalformedError(
            f"Upload-Checksum {name}: expected {DIGEST_SIZE[algorithm]} bytes, got {len(digest)}"
        )
    return Checksum(algorithm, digest)


def _body(headers: Mapping[str, str]) -> int | None:
    value = headers.get("Content-Length")
    return None if value is None else _number("Content-Length", value)


def _number(what: str, value: str | None) -> int:
    if value is None or _NUMBER.fullmatch(value) is None or int(value) > _LARGEST:
        raise MalformedError(f"{what}: expected a number up to 2^53-1, got {value!r:.40}")
    return int(value)


def _base64(what: str, coded: str) -> bytes:
    try:
        return base64.b64decode(coded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as exc:
        raise MalformedError(f"{what}: expected base64, got {coded!r:.60}") from exc
