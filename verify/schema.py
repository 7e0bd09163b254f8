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


ID, DIGEST, TEXT, INT, BOOL, TIME, LIST, OBJECT = (
    Field("id"), Field("digest"), Field("text"), Field("int"), Field("bool"), Field("time"),
    Field("list"), Field("object"),
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
            officers=Field("list", erasable=True), procedure=_optional("text"),
            procedure_digest=_optional("digest"), organ=_optional("id"), unit=_optional("id"),
            people=_optional("list"), parties=_optional("list", erasable=True),
            place=_optional("object", erasable=True), private=_optional("bool"),
            viewers=_optional("list"), external=_optional("object"),
        ),
        _type(
            "case.changed", "c", case=ID, title=PERSONAL, officers=Field("list", erasable=True),
            people=LIST, parties=Field("list", erasable=True),
            place=_optional("object", erasable=True), unit=_optional("id"), private=BOOL,
            viewers=LIST, reason=PERSONAL,
        ),
        _type(
            "case.point", "c", case=ID, point=TEXT, at=TIME, source=TEXT,
            uncertainty_ms=_optional("int"), occasion=_optional("text"),
            text=_optional("text", erasable=True), replaces=_optional("int"),
            marks=_optional("list"),
        ),
        _type(
            "case.stage", "c", case=ID, transition=TEXT, stage=TEXT, how=TEXT, at=TIME,
            exit=_optional("text"), stated=_optional("list"), other=_optional("id"),
            source=_optional("text"), reason=_optional("text", erasable=True),
            marks=_optional("list"),
        ),
        _type(
            "document.issued", "c", case=ID, document=ID, kind=TEXT, stage=TEXT, at=TIME,
            number=_optional("text"), title=_optional("text", erasable=True),
            marks=_optional("list"),
        ),
        _type(
            "document.added", "c", case=ID, document=ID, kind=TEXT, stage=_optional("text"),
            at=TIME, source=TEXT, number=_optional("text"),
            title=_optional("text", erasable=True), item=_optional("id"), marks=_optional("list"),
        ),
        _type(
            "coverage.judged", "c", case=ID, verdicts=LIST, rules=LIST, procedure=_optional("text"),
            policy=TEXT, why=TEXT,
        ),
        _type(
            "case.closed", "c", case=ID, verdicts=LIST, rules=LIST, policy=TEXT,
            procedure=_optional("text"), defects=LIST, leader=_optional("id"),
            leader_name=_optional("text"), last_seq=INT, reason=_optional("text", erasable=True),
        ),
        _type(
            "interruption.explained", "c", approval=ID, case=ID, rule=TEXT, occasion=TEXT,
            start=TIME, end=TIME, cause=TEXT, text=PERSONAL,
        ),
        _type(
            "exemption.asked", "c", approval=ID, case=ID, rule=TEXT, occasion=_optional("text"),
            ground=TEXT, text=PERSONAL, due=TIME, marks=_optional("list"),
        ),
        _type(
            "access.asked", "c i", approval=ID, case=_optional("id"), item=_optional("id"),
            purpose=PERSONAL, until=TIME,
        ),
        _type(
            "approval.decided", "c i sys", approval=ID, decision=TEXT,
            reason=_optional("text", erasable=True), until=_optional("time"),
        ),
        _type(
            "item.linked", "c", item=ID, sealed=DIGEST, case=ID, stage=_optional("text"),
            reason=PERSONAL, proposal=_optional("object"),
        ),
        _type("proposal.refused", "c", case=ID, item=ID, reason=PERSONAL),
        _type(
            "mark.made", "c", case=ID, mark=ID, start=TIME, end=TIME, category=TEXT, text=PERSONAL,
            source=TEXT, item=_optional("id"),
        ),
        _type(
            "mark.changed", "c", case=ID, mark=ID, start=TIME, end=TIME, category=TEXT,
            text=PERSONAL, reason=PERSONAL,
        ),
        _type("mark.withdrawn", "c", case=ID, mark=ID, reason=PERSONAL),
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
            "clip.asked", "i", clip=ID, item=ID, kind=TEXT, from_ms=INT, to_ms=INT,
            purpose=PERSONAL, case=_optional("id"),
        ),
        _type(
            "clip.made", "i", clip=ID, item=ID, from_ms=INT, to_ms=INT, key=TEXT, sha256=DIGEST,
            size=INT, mime=TEXT, name=TEXT, label=TEXT, tool=TEXT, arguments=LIST, input=DIGEST,
        ),
        _type(
            "item.attributed", "i", item=ID, device=_optional("id"), person=_optional("id"),
            unit=_optional("id"), organ=_optional("id"), start=_optional("time"),
            end=_optional("time"), kind=TEXT, carrier=TEXT, sound=BOOL,
            time_source=_optional("text"), offset_ms=_optional("int"),
            uncertainty_ms=_optional("int"), place=_optional("object", erasable=True),
            marks=LIST, due=_optional("time"), due_basis=_optional("text"), policy=TEXT, why=TEXT,
            reason=_optional("text", erasable=True),
        ),
        _type(
            "item.late", "i", item=ID, ended=TIME, due=TIME, sealed=TIME, basis=TEXT, policy=TEXT,
        ),
        _type("item.flagged", "i", item=ID, private=BOOL, viewers=LIST, reason=PERSONAL),
        _type(
            "view.granted", "i", view=ID, item=ID, person=TEXT, purpose=PERSONAL, until=TIME,
            what=TEXT, case=_optional("id"), clip=_optional("id"),
        ),
        _type(
            "view.closed", "i", view=ID, item=ID, served=LIST, unconfirmed=_optional("list"),
        ),
        _type(
            "access.denied", "i c sys", person=TEXT, right=TEXT, item=_optional("id"),
            case=_optional("id"), route=_optional("text"),
        ),
        _type(
            "device.set", "s", device=ID, serial=_optional("text"), model=_optional("text"),
            carrier=TEXT, organ=_optional("id"), unit=_optional("id"), zone=_optional("text"),
            ended=_optional("time"), reason=_optional("text"),
        ),
        _type(
            "device.custody", "s", device=ID, what=TEXT, at=TIME, person=_optional("id"),
            check=_optional("object"), text=_optional("text", erasable=True),
        ),
        _type(
            "device.user", "s sys", device=_optional("id"), code=TEXT, person=ID, valid_from=TIME,
            valid_until=_optional("time"),
        ),
        _type(
            "device.clock", "s", device=ID, at=TIME, offset_ms=INT, uncertainty_ms=INT, way=TEXT,
            marks=_optional("list"),
        ),
        _type(
            "organ.set", "sys", organ=ID, name=TEXT, code=_optional("text"),
            parent=_optional("id"), reason=_optional("text"),
        ),
        _type(
            "unit.set", "sys", unit=ID, organ=ID, name=TEXT, parent=_optional("id"), ended=BOOL,
            reason=_optional("text"),
        ),
        _type(
            "user.changed", "sys", person=ID, account=PERSONAL, name=PERSONAL,
            organ=_optional("id"), unit=_optional("id"), roles=LIST,
            certificate=_optional("text", erasable=True), certificate_from=_optional("time"),
            certificate_until=_optional("time"), ended=_optional("time"),
            subject=_optional("text", erasable=True), reason=PERSONAL,
        ),
        _type(
            "credential.changed", "sys", person=ID, what=TEXT, reason=_optional("text", erasable=True),
        ),
        _type(
            "policy.proposed", "sys", approval=ID, version=TEXT, valid_from=TIME, value=OBJECT,
            reason=TEXT,
        ),
        _type(
            "rules.set", "sys", list=ID, name=TEXT, version=TEXT, organ=_optional("id"),
            valid_from=TIME, valid_until=_optional("time"), rows=LIST,
        ),
        _type(
            "procedure.set", "sys", procedure=TEXT, version=TEXT, digest=DIGEST, text=TEXT,
            organ=_optional("id"),
        ),
        _type(
            "roster.set", "sys", roster=ID, organ=_optional("id"), name=TEXT, shifts=LIST,
        ),
        _type("roster.withdrawn", "sys", roster=ID, reason=TEXT),
        _type(
            "field.erased", "s c i sys", leaf=DIGEST, index=INT, names=LIST, ground=TEXT,
            approver=TEXT,
        ),
        _type(
            "token.issued", "sys", token=ID, name=PERSONAL, rights=LIST, actor=TEXT,
            source=_optional("id"), person=_optional("id"), organ=_optional("id"),
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
