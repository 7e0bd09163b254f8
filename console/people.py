"""People, organs and units: acts and rows.  The rules are `console.people_rules`.

Guarantee: each act reads under the log's lock what its rule judges, so two at once cannot make one
person of two administrators, or two persons of one account; whoever acts must still be a security
administrator when his turn comes.  A person who ends is signed out, and his own
tokens are taken back.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from console import credentials, people_rules, sessions, tokens
from console.people_rules import Person, Place
from console.tree import tree_of
from storage import tables
from storage.errors import RightMissingError
from storage.ledger import Draft, Event, Ledger, random_id
from storage.rights import Role
from verify.errors import ConflictError, NotFoundError

FIRST_REASON = "first account of this server"


@dataclass(frozen=True, slots=True)
class Listed:
    """A person in a list, and how he can sign in."""

    person: Person
    index: int
    password: bool
    must_change: bool
    totp: bool
    locked_until_ms: int | None


def as_person(row: Row[Any]) -> Person:
    """A row of `person`."""
    return Person(
        row.id, row.account or "", row.name, row.organ, row.unit,
        frozenset(Role(role) for role in json.loads(row.roles)), row.certificate,
        row.certificate_from_ms, row.certificate_until_ms, row.ended_ms, row.subject,
    )  # fmt: skip


# --- acts -----------------------------------------------------------------------------------


def place(conn: Connection) -> Place:
    """Organs and units as they are now."""
    o, u = tables.organ.c, tables.unit.c
    units = conn.execute(select(u.id, u.organ, u.parent, u.ended)).all()
    organs = [(r.id, r.parent) for r in conn.execute(select(o.id, o.parent))]
    tree = tree_of(organs, [(r.id, r.organ, r.parent) for r in units])
    return Place(tree, frozenset(r.id for r in units if r.ended))


def check_still(conn: Connection, by: str, role: Role, now_ms: int) -> None:
    """RightMissingError if whoever acts lost the role while he waited for his turn."""
    p = tables.person.c
    if not by.startswith("u:"):
        return
    row = conn.execute(select(p.roles, p.ended_ms).where(p.id == by[2:])).first()
    if row is None:
        return  # a token's actor: what it may is not by roles
    if role not in json.loads(row.roles) or (row.ended_ms is not None and row.ended_ms <= now_ms):
        raise RightMissingError(role, "none any more")


async def set_person(
    ledger: Ledger, person: Person, *, new: bool, by: str, reason: str, now_ms: int,
    hashed: str | None = None,
) -> Event:  # fmt: skip
    """Record a person as he shall be; `hashed`: of the one-time password of a new one."""
    p = tables.person.c

    def decide(conn: Connection) -> Sequence[Draft]:
        check_still(conn, by, Role.SECURITY_ADMIN, now_ms)
        before = conn.execute(select(tables.person).where(p.id == person.id)).first()
        if before is None and not new:
            raise NotFoundError(f"person: expected a known id, got {person.id:.40}")
        same = conn.execute(select(p.id).where(p.account == person.account)).scalar()
        subject = conn.execute(select(p.id).where(p.subject == person.subject)).scalar()
        changed = people_rules.set_person(
            person, before=None if before is None else as_person(before), place=place(conn),
            same_account=same, same_subject=subject, by=by, reason=reason,
        )  # fmt: skip
        if hashed is None:
            ended = person.ended_ms is not None
            return [changed, *(tokens.revoked_of(conn, person.id, by, reason) if ended else ())]
        return [changed, credentials.changed(person.id, credentials.PASSWORD_RESET, by, reason)]

    def also(conn: Connection, _events: object) -> None:
        if person.ended_ms is not None:  # roles hold from the next request on as it is
            sessions.end_all(conn, person.id)
            tokens.forget_of(conn, person.id)
        if hashed is not None:
            credentials.put(conn, person.id, now_ms=now_ms, password=hashed, must_change=True)

    return (await ledger.record(random_id(), decide, also))[0]


async def first_person(ledger: Ledger, account: str, name: str, hashed: str, *, now_ms: int) -> str:
    """The security administrator, as long as there is nobody else; ConflictError after that."""
    person = Person(random_id(), account, name, roles=frozenset({Role.SECURITY_ADMIN}))
    p = tables.person.c

    def decide(conn: Connection) -> Sequence[Draft]:
        if conn.execute(select(func.count()).select_from(tables.person)).scalar():
            raise ConflictError("first person: expected nobody before, got somebody")
        same = conn.execute(select(p.id).where(p.account == account)).scalar()
        draft = people_rules.set_person(
            person, before=None, place=place(conn), same_account=same, same_subject=None,
            by="sys", reason=FIRST_REASON,
        )  # fmt: skip
        reset = credentials.changed(person.id, credentials.PASSWORD_RESET, "sys", FIRST_REASON)
        return [draft, reset]

    def also(conn: Connection, _events: object) -> None:
        credentials.put(conn, person.id, now_ms=now_ms, password=hashed, must_change=True)

    await ledger.record(random_id(), decide, also)
    return person.id


async def set_organ(
    ledger: Ledger, organ: str, *, name: str, code: str | None, parent: str | None, by: str,
    reason: str | None, now_ms: int,
) -> Event:  # fmt: skip
    """Record an organ as it shall be."""

    def decide(conn: Connection) -> Sequence[Draft]:
        check_still(conn, by, Role.SECURITY_ADMIN, now_ms)
        return [
            people_rules.set_organ(
                organ, name=name, code=code, parent=parent, tree=place(conn).tree, by=by,
                reason=reason,
            )
        ]  # fmt: skip

    return (await ledger.record(random_id(), decide))[0]


async def set_unit(
    ledger: Ledger, unit: str, *, organ: str, name: str, parent: str | None, ended: bool, by: str,
    reason: str | None, now_ms: int,
) -> Event:  # fmt: skip
    """Record a unit as it shall be."""
    p = tables.person.c

    def decide(conn: Connection) -> Sequence[Draft]:
        check_still(conn, by, Role.SECURITY_ADMIN, now_ms)
        inside = select(func.count()).where(p.unit == unit, p.ended_ms.is_(None))
        return [
            people_rules.set_unit(
                unit, organ=organ, name=name, parent=parent, ended=ended, tree=place(conn).tree,
                people=conn.execute(inside).scalar() or 0, by=by, reason=reason,
            )
        ]  # fmt: skip

    return (await ledger.record(random_id(), decide))[0]


# --- rows -----------------------------------------------------------------------------------


async def listed(
    conn: AsyncConnection, *where: ColumnElement[bool], limit: int | None = None
) -> list[Listed]:
    """People by account."""
    p, c = tables.person, tables.credential.c
    query = (
        select(p, p.c.index.label("number"), c.password, c.must_change, c.totp, c.locked_until_ms)
        .select_from(p.outerjoin(tables.credential, c.person == p.c.id))
        .where(*where)
        .order_by(p.c.account, p.c.id)
        .limit(limit)
    )
    return [
        Listed(
            as_person(row), row.number, row.password is not None, bool(row.must_change),
            row.totp is not None, row.locked_until_ms,
        )
        for row in await conn.execute(query)
    ]  # fmt: skip


async def person(conn: AsyncConnection, id_: str) -> Listed:
    """One person; NotFoundError."""
    found = await listed(conn, tables.person.c.id == id_)
    if not found:
        raise NotFoundError(f"person: expected a known id, got {id_:.40}")
    return found[0]


async def by_account(conn: AsyncConnection, account: str) -> Listed:
    """The person with this account; NotFoundError."""
    found = await listed(conn, tables.person.c.account == account)
    if not found:
        raise NotFoundError(f"account: expected a known one, got {account!r:.80}")
    return found[0]


__all__ = [
    "Listed", "as_person", "by_account", "check_still", "first_person", "listed", "person",
    "place", "set_organ", "set_person", "set_unit",
]  # fmt: skip
