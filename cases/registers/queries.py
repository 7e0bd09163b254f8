"""What people look at in the registers: devices with who has them now, their ledgers, rosters; and
what is overdue: devices that are not back (uploads: `cases.registers.late_uploads`).

Guarantee: pages walk along indexes; a cursor names the last row seen.
Not covered: rights beyond the rows that `Visible` lets through.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    false,
    func,
    or_,
    select,
)

from cases.inbox import facts as known_facts
from cases.inbox import numbers, sql
from cases.inbox.facts import NEAR_MS
from cases.links import custody as custody_of
from cases.links.facts import Shift
from cases.policy import in_force
from cases.queries import Page, before, page_size
from cases.registers.rules import MAKER_END
from storage import tables
from storage.access import Visible
from verify.errors import NotFoundError

MOST_LINES, MOST_OVERDUE = 200, 500
NOT_RETURNED = "not-returned"
_I = tables.item.c
_D, _S, _C, _O, _U, _R, _H = (
    tables.device.c, tables.source.c, tables.custody.c, tables.device_offset.c,
    tables.device_user.c, tables.roster.c, tables.shift.c,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Device:
    """A device as registered, and who has it now."""

    id: str
    name: str
    serial: str | None
    maker: str | None
    model: str | None
    carrier: str
    organ: str | None
    unit: str | None
    zone: str | None
    ended_ms: int | None
    index: int
    state: str  # in-store, issued, in-repair, lost
    person: str | None
    since_ms: int | None


@dataclass(frozen=True, slots=True)
class CustodyLine:
    index: int
    what: str
    at_ms: int
    person: str | None
    check: Mapping[str, Any]
    marks: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class OffsetLine:
    index: int
    at_ms: int
    offset_ms: int
    uncertainty_ms: int
    way: str
    marks: Sequence[str]


@dataclass(frozen=True, slots=True)
class CodeLine:
    index: int
    device: str | None
    code: str
    person: str
    valid_from_ms: int
    valid_until_ms: int | None


@dataclass(frozen=True, slots=True)
class Detail:
    """A device with its newest lines of each ledger."""

    device: Device
    custody: Sequence[CustodyLine]
    offsets: Sequence[OffsetLine]
    codes: Sequence[CodeLine]
    last_recording_ms: int | None  # when the newest recording of it was sealed


@dataclass(frozen=True, slots=True)
class Roster:
    id: str
    organ: str | None
    name: str
    set_index: int
    withdrawn_index: int | None
    shifts: Sequence[Shift]


_STATES = {
    "issued": "issued", "returned": "in-store", "repair": "in-repair", "repaired": "in-store",
    "lost": "lost", "found": "in-store",
}  # fmt: skip


def devices(
    conn: Connection,
    visible: Visible,
    *,
    cursor: str | None,
    limit: int,
    person: str | None = None,
    text: str = "",
    current: bool = False,
) -> Page[Device]:
    """Registered devices, last described first; of one person those in his hands.

    `text` stands in the name or the serial number; `current`: without those no longer in use.
    """
    limit, last = page_size(limit), before(cursor)
    query = _devices().where(_seen(visible))
    if text:
        query = query.where(
            or_(*(c.icontains(text, autoescape=True) for c in (_S.name, _D.serial)))
        )
    if current:
        query = query.where(_D.ended_ms.is_(None))
    if person is not None:
        query = query.where(_D.id.in_(held_by(conn, person)))
    if last is not None:
        query = query.where(_D.index < last)
    rows = conn.execute(query.order_by(_D.index.desc()).limit(limit + 1)).all()
    made = _made(conn, rows[:limit])
    return Page(made, str(made[-1].index) if len(rows) > limit else None)


def device(conn: Connection, id_: str) -> Detail:
    """One device; NotFoundError."""
    made = _made(conn, conn.execute(_devices().where(_D.id == id_)).all())
    if not made:
        raise NotFoundError(f"device: expected a registered one, got {id_:.40}")
    custody = conn.execute(
        select(_C.index.label("number"), _C.what, _C.at_ms, _C.person, _C.check)
        .where(_C.device == id_)
        .order_by(_C.at_ms.desc(), _C.index.desc())
        .limit(MOST_LINES)
    )
    offsets = conn.execute(
        select(
            _O.index.label("number"), _O.at_ms, _O.offset_ms, _O.uncertainty_ms, _O.way, _O.marks
        )
        .where(_O.device == id_)
        .order_by(_O.at_ms.desc(), _O.index.desc())
        .limit(MOST_LINES)
    )
    codes = conn.execute(
        select(
            _U.index.label("number"), _U.device, _U.code, _U.person, _U.valid_from_ms,
            _U.valid_until_ms,
        )
        .where(_U.device == id_)
        .order_by(_U.index.desc())
        .limit(MOST_LINES)
    )  # fmt: skip
    unreturned = not_returned(conn, id_)
    return Detail(
        made[0],
        [
            CustodyLine(
                *row[:4],
                check=json.loads(row.check or "{}"),
                marks=[NOT_RETURNED] if row.number in unreturned else [],
            )
            for row in custody
        ],
        [OffsetLine(*row[:5], marks=json.loads(row.marks)) for row in offsets],
        [CodeLine(*row) for row in codes],
        conn.execute(select(func.max(_I.sealed_ms)).where(_I.source == id_)).scalar(),
    )


def _devices() -> Any:
    return select(
        _D.id, _S.name, _D.serial, _D.model, _D.carrier, _D.organ, _D.unit, _D.zone, _D.ended_ms,
        _D.index.label("number"),
    ).select_from(tables.device.join(tables.source, _S.id == _D.id))  # fmt: skip


def _made(conn: Connection, rows: Sequence[Any]) -> list[Device]:
    held = holders(conn, [row.id for row in rows])
    made = []
    for row in rows:
        maker, _, serial = (row.serial or "").rpartition(MAKER_END)
        last = held.get(row.id)
        made.append(
            Device(
                row.id, row.name, serial or None, maker or None, row.model, row.carrier, row.organ,
                row.unit, row.zone, row.ended_ms, row.number,
                _STATES[last.what] if last else "in-store",
                last.person if last and last.what == "issued" else None,
                last.at_ms if last else None,
            )
        )  # fmt: skip
    return made


def not_returned(conn: Connection, id_: str) -> frozenset[int]:
    """The lines by which the device was issued while somebody else had it, by the ledger as it is."""
    rows = conn.execute(
        select(_C.index.label("number"), _C.what, _C.person)
        .where(_C.device == id_)
        .order_by(_C.at_ms, _C.index)
    )
    return custody_of.not_returned((row[0], row[1], row[2]) for row in rows)


_HOLDS = (
    'SELECT "index", what, at_ms, person, device FROM custody WHERE "index" IN (SELECT '
    "(SELECT c.\"index\" FROM custody c WHERE c.device = s.id AND c.what <> 'checked' "
    'ORDER BY c.at_ms DESC, c."index" DESC LIMIT 1) FROM source s WHERE s.id IN (?*))'
)


def holders(conn: Connection, ids: Collection[str]) -> dict[str, CustodyLine]:
    """The last line of each of these devices' ledgers that says where it is."""
    return {
        device: CustodyLine(index, what, at_ms, person, {})
        for index, what, at_ms, person, device in sql.rows(conn, _HOLDS, ids)
    }


