"""What people look at in the registers: devices with who has them now, their ledgers, rosters; and
what is overdue: uploads that are not in, devices that are not back.

Guarantee: pages walk along indexes; a cursor names the last row seen.
Not covered: rights beyond the rows that `Visible` lets through.
"""

import json
from collections.abc import Mapping, Sequence
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
from cases.inbox import numbers
from cases.inbox.facts import NEAR_MS, Known
from cases.links.attribution import Attribution, attribute
from cases.links.facts import ItemFacts, Shift
from cases.links.upload_clock import Clock
from cases.policy import Policy, in_force
from cases.queries import Page, before, page_size
from cases.registers.rules import MAKER_END
from storage import tables
from storage.access import Visible
from verify.errors import NotFoundError

MOST_LINES, MOST_OVERDUE = 200, 500
HOLDING = ("issued", "returned", "repair", "repaired", "lost", "found")
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


def devices(conn: Connection, visible: Visible, *, cursor: str | None, limit: int) -> Page[Device]:
    """Registered devices, last described first."""
    limit, last = page_size(limit), before(cursor)
    query = _devices().where(_seen(visible))
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
    return Detail(
        made[0],
        [CustodyLine(*row[:4], check=json.loads(row.check or "{}")) for row in custody],
        [OffsetLine(*row[:5], marks=json.loads(row.marks)) for row in offsets],
        [CodeLine(*row) for row in codes],
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


def holders(conn: Connection, ids: Sequence[str] | None = None) -> dict[str, CustodyLine]:
    """The last line of each device's ledger that says where it is; all devices without `ids`."""
    of = [_C.what.in_(HOLDING)] + ([] if ids is None else [_C.device.in_(ids)])
    newest = (
        select(_C.device, func.max(_C.at_ms).label("at_ms"))
        .where(*of)
        .group_by(_C.device)
        .subquery()
    )
    rows = conn.execute(
        select(_C.device, _C.index.label("number"), _C.what, _C.at_ms, _C.person)
        .join(newest, and_(newest.c.device == _C.device, newest.c.at_ms == _C.at_ms))
        .where(*of)
        .order_by(_C.index)
    )
    return {r.device: CustodyLine(r.number, r.what, r.at_ms, r.person, {}) for r in rows}


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


def user_codes(conn: Connection, people: Sequence[str]) -> list[CodeLine]:
    """What user codes mean these people."""
    rows = conn.execute(
        select(
            _U.index.label("number"), _U.device, _U.code, _U.person, _U.valid_from_ms,
            _U.valid_until_ms,
        ).where(_U.person.in_(people))
    )  # fmt: skip
    return [CodeLine(*row) for row in rows]


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
class LateUpload:
    """An upload that had to be in by now and is not; what is known of it so far."""

    upload: str
    name: str
    source: str
    opened_ms: int
    said: Attribution
    clock: Clock


@dataclass(frozen=True, slots=True)
class LateDevice:
    """A device that had to be back by now; `basis` says what the clock ran from."""

    device: Device
    due_ms: int
    basis: str  # duty, issue
    ended_ms: int


def late_uploads(conn: Connection, visible: Visible, *, zone: str, now_ms: int) -> list[LateUpload]:
    """Open uploads past their time, the longest overdue first."""
    u = tables.upload.c
    rows = conn.execute(
        select(tables.upload, _S.kind)
        .select_from(tables.upload.outerjoin(tables.source, _S.id == u.source))
        .where(u.state == "open")
        .order_by(u.opened_ms)
        .limit(MOST_OVERDUE)
    ).all()
    policy = in_force(conn, now_ms)
    sources = known_facts.sources(conn, {row.source for row in rows})
    known = [
        Known(
            ItemFacts(
                row.id, sources[row.source], row.name, row.mime or "", now_ms,
                device_times=json.loads(row.device_times or "[]"),
                manifest=_object(row.manifest),
            ),
            row.case_number, probed=False, sealed_index=row.opened_index,
        )
        for row in rows
    ]  # fmt: skip
    rules = numbers.of_attribution(policy, zone)
    found = []
    for row, one in zip(rows, known, strict=True):
        said = attribute(one.facts, known_facts.ledgers(conn, one), rules)
        if said.time_source == "dock" or not _may_see(visible, said):
            continue
        clock = _due(conn, said, policy, zone)
        if clock.due_ms is not None and clock.due_ms < now_ms:
            found.append(LateUpload(row.id, row.name, row.source, row.opened_ms, said, clock))
    return sorted(found, key=lambda late: (late.clock.due_ms or 0, late.upload))


def _object(text: str | None) -> Mapping[str, object] | None:
    value = json.loads(text) if text else None
    return value if isinstance(value, dict) else None


def _due(conn: Connection, said: Attribution, policy: Policy, zone: str) -> Clock:
    start, end = said.start_ms, said.end_ms
    duties = []
    if said.person is not None and start is not None:
        duties = known_facts.shifts(conn, [said.person], start, end or start)
    return numbers.upload_due(start, end, duties, policy, zone)


def _may_see(visible: Visible, said: Attribution) -> bool:
    return (
        visible.everything
        or said.organ in visible.organs
        or said.unit in visible.units
        or (visible.person is not None and visible.person == said.person)
        or (visible.unowned and not (said.organ or said.unit or said.person))
    )


def late_devices(conn: Connection, visible: Visible, *, zone: str, now_ms: int) -> list[LateDevice]:
    """Devices that were issued and are not back after duty and limit, the longest first."""
    policy = in_force(conn, now_ms)
    out = {id_: line for id_, line in holders(conn).items() if line.what == "issued"}
    rows = conn.execute(_devices().where(_seen(visible), _D.ended_ms.is_(None))).all()
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
