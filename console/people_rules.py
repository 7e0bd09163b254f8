"""Who may be what: rules about organs, units, people and roles, as pure functions.

Guarantee: nobody is two of the three administrators, nor one of them and anything else; nobody
gives himself a role; a circle of organs or units is refused; an account and a subject are one
person's.  A rule returns the entry that says the whole state, or raises a named error.
Not covered: reading rows and recording (`console.people`).

Format: docs/formats/entries.md (`organ.set`, `unit.set`, `user.changed`).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from console.errors import AccountTakenError, DutySeparationError, OwnRightsError
from console.signin import account_key
from console.tree import Tree, check_parent
from storage.ledger import Draft
from storage.rights import ADMINISTRATORS, Role
from verify.entries import format_time
from verify.errors import ConflictError, MalformedError, NotFoundError

MAX_NAME, MAX_ACCOUNT, MAX_CERTIFICATE, MAX_SUBJECT, MAX_REASON = 200, 64, 64, 255, 1000
_ACCOUNT = re.compile(r"[\w][\w.@\-]{1,63}")


@dataclass(frozen=True, slots=True)
class Person:
    """A person, whole."""

    id: str
    account: str
    name: str
    organ: str | None = None
    unit: str | None = None
    roles: frozenset[Role] = field(default_factory=frozenset)
    certificate: str | None = None
    certificate_from_ms: int | None = None
    certificate_until_ms: int | None = None
    ended_ms: int | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """What a person's place is checked against: the tree, and the units that are dissolved."""

    tree: Tree
    ended: frozenset[str] = frozenset()


def line(what: str, text: str, most: int) -> str:
    """One printable line; MalformedError."""
    text = text.strip()
    if not text or len(text) > most or not text.isprintable():
        raise MalformedError(f"{what}: expected 1 to {most} printable characters, got {text!r:.40}")
    return text


def check_roles(roles: Collection[Role]) -> None:
    """三员分立: DutySeparationError for two administrators in one, or one with another role."""
    administrators = sorted(ADMINISTRATORS & set(roles))
    if administrators and len(set(roles)) > 1:
        raise DutySeparationError(
            f"roles: expected {administrators[0]} and nothing beside it, "
            f"got {', '.join(sorted(set(roles)))}"
        )


def check_giver(by: str, before: Person | None, after: Person) -> None:
    """OwnRightsError if somebody changes his own roles, place or end."""
    if by != f"u:{after.id}":
        return
    was = None if before is None else (before.roles, before.organ, before.unit, before.ended_ms)
    if was != (after.roles, after.organ, after.unit, after.ended_ms):
        raise OwnRightsError("roles: expected those of another person, got one's own")


def set_person(
    after: Person,
    *,
    before: Person | None,
    place: Place,
    same_account: str | None,
    same_subject: str | None,
    by: str,
    reason: str,
) -> Draft:
    """The rule: a person as he shall be.  `same_…`: the id of whoever has this account now."""
    _check_person(after)
    check_roles(after.roles)
    check_giver(by, before, after)
    _check_place(after, before, place)
    if same_account not in (None, after.id):
        raise AccountTakenError(f"account {after.account}: expected a free one, got another's")
    if after.subject is not None and same_subject not in (None, after.id):
        raise AccountTakenError("subject: expected a free one, got another person's")
    if before == after:
        raise ConflictError(f"person {after.id}: expected a change, got the same again")
    return Draft("user.changed", "sys", by, user_fields(after, reason))


def user_fields(person: Person, reason: str) -> Mapping[str, object]:
    """The entry's fields; what the person has not is not there."""
    fields: dict[str, object] = {
        "person": person.id,
        "account": person.account,
        "name": person.name,
        "roles": sorted(str(role) for role in person.roles),
        "reason": line("reason", reason, MAX_REASON),
    }
    texts = {
        "organ": person.organ, "unit": person.unit, "certificate": person.certificate,
        "subject": person.subject,
    }  # fmt: skip
    times = {
        "certificate_from": person.certificate_from_ms,
        "certificate_until": person.certificate_until_ms,
        "ended": person.ended_ms,
    }
    fields |= {name: text for name, text in texts.items() if text is not None}
    return fields | {name: format_time(ms) for name, ms in times.items() if ms is not None}


def _check_person(person: Person) -> None:
    if account_key(person.account) != person.account or not _ACCOUNT.fullmatch(person.account):
        raise MalformedError(
            f"account: expected 2 to {MAX_ACCOUNT} letters, digits, . _ - @ in lower case, "
            f"got {person.account!r:.80}"
        )
    line("name", person.name, MAX_NAME)
    if person.certificate is not None:
        line("certificate", person.certificate, MAX_CERTIFICATE)
    if person.subject is not None:
        line("subject", person.subject, MAX_SUBJECT)
    first, last = person.certificate_from_ms, person.certificate_until_ms
    if first is not None and last is not None and first >= last:
        raise MalformedError("certificate: expected to begin before it ends, got the contrary")


def _check_place(after: Person, before: Person | None, place: Place) -> None:
    tree = place.tree
    if after.organ is not None and after.organ not in tree.organs:
        raise NotFoundError(f"organ: expected a known id, got {after.organ:.40}")
    if after.unit is None:
        return
    if after.unit not in tree.units:
        raise NotFoundError(f"unit: expected a known id, got {after.unit:.40}")
    if tree.units[after.unit][0] != after.organ:
        raise ConflictError(f"unit {after.unit}: expected one of the person's organ, got another's")
    moved = before is None or before.unit != after.unit
    if moved and after.unit in place.ended:
        raise ConflictError(f"unit {after.unit}: expected one that exists, got a dissolved one")


def set_organ(
    organ: str, *, name: str, code: str | None, parent: str | None, tree: Tree, by: str,
    reason: str | None,
) -> Draft:  # fmt: skip
    """The rule: an organ as it shall be."""
    check_parent("organ", organ, parent, tree.organs)
    fields: dict[str, object] = {"organ": organ, "name": line("name", name, MAX_NAME)}
    if code is not None:
        fields["code"] = line("code", code, MAX_CERTIFICATE)
    if parent is not None:
        fields["parent"] = parent
    if reason is not None:
        fields["reason"] = line("reason", reason, MAX_REASON)
    return Draft("organ.set", "sys", by, fields)


def set_unit(
    unit: str, *, organ: str, name: str, parent: str | None, ended: bool, tree: Tree,
    people: int, by: str, reason: str | None,
) -> Draft:  # fmt: skip
    """The rule: a unit as it shall be; `people`: how many are in it now."""
    if organ not in tree.organs:
        raise NotFoundError(f"organ: expected a known id, got {organ:.40}")
    if unit in tree.units and tree.units[unit][0] != organ:
        raise ConflictError(f"unit {unit}: expected to stay in its organ, got another")
    above = {id_: up for id_, (its, up) in tree.units.items() if its == organ}
    check_parent("unit", unit, parent, above)
    if ended and people:
        raise ConflictError(f"unit {unit}: expected nobody in it any more, got {people}")
    fields: dict[str, object] = {
        "unit": unit, "organ": organ, "name": line("name", name, MAX_NAME), "ended": ended,
    }  # fmt: skip
    if parent is not None:
        fields["parent"] = parent
    if reason is not None:
        fields["reason"] = line("reason", reason, MAX_REASON)
    return Draft("unit.set", "sys", by, fields)
