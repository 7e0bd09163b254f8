"""Acts of the case: rows read inside the act, a rule asked, one entry recorded.

Guarantee: when one of these returns, its entry is committed; when it raises a named error, nothing
was recorded (UnavailableError apart: then ask again with the same `operation`).
Not covered: rights; the caller has checked them.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from cases import rules, standing, versions
from storage import bulk, tables
from storage.ledger import Draft, Event, Ledger
from verify.errors import ConflictError, MalformedError, NotFoundError

Place = rules.Placed | standing.CaseRow


class LinkedElsewhereError(ConflictError):
    """Somebody has linked the item to another case since it was seen waiting."""

    code = "linked-elsewhere"


class CaseChangedError(ConflictError):
    """Somebody has described the case anew since the caller read it."""

    code = "case-changed"


def _anybody(_conn: Connection, _place: Place, _people: Set[str]) -> None:
    """Whoever is named may join."""


@dataclass(frozen=True, slots=True)
class Theirs:
    """What the caller may, asked under the log's lock: `may_have` of a case that is found by its
    number or key; `may_join` raises unless he may put these people (new in it, as its own or as
    viewers) into a case of that place."""

    may_have: Callable[[standing.CaseRow], bool] = lambda _row: True
    may_join: Callable[[Connection, Place, Set[str]], None] = _anybody


NOT_ASKED = Theirs()


def case_number_taken(conn: Connection, number: str) -> str | None:
    """The id of the case that has this number."""
    found: str | None = conn.execute(
        select(tables.case.c.id).where(tables.case.c.number == number.strip())
    ).scalar()
    return found


def live_link(conn: Connection, case: str, item: str) -> rules.LiveLink | None:
    """The link between the two that nobody has taken back."""
    t = tables.link
    row = conn.execute(
        select(t.c.linked_index, t.c.linked_leaf)
        .where(t.c.case == case, t.c.item == item, t.c.unlinked_index.is_(None))
        .order_by(t.c.linked_index.desc())
    ).first()
    return None if row is None else rules.LiveLink(row[0], row[1])


def _still_waits(conn: Connection, item: str) -> None:
    t = tables.link.c
    other = select(t.case).where(t.item == item, t.unlinked_index.is_(None)).limit(1)
    if (found := conn.execute(other).scalar()) is not None:
        raise LinkedElsewhereError(f"item {item}: expected no link, got one to case {found}")


def sealed_item(conn: Connection, item: str) -> rules.Sealed | None:
    """The item, if it is sealed."""
    leaf = conn.execute(select(tables.item.c.sealed_leaf).where(tables.item.c.id == item)).scalar()
    return None if leaf is None else rules.Sealed(item, leaf)


def _known_case(conn: Connection, case: str) -> str | None:
    found: str | None = conn.execute(
        select(tables.case.c.id).where(tables.case.c.id == case)
    ).scalar()
    return found


async def open_case(
    ledger: Ledger,
    actor: str,
    *,
    number: str,
    kind: str,
    title: str,
    officers: Sequence[str],
    operation: str | None = None,
) -> str:
    """Open a case and return its id; ConflictError if the number is taken."""
    id_, _ = await open_placed(
        ledger, actor, number=number, kind=kind, title=title, officers=officers,
        operation=operation,
    )  # fmt: skip
    return id_


async def open_placed(
    ledger: Ledger,
    actor: str,
    *,
    number: str,
    kind: str | None,
    title: str,
    officers: Sequence[str],
    procedure: str | None = None,
    placed: rules.Placed = rules.NOWHERE,
    operation: str | None = None,
    theirs: Theirs = NOT_ASKED,
) -> tuple[str, bool]:
    """Open a case; its id, and whether it is new.

    A case of another system that is there already (`placed.external`) is answered as it is.  A
    shipped procedure that nobody used yet is recorded in the same act.  Where no officers are
    named in words, the people's names stand for them.
    """
    new = secrets.token_hex(16)
    known: list[str] = []

    def decide(conn: Connection) -> list[Draft]:
        known.clear()
        if placed.external is not None and (found := case_of_system(conn, placed.external)):
            if not theirs.may_have(standing.case_row(conn, found)):
                raise rules.taken(number)
            known.append(found)
            return []
        check_placed(conn, placed)
        theirs.may_join(conn, placed, {*placed.people, *placed.viewers})
        where, drafts, category = placed, [], None
        if procedure is not None:
            chosen = versions.newest(conn, procedure, placed.organ)
            category = chosen.procedure.category
            where = replace(placed, procedure=chosen.name, procedure_digest=chosen.digest)
            drafts = [] if chosen.index is not None else [versions.set_procedure(chosen, actor)]
        return [
            *drafts,
            rules.open_case(
                new,
                number=number,
                kind=kind or category or "",
                title=title,
                officers=officers or names_of(conn, placed.people),
                actor=actor,
                taken_by=case_number_taken(conn, number),
                placed=where,
            ),
        ]

    events = await ledger.record(operation or f"case:{new}", decide)
    opened = [str(e.fields["case"]) for e in events if e.type == "case.opened"]
    return (opened[0], True) if opened else (known[0], False)


def names_of(conn: Connection, people: Sequence[str]) -> list[str]:
    """What these people are called, in their order, each name once; an erased one is left out."""
    p = tables.person.c
    found = {row.id: row.name for row in conn.execute(select(p.id, p.name).where(p.id.in_(people)))}
    return list(dict.fromkeys(found[id_] for id_ in people if found.get(id_)))


def case_of_system(conn: Connection, external: Mapping[str, str]) -> str | None:
    """The case that came from that system under that key."""
    rows = bulk.select(
        conn,
        'SELECT "id" FROM enforcement_case WHERE "external_system" = ? AND "external_key" = ?',
        (external["system"].strip(), external["key"].strip()),
    )
    return rows[0][0] if rows else None


def check_placed(conn: Connection, placed: rules.Placed) -> None:
    """Organ, unit and people must be there, the unit in the organ; NotFoundError, MalformedError."""
    if placed.organ is not None:
        must_exist(conn, "organ", placed.organ)
    if placed.unit is not None:
        rows = bulk.select(conn, 'SELECT "organ" FROM unit WHERE "id" = ?', (placed.unit,))
        if not rows:
            raise NotFoundError(f"unit: expected a known id, got {placed.unit:.40}")
        if placed.organ != rows[0][0]:
            raise MalformedError(f"unit: expected one of organ {placed.organ}, got {placed.unit}")
    for person in {*placed.people, *placed.viewers}:
        must_exist(conn, "person", person)


def must_exist(conn: Connection, table: str, id_: str) -> None:
    """NotFoundError unless the table has this id."""
    if not bulk.select(conn, f'SELECT 1 FROM "{table}" WHERE "id" = ?', (id_,)):  # noqa: S608
        raise NotFoundError(f"{_WHAT.get(table, table)}: expected a known id, got {id_:.40}")


_WHAT = {"enforcement_case": "case"}


async def change_case(
    ledger: Ledger,
    actor: str,
    case: str,
    *,
    changes: Mapping[str, Any],
    reason: str,
    read_index: int | None = None,
    theirs: Theirs = NOT_ASKED,
) -> Event:
    """Describe the case anew; what `changes` does not name stays as it is.

    `read_index`: the entry whose description the caller had before him; CaseChangedError if
    another describes the case by now, so that nobody undoes unseen what somebody else just wrote.
    """

    def decide(conn: Connection) -> list[Draft]:
        row = standing.case_row(conn, case)
        if read_index not in (None, row.changed_index):
            raise CaseChangedError(
                f"case: expected the description of entry {read_index}, got {row.changed_index}"
            )
        now: dict[str, Any] = {
            "title": row.title, "officers": json.loads(row.officers),
            "people": json.loads(row.people), "parties": json.loads(row.parties),
            "place": None if row.place is None else json.loads(row.place), "unit": None,
            "private": bool(row.private), "viewers": json.loads(row.viewers),
        } | dict(changes)  # fmt: skip
        check_placed(
            conn,
            rules.Placed(
                organ=row.organ, unit=now["unit"], people=now["people"], viewers=now["viewers"]
            ),
        )
        before = {*json.loads(row.people), *json.loads(row.viewers)}
        joining = ({*now["people"]} - {*json.loads(row.people)}) | ({*now["viewers"]} - before)
        theirs.may_join(conn, row, joining)
        untitled = row.title == "" and "title" not in changes  # erased
        return [rules.change_case(case, now=now, actor=actor, reason=reason, untitled=untitled)]

    return (await ledger.record(f"change:{secrets.token_hex(16)}", decide))[0]


async def link(
    ledger: Ledger,
    actor: str,
    *,
    case: str,
    item: str,
    stage: str | None,
    reason: str,
    proposal: Mapping[str, Any] | None = None,
    operation: str | None = None,
    waiting: bool = False,
) -> Event:
    """Link a sealed item to a case; `proposal` is the one that a person confirms.

    `waiting`: only if no case has it by now; LinkedElsewhereError.
    """

    def decide(conn: Connection) -> list[Draft]:
        if waiting and live_link(conn, case, item) is None:
            _still_waits(conn, item)
        return [
            rules.link_item(
                _known_case(conn, case),
                sealed_item(conn, item),
                live=live_link(conn, case, item),
                stage=stage,
                reason=reason,
                actor=actor,
                proposal=proposal,
            )
        ]

    return (await ledger.record(operation or f"link:{secrets.token_hex(16)}", decide))[0]


async def unlink(
    ledger: Ledger,
    actor: str,
    *,
    case: str,
    item: str,
    reason: str,
    operation: str | None = None,
) -> Event:
    """Take the link between an item and a case back."""

    def decide(conn: Connection) -> list[Draft]:
        return [
            rules.unlink_item(
                case, item, live=live_link(conn, case, item), reason=reason, actor=actor
            )
        ]

    return (await ledger.record(operation or f"unlink:{secrets.token_hex(16)}", decide))[0]
