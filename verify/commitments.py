"""Salted commitments: an entry names its fields' digests, and each field can be shown or kept apart.

Guarantee: if `check_disclosed` returns, each value is the only one that the entry committed to under
that name; what was not disclosed stays hidden behind 16 random bytes.
Not covered: that the entry is in a log (`verify.receipt`), and which names a type needs
(`verify.schema`).

Format: docs/formats/entries.md, version 1, section "Commitments".
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

from verify import canonical
from verify.errors import CommitmentError, MalformedError

Disclosure: TypeAlias = tuple[str, str, Any]
"""Salt (32 hex digits), name, value."""

FIELD = b"liuhen/field/v1\n"
BODY = b"liuhen/body/v1\n"
_is_salt = re.compile(r"[0-9a-f]{32}").fullmatch
_is_digest = re.compile(r"[0-9a-f]{64}").fullmatch


@dataclass(frozen=True, slots=True)
class Commitment:
    """What `commit_fields` made: `digest` goes into the entry, the rest is kept beside it."""

    digest: str
    body: dict[str, str]
    disclosures: list[Disclosure]
    body_json: bytes
    disclosed_json: bytes


def field_digest(salt: str, name: str, value: object) -> str:
    """The digest, in hex, that commits to `value` under `name`."""
    return _digest_of(_triple(salt, name, value))


def body_digest(body: Mapping[str, str]) -> str:
    """The digest, in hex, of a body object {name: field digest}."""
    return sha256(BODY + _body_json(body)).hexdigest()


def commit_fields(fields: Mapping[str, object], salts: Callable[[], str]) -> Commitment:
    """Commit to `fields`; `salts` gives a fresh one for each: 16 random bytes in hex.

    The hot path of recording: each value is written once, and both canonical forms (the body object,
    the disclosures in the order of their names) come with it.
    """
    body: dict[str, str] = {}
    disclosures: list[Disclosure] = []
    triples: list[bytes] = []
    for name in sorted(fields):
        salt, value = salts(), fields[name]
        triple = _triple(salt, name, value)
        triples.append(triple)
        body[name] = _digest_of(triple)
        disclosures.append((salt, name, value))
    body_json = _join_body(body)
    digest = sha256(BODY + body_json).hexdigest()
    return Commitment(digest, body, disclosures, body_json, b"[%b]" % b",".join(triples))


def commit(
    fields: Mapping[str, object], salts: Callable[[], str]
) -> tuple[dict[str, str], list[Disclosure]]:
    """The body object and the disclosures of `fields`, in the order of their names."""
    made = commit_fields(fields, salts)
    return made.body, made.disclosures


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


def _triple(salt: object, name: str, value: object) -> bytes:
    """The canonical JSON of [salt, name, value]."""
    if type(salt) is not str or _is_salt(salt) is None:
        raise MalformedError(f"salt of {name!r:.80}: expected 32 hex digits, got something else")
    canonical.check_name(name)
    try:
        return f'["{salt}","{name}",{canonical.write(value, 1)}]'.encode()
    except UnicodeEncodeError:
        raise MalformedError(f"field {name}: expected Unicode text, got a lone surrogate") from None


def _digest_of(triple: bytes) -> str:
    return sha256(FIELD + triple).hexdigest()


def _body_json(body: Mapping[str, str]) -> bytes:
    for name, digest in body.items():
        canonical.check_name(name)
        if type(digest) is not str or _is_digest(digest) is None:
            raise MalformedError(f"body {name}: expected 64 hex digits, got {digest!r:.80}")
    return _join_body(body)


def _join_body(body: Mapping[str, str]) -> bytes:
    members = ",".join([f'"{name}":"{body[name]}"' for name in sorted(body)])
    return f"{{{members}}}".encode()
