"""What a client announces about a file before its bytes: the metadata of an upload, understood.

Guarantee: an `Announcement` holds only values that an entry may hold; a client that contradicts
the format is told so before anything is recorded.
Not covered: whether what is announced is true (sealing compares), and who may announce it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingest.names import Name, read_name
from verify import canonical
from verify.errors import MalformedError

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MIME = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,126}")
_MAX_TEXT = 200
_MAX_JSON = 8192  # an entry holds at most 65,535 bytes, its disclosures are kept for ever


@dataclass(frozen=True, slots=True)
class Announcement:
    """One file as its source describes it."""

    name: Name
    size: int | None
    mime: str | None = None
    sha256: str | None = None
    key: str | None = None  # the client's idempotency key
    source: str | None = None  # a source's name, for tokens that are not bound to one
    case_number: str | None = None
    device_times: list[Any] | None = None
    manifest: dict[str, Any] | None = None

    def fields(self) -> dict[str, Any]:
        """The fields of `upload.opened` and `item.sealed` that come from here; absent ones left out."""
        values = {
            "name": self.name.text,
            "name_raw": self.name.raw,
            "size": self.size,
            "mime": self.mime,
            "sha256": self.sha256,
            "key": self.key,
            "case_number": self.case_number,
            "device_times": self.device_times,
            "manifest": self.manifest,
        }
        return {name: value for name, value in values.items() if value is not None}


def read_announcement(
    metadata: Mapping[str, bytes], *, size: int | None, key: str | None = None
) -> Announcement:
    """Understand `Upload-Metadata`; `key` is the Idempotency-Key header, which wins."""
    sha256 = _text(metadata, "sha256")
    if sha256 is not None:
        sha256 = sha256.lower()
        if _DIGEST.fullmatch(sha256) is None:
            raise MalformedError(f"metadata sha256: expected 64 hex digits, got {sha256!r:.80}")
    mime = _text(metadata, "filetype")
    times = _json(metadata, "device_times", list)
    for entry in times or ():
        good = isinstance(entry, dict) and all(isinstance(v, str) for v in entry.values())
        if not good or not {"source", "time"} <= entry.keys():
            raise MalformedError(
                f"metadata device_times: expected objects with source and time, got {entry!r:.80}"
            )
    return Announcement(
        name=read_name(metadata.get("filename", metadata.get("name", b""))),
        size=size,
        # A browser's guess of the type decides nothing here, so a bad one is no reason to refuse.
        mime=mime if mime is not None and _MIME.fullmatch(mime) else None,
        sha256=sha256,
        key=_checked("Idempotency-Key", key) if key else _text(metadata, "key"),
        source=_text(metadata, "source"),
        case_number=_text(metadata, "case"),
        device_times=times,
        manifest=_json(metadata, "manifest", dict),
    )


def _text(metadata: Mapping[str, bytes], key: str) -> str | None:
    value = metadata.get(key)
    if not value:
        return None
    try:
        return _checked(f"metadata {key}", value.decode("utf-8"))
    except UnicodeDecodeError as exc:
        raise MalformedError(f"metadata {key}: expected UTF-8, got {value!r:.60}") from exc


def _checked(what: str, text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise MalformedError(f"{what}: expected UTF-8, got {text!r:.60}") from exc
    if len(text) > _MAX_TEXT or "\0" in text:
        raise MalformedError(
            f"{what}: expected at most {_MAX_TEXT} characters without NUL, got {text!r:.60}"
        )
    return text


def _json(metadata: Mapping[str, bytes], key: str, kind: type) -> Any:
    value = metadata.get(key)
    if not value:
        return None
    if len(value) > _MAX_JSON:
        raise MalformedError(
            f"metadata {key}: expected at most {_MAX_JSON} bytes, got {len(value)}"
        )
    parsed = canonical.decode(value)
    if b"\\u0000" in value:  # PostgreSQL has none in its texts
        raise MalformedError(f"metadata {key}: expected text without NUL, got some")
    if not isinstance(parsed, kind):
        raise MalformedError(f"metadata {key}: expected a JSON {kind.__name__}, got {value!r:.60}")
    return parsed
