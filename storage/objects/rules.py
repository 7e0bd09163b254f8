"""What every store refuses, whatever it is made of: pure checks of keys, classes, retention.

Format of the key space: docs/formats/storage.md, version 1.
"""

import re
from datetime import UTC, datetime, timedelta

from storage.objects.port import Class
from verify.errors import ConflictError, MalformedError

_PART = re.compile(r"[a-z0-9_-][a-z0-9._-]*")
_LONGEST = 512


def check_key(key: str) -> None:
    """A key is `[a-z0-9._-]` in parts joined by `/`; a part may not begin with a dot, because
    such names are the store's own (locks, files being written)."""
    if len(key) > _LONGEST or not all(_PART.fullmatch(part) for part in key.split("/")):
        raise MalformedError(f"key: expected [a-z0-9._-] in parts joined by /, got {key[:80]!r}")


def check_prefix(prefix: str) -> None:
    """A prefix is the beginning of a key, the empty one included."""
    if prefix:
        check_key(prefix.rstrip("/") if prefix.endswith("/") else prefix)


def check_replaceable(class_: Class) -> None:
    """Only the private and work classes may change or lose what they hold."""
    if class_ not in (Class.PRIVATE, Class.WORK):
        raise MalformedError(f"class: expected private or work, got {class_}")


def retention(class_: Class, retain_until: datetime | None) -> datetime | None:
    """The retention as every store can keep it: UTC, whole seconds, never shorter than asked."""
    if (class_ is Class.EVIDENCE) != (retain_until is not None):
        expected = "a date" if class_ is Class.EVIDENCE else "none"
        raise MalformedError(f"retention in {class_}: expected {expected}, got {retain_until}")
    return None if retain_until is None else whole_second(retain_until)


def whole_second(moment: datetime) -> datetime:
    """The same moment in UTC, rounded up to a whole second (S3 servers differ below that)."""
    if moment.tzinfo is None:
        raise MalformedError(f"retention: expected a time zone, got {moment.isoformat()}")
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=0) + timedelta(seconds=1 if moment.microsecond else 0)


def check_longer(key: str, held: datetime | None, asked: datetime) -> None:
    """Retention is only ever lengthened."""
    if held is not None and asked < held:
        raise ConflictError(
            f"retention of {key}: expected {held.isoformat()} or later, got {asked.isoformat()}"
        )
