"""Every type of entry, its chain and its fields: the table behind docs/formats/entries.md.

Guarantee: `check` refuses an unknown type, an unknown or missing field, a value of the wrong kind
and the wrong chain.  An absent value is a missing field, never null.
Not covered: whether what the fields say is true.

Format: docs/formats/entries.md, version 1 (a test holds the two equal).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from verify.entries import parse_time
from verify.errors import MalformedError

Kind = Literal["id", "digest", "hex", "text", "int", "bool", "time", "list", "object"]


@dataclass(frozen=True, slots=True)
class Field:
    """One disclosed field.  `erasable`: an act may erase its value (never one a rebuild needs)."""

    kind: Kind
    required: bool = True
    erasable: bool = False


def _optional(kind: Kind, *, erasable: bool = False) -> Field:
    return Field(kind, required=False, erasable=erasable)


ID, DIGEST, TEXT, INT, TIME, LIST, OBJECT = (
    Field("id"), Field("digest"), Field("text"), Field("int"), Field("time"), Field("list"), Field("object"),
)  # fmt: skip
PERSONAL = Field("text", erasable=True)


@dataclass(frozen=True, slots=True)
class EntryType:
    """`chains` are the allowed kinds of chain: s source, c case, i item, sys system."""

    name: str
    chains: tuple[str, ...]
    fields: Mapping[str, Field]


def _type(type_: str, chains: str, /, **fields: Field) -> EntryType:
    return EntryType(type_, tuple(chains.split()), fields)


TYPES: Mapping[str, EntryType] = {
    t.name: t
    for t in (
        _type("log.begun", "sys", origin=TEXT, vkey=TEXT),
        _type("source.enrolled", "s", source=ID, name=TEXT, kind=TEXT),
        _type("source.revoked", "s", source=ID, reason=TEXT),
        _type(
            "upload.opened", "s", upload=ID, name=PERSONAL, name_raw=_optional("hex", erasable=True),
            size=_optional("int"), mime=_optional("text"), sha256=_optional("digest"),
            key=_optional("text"), device_times=_optional("list", erasable=True),
            manifest=_optional("object", erasable=True), case_number=_optional("text"),
        ),
        _type(
            "upload.aborted", "s", upload=ID, reason=TEXT, offset=INT,
            text=_optional("text", erasable=True), item=_optional("id"),
        ),
        _type(
            "item.sealed", "s", item=ID, upload=ID, size=INT, sha256=DIGEST, chunk=INT, root=DIGEST,
            mime=TEXT, name=PERSONAL, name_raw=_optional("hex", erasable=True),
            device_times=Field("list", erasable=True), clock_offset=_optional("object"),
            manifest=_optional("object", erasable=True), objects=LIST, retain_until=TIME,
            marks=_optional("list"), announced=_optional("object"),
            reason=_optional("text", erasable=True),
        ),
        _type(
            "case.opened", "c", case=ID, number=TEXT, kind=TEXT, title=PERSONAL,
            officers=Field("list", erasable=True),
        ),
        _type(
            "item.linked", "c", item=ID, sealed=DIGEST, case=ID, stage=_optional("text"),
            reason=PERSONAL,
        ),
        _type("item.unlinked", "c", item=ID, case=ID, link=DIGEST, reason=PERSONAL),
        _type(
            "item.stored", "i", item=ID, store=TEXT, what=TEXT, key=TEXT,
            version=_optional("text"), why=TEXT,
        ),
        _type(
            "item.derived", "i", item=ID, what=TEXT, key=TEXT, sha256=DIGEST, size=INT, mime=TEXT,
            tool=TEXT, arguments=LIST, input=DIGEST,
        ),
        _type(
            "view.granted", "i", view=ID, item=ID, person=TEXT, purpose=PERSONAL, until=TIME,
            what=TEXT, case=_optional("id"),
        ),
        _type(
            "view.closed", "i", view=ID, item=ID, served=LIST, unconfirmed=_optional("list"),
        ),
        _type(
            "access.denied", "i c", person=TEXT, right=TEXT, item=_optional("id"),
            case=_optional("id"),
        ),
        _type(
            "field.erased", "s c i sys", leaf=DIGEST, index=INT, names=LIST, ground=TEXT,
            approver=TEXT,
        ),
        _type(
            "token.issued", "sys", token=ID, name=PERSONAL, rights=LIST, actor=TEXT,
            source=_optional("id"),
        ),
        _type("token.revoked", "sys", token=ID, reason=TEXT),
        _type(
            "scrub.done", "sys", checked=INT, bytes=INT, missing=LIST, changed=LIST, extra=LIST,
            repaired=LIST,
        ),
        _type("log.recovered", "sys", had=INT, has=INT, signed=INT, reason=TEXT),
        _type("clock.corrected", "sys", before=TIME, after=TIME, reason=TEXT, person=TEXT),
        _type("heads.set", "sys", size=INT, root=DIGEST),
    )
}  # fmt: skip

_PATTERN: Mapping[str, re.Pattern[str]] = {
    "id": re.compile(r"[0-9a-f]{32}"),
    "digest": re.compile(r"[0-9a-f]{64}"),
    "hex": re.compile(r"(?:[0-9a-f]{2})*"),
}
_CLASS: Mapping[str, type] = {"text": str, "int": int, "bool": bool, "list": list, "object": dict}


def check_value(name: str, field: Field, value: object) -> None:
    """Raise MalformedError unless `value` is of the field's kind."""
    pattern = _PATTERN.get(field.kind)
    if pattern is not None:
        good = isinstance(value, str) and pattern.fullmatch(value) is not None
    elif field.kind == "time":
        good = _is_time(value)
    elif field.kind == "int":
        good = isinstance(value, int) and not isinstance(value, bool)
    else:
        good = isinstance(value, _CLASS[field.kind])
    if not good:
        raise MalformedError(f"field {name}: expected {field.kind}, got {value!r:.80}")


def _is_time(value: object) -> bool:
    try:
        parse_time(value)
    except MalformedError:
        return False
    return True


def chain_kind(chain: str) -> str:
    """`s`, `c`, `i` or `sys` of a chain token; MalformedError for anything else."""
    if chain == "sys":
        return chain
    kind, _, token = chain.partition(":")
    if kind not in ("s", "c", "i") or _PATTERN["id"].fullmatch(token) is None:
        raise MalformedError(
            f"chain: expected sys or s:, c:, i: with 32 hex digits, got {chain!r:.80}"
        )
    return kind


def check_names(type_: str, chain: str, names: Iterable[str]) -> EntryType:
    """Raise MalformedError unless these may be the names committed to by an entry of this type."""
    known = TYPES.get(type_)
    if known is None:
        raise MalformedError(
            f"entry type: expected one of docs/formats/entries.md, got {type_!r:.80}"
        )
    if chain_kind(chain) not in known.chains:
        raise MalformedError(
            f"{type_}: expected a chain of kind {'/'.join(known.chains)}, got {chain}"
        )
    have = set(names)
    if unknown := sorted(have - known.fields.keys()):
        raise MalformedError(f"{type_}: expected only known fields, got {', '.join(unknown)}")
    if missing := sorted(n for n, f in known.fields.items() if f.required and n not in have):
        raise MalformedError(f"{type_}: expected the fields {', '.join(missing)}, got none")
    return known


def check(type_: str, chain: str, fields: Mapping[str, object]) -> None:
    """Raise MalformedError unless an entry of this type in this chain may have these fields."""
    known = check_names(type_, chain, fields)
    for name, value in fields.items():
        check_value(f"{type_}.{name}", known.fields[name], value)
