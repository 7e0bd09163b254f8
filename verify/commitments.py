"""Salted commitments: an entry names its fields' digests, and each field can be shown or kept apart.

Guarantee: if `check_disclosed` returns, each value is the only one that the entry committed to under
that name; what was not disclosed stays hidden behind 16 random bytes.
Not covered: that the entry is in a log (`verify.receipt`), and which names a type needs
(`verify.schema`).

Format: docs/formats/entries.md, version 1, section "Commitments".
"""

import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any, TypeAlias

from verify import canonical
from verify.errors import CommitmentError, MalformedError

Disclosure: TypeAlias = tuple[str, str, Any]
"""Salt (32 hex digits), name, value."""

FIELD = b"liuhen/field/v1\n"
BODY = b"liuhen/body/v1\n"
_SALT = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def field_digest(salt: str, name: str, value: object) -> str:
    """The digest, in hex, that commits to `value` under `name`."""
    if type(salt) is not str or _SALT.fullmatch(salt) is None:
        raise MalformedError(f"salt of {name!r:.80}: expected 32 hex digits, got something else")
    canonical.check_name(name)
    # The canonical JSON of [salt, name, value], put together here because it is the hot path.
    start = f'["{salt}","{name}",'.encode()
    return sha256(b"%b%b%b]" % (FIELD, start, canonical.encode(value))).hexdigest()


def body_digest(body: Mapping[str, str]) -> str:
    """The digest, in hex, of a body object {name: field digest}."""
    members = []
    for name in sorted(body):
        canonical.check_name(name)
        digest = body[name]
        if type(digest) is not str or _DIGEST.fullmatch(digest) is None:
            raise MalformedError(f"body {name}: expected 64 hex digits, got {digest!r:.80}")
        members.append(f'"{name}":"{digest}"')
    return sha256(b"%b{%b}" % (BODY, ",".join(members).encode())).hexdigest()


def commit(
    fields: Mapping[str, object], salts: Callable[[], str]
) -> tuple[dict[str, str], list[Disclosure]]:
    """The body object and the disclosures of `fields`, in the order of their names.

    `salts` gives a fresh one for each field: 16 random bytes in hex.
    """
    body: dict[str, str] = {}
    disclosures: list[Disclosure] = []
    for name in sorted(fields):
        salt, value = salts(), fields[name]
        body[name] = field_digest(salt, name, value)
        disclosures.append((salt, name, value))
    return body, disclosures


def check_disclosed(
    expected: str, body: Mapping[str, str], disclosed: Iterable[Disclosure]
) -> dict[str, Any]:
    """The disclosed values by name, after checking them against the entry's `body` (hex).

    CommitmentError names the field that is another; a name disclosed twice is refused.
    """
    if not isinstance(body, Mapping) or not all(isinstance(name, str) for name in body):
        raise MalformedError("body: expected an object of names and digests, got something else")
    actual = body_digest(body)
    if actual != expected:
        raise CommitmentError(f"body: expected digest {expected}, got {actual}")
    values: dict[str, Any] = {}
    for triple in disclosed:
        if not isinstance(triple, list | tuple) or len(triple) != 3:
            raise MalformedError("disclosure: expected [salt, name, value], got something else")
        salt, name, value = triple
        digest = field_digest(salt, name, value)
        if name in values:
            raise MalformedError(f"disclosure {name}: expected once, got twice")
        if name not in body:
            raise CommitmentError(f"disclosure {name}: expected a name of the body, got another")
        if digest != body[name]:
            raise CommitmentError(f"disclosure {name}: expected digest {body[name]}, got {digest}")
        values[name] = value
    return values
