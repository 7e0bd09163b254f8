"""Requests as rows: what is asked, where its object belongs, who is a head of what.

Guarantee: an item belongs where it was recorded (its attribution), a case where its row says.
Not covered: deciding (`cases.approvals`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from storage import bulk
from verify.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account, as the rules need him."""

    id: str
    name: str
    roles: frozenset[str]
    organ: str | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and where the object that it is about belongs."""

    id: str
    kind: str
    case: str | None
    item: str | None
    asked_by: str
    end_ms: int | None
    decision: str | None
    organ: str | None
    units: frozenset[str]  # the object's unit and all above it


def person_of(conn: Connection, id_: str, now_ms: int) -> Person | None:
    """The person, unless his account has ended."""
    rows = bulk.select(
        conn,
        'SELECT "id", "name", "roles", "organ", "unit", "ended_ms" FROM person WHERE "id" = ?',
        (id_,),
    )
    if not rows or (rows[0][5] is not None and rows[0][5] <= now_ms):
        return None
    id_, name, roles, organ, unit, _ = rows[0]
    return Person(id_, name, frozenset(json.loads(roles)), organ, unit)


def units_above(conn: Connection, unit: str | None) -> frozenset[str]:
    """The unit and all above it."""
    found: set[str] = set()
    while unit is not None and unit not in found:
        found.add(unit)
        rows = bulk.select(conn, 'SELECT "parent" FROM unit WHERE "id" = ?', (unit,))
        unit = rows[0][0] if rows else None
    return frozenset(found)


def asked_of(conn: Connection, id_: str) -> Asked | None:
    """The request with the place of its object: for an item the department that recorded it."""
    rows = bulk.select(
        conn,
        'SELECT q."id", q."kind", q."case", q."item", q."asked_by", q."end_ms", q."decision", '
        'COALESCE(a."organ", c."organ"), COALESCE(a."unit", c."unit") FROM approval q '
        'LEFT JOIN enforcement_case c ON c."id" = q."case" '
        'LEFT JOIN attribution a ON a."item" = q."item" WHERE q."id" = ?',
        (id_,),
    )
    if not rows:
        return None
    cells: tuple[Any, ...] = tuple(rows[0])
    return Asked(*(*cells[:-1], units_above(conn, cells[-1])))


def waiting_for(conn: Connection, case: str, rule: str) -> list[tuple[str, int, int]]:
    """Occasion, start and end of the explanations of this rule that nobody decided yet."""
    rows = bulk.select(
        conn,
        'SELECT "occasion", "start_ms", "end_ms" FROM approval WHERE "case" = ? AND "rule" = ? '
        'AND "kind" = \'interruption\' AND "decision" IS NULL',
        (case, rule),
    )
    return [tuple(row) for row in rows]


def must_be_there(conn: Connection, what: str, id_: str) -> None:
    """NotFoundError unless there is such a case or item."""
    table = "enforcement_case" if what == "case" else what
    if not bulk.select(conn, f'SELECT 1 FROM "{table}" WHERE "id" = ?', (id_,)):  # noqa: S608
        raise NotFoundError(f"{what}: expected a known id, got {id_:.40}")


@dataclass(frozen=True, slots=True)
class Listed:
    """A request as a list shows it."""

    asked: Asked
    number: str | None  # of the case
    rule: str | None
    occasion: str | None
    code: str | None
    text: str
    start_ms: int | None
    value: str | None
    marks: str
    asker: str | None  # names
    asked_ms: int
    decided_by: str | None
    decider: str | None
    decided_ms: int | None
    decided_reason: str | None
    until_ms: int | None


def listed(conn: Connection) -> Iterator[Listed]:
    """All requests, those that wait first, newest first."""
    rows = bulk.select(
        conn,
        'SELECT q."id", q."kind", q."case", q."item", q."asked_by", q."end_ms", q."decision", '
        'COALESCE(a."organ", c."organ"), COALESCE(a."unit", c."unit"), c."number", q."rule", '
        'q."occasion", q."code", q."text", q."start_ms", q."value", q."marks", p."name", '
        'q."asked_ms", q."decided_by", d."name", q."decided_ms", q."decided_reason", '
        'q."until_ms" FROM approval q '
        'LEFT JOIN enforcement_case c ON c."id" = q."case" '
        'LEFT JOIN attribution a ON a."item" = q."item" '
        'LEFT JOIN person p ON q."asked_by" = \'u:\' || p."id" '
        'LEFT JOIN person d ON q."decided_by" = \'u:\' || d."id" '
        'ORDER BY q."decision" IS NOT NULL, q."asked_index" DESC',
    )
    above: dict[str | None, frozenset[str]] = {}
    for cells in rows:
        unit = cells[8]
        if unit not in above:
            above[unit] = units_above(conn, unit)
        yield Listed(Asked(*(*cells[:8], above[unit])), *cells[9:])