def held_by(conn: Connection, person: str) -> list[str]:
    """The devices that a person has now."""
    had = sql.rows(
        conn, "SELECT DISTINCT device FROM custody WHERE person = ? AND what = ?", person, "issued"
    )
    lines = holders(conn, [device for (device,) in had])
    return [id_ for id_, line in lines.items() if (line.what, line.person) == ("issued", person)]


def _seen(visible: Visible) -> ColumnElement[bool]:
    """Of the caller's places, or in his hands now."""
    if visible.everything:
        return _D.id.is_not(None)
    parts: list[ColumnElement[bool]] = [
        _D.organ.in_(visible.organs), _D.unit.in_(visible.units),
    ]  # fmt: skip
    if visible.unowned:
        parts.append(and_(_D.organ.is_(None), _D.unit.is_(None)))
    if visible.person is not None:
        parts.append(_D.id.in_(_held_by(visible.person)))
    return or_(*parts) if parts else false()


def _held_by(person: str) -> Select[Any]:
    """Devices that were issued to him last and are neither back nor lost."""
    later = tables.custody.alias()
    since = exists().where(
        later.c.device == _C.device, later.c.what.in_(("issued", "returned", "lost")),
        or_(later.c.at_ms > _C.at_ms,
            and_(later.c.at_ms == _C.at_ms, later.c.index > _C.index)),
    )  # fmt: skip
    return select(_C.device).where(_C.person == person, _C.what == "issued", ~since)


def rosters(conn: Connection, visible: Visible, *, cursor: str | None, limit: int) -> Page[Roster]:
    """Rosters, newest first, with their shifts; those of a withdrawn one are gone."""
    limit, last = page_size(limit), before(cursor)
    query = select(tables.roster)
    if not visible.everything:
        query = query.where(_roster_seen(visible))
    if last is not None:
        query = query.where(_R.set_index < last)
    rows = conn.execute(query.order_by(_R.set_index.desc()).limit(limit + 1)).all()
    shifts: dict[str, list[Shift]] = {}
    for row in conn.execute(
        select(_H.roster, _H.person, _H.start_ms, _H.end_ms, _H.remote)
        .where(_H.roster.in_([row.id for row in rows[:limit]]))
        .order_by(_H.roster, _H.position)
    ):
        shifts.setdefault(row.roster, []).append(Shift(*row[1:]))
    made = [
        Roster(r.id, r.organ, r.name, r.set_index, r.withdrawn_index, shifts.get(r.id, ()))
        for r in rows[:limit]
    ]
    return Page(made, str(made[-1].set_index) if len(rows) > limit else None)


def _roster_seen(visible: Visible) -> ColumnElement[bool]:
    """Of the caller's organs, or with himself or people of his units on duty."""
    p = tables.person.c
    his = select(p.id).where(or_(p.id == visible.person, p.unit.in_(visible.units)))
    return or_(
        _R.organ.in_(visible.organs), _R.id.in_(select(_H.roster).where(_H.person.in_(his))),
        _R.organ.is_(None) if visible.unowned else false(),
    )  # fmt: skip


# --- what is overdue ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LateDevice:
    """A device that had to be back by now; `basis` says what the clock ran from."""

    device: Device
    due_ms: int
    basis: str  # duty, issue
    ended_ms: int


def late_devices(conn: Connection, visible: Visible, *, zone: str, now_ms: int) -> list[LateDevice]:
    """Devices that were issued and are not back after duty and limit, the longest first."""
    policy = in_force(conn, now_ms)
    rows = conn.execute(_devices().where(_seen(visible), _D.ended_ms.is_(None))).all()
    held = holders(conn, [row.id for row in rows])
    out = {id_: line for id_, line in held.items() if line.what == "issued"}
    made = {one.id: one for one in _made(conn, [row for row in rows if row.id in out])}
    people = {line.person for line in out.values() if line.person}
    times = [line.at_ms for id_, line in out.items() if id_ in made]
    duties: dict[str, list[Shift]] = {}
    if times:
        for shift in known_facts.shifts(conn, people, min(times), max(times)):
            duties.setdefault(shift.person, []).append(shift)
    found = []
    for id_, one in made.items():
        ended, basis = _until(out[id_].at_ms, duties.get(one.person or "", ()))
        due = numbers.return_due(ended, policy, zone)
        if due < now_ms:
            found.append(LateDevice(one, due, basis, ended))
    return sorted(found, key=lambda late: (late.due_ms, late.device.id))[:MOST_OVERDUE]


def _until(issued_ms: int, shifts: Sequence[Shift]) -> tuple[int, str]:
    """The end of the duty for which a device was issued: the one then, or the next soon after."""
    fitting = [s for s in shifts if s.end_ms > issued_ms and s.start_ms <= issued_ms + NEAR_MS]
    if not fitting:
        return issued_ms, "issue"
    return min(fitting, key=lambda s: (s.start_ms, s.end_ms)).end_ms, "duty"
