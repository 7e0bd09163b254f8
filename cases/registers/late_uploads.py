"""Uploads that had to be in by now and are not, with what is known of them so far.

Guarantee: only uploads of sources that the caller may have to do with are read, the oldest first,
in a fixed number of statements for each `CHUNK` of them; none is shown that he may not see.
Not covered: an upload of another organ's station, even if its file names a device of the caller's;
more than `MOST_OVERDUE` that are open at the same time.

The ledgers are read around the times of a chunk; no more than `BACK_MS` before it was opened.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, or_, select, true

from cases.inbox import facts as known_facts
from cases.inbox import numbers
from cases.inbox.facts import NEAR_MS
from cases.inbox.terms import Applied, applied
from cases.links.attribution import Attribution, AttributionPolicy, attribute
from cases.links.facts import ItemFacts, Shift
from cases.links.register import register
from cases.links.upload_clock import Clock
from cases.policy import Policy, in_force
from storage import tables
from storage.access import Visible

MOST_OVERDUE, CHUNK = 500, 100
BACK_MS = 366 * known_facts.DAY_MS
_D, _U, _C, _T = tables.device.c, tables.upload.c, tables.custody.c, tables.token.c


@dataclass(frozen=True, slots=True)
class LateUpload:
    """An upload that had to be in by now and is not; what is known of it so far."""

    upload: str
    name: str
    source: str
    opened_ms: int
    said: Attribution
    clock: Clock
    term: Applied


def late_uploads(conn: Connection, visible: Visible, *, zone: str, now_ms: int) -> list[LateUpload]:
    """Open uploads past their time, the longest overdue first."""
    rows = conn.execute(
        select(tables.upload)
        .select_from(tables.upload.outerjoin(tables.device, _D.id == _U.source))
        .where(_U.state == "open", _concerned(visible))
        .order_by(_U.opened_ms)
        .limit(MOST_OVERDUE)
    ).all()
    policy = in_force(conn, now_ms)
    rules = numbers.of_attribution(policy, zone)
    found: list[LateUpload] = []
    for at in range(0, len(rows), CHUNK):
        chunk = rows[at : at + CHUNK]
        said = [
            (row, one) for row, one in zip(chunk, _said(conn, chunk, rules, now_ms), strict=True)
            if one.time_source != "dock" and _may_see(visible, one)
        ]  # fmt: skip
        clocks = _clocks(conn, [one for _, one in said], policy, zone)
        found += [
            LateUpload(
                row.id, row.name, row.source, row.opened_ms, one, clock, applied(clock, policy)
            )
            for (row, one), clock in zip(said, clocks, strict=True)
            if clock.due_ms is not None and clock.due_ms < now_ms
        ]
    return sorted(found, key=lambda late: (late.clock.due_ms or 0, late.upload))


def _concerned(visible: Visible) -> ColumnElement[bool]:
    """Uploads whose source is of the caller's places, or his own, or nobody's.

    A station takes in what all units of its organ recorded.
    """
    if visible.everything:
        return true()
    u, p = tables.unit.c, tables.person.c
    parts: list[ColumnElement[bool]] = [
        _D.organ.in_(visible.organs), _D.unit.in_(visible.units),
    ]  # fmt: skip
    organs = [select(u.organ).where(u.id.in_(visible.units))]
    if visible.unowned:
        parts.append(and_(_D.organ.is_(None), _D.unit.is_(None)))
    if visible.person is not None:
        had = select(_C.device).where(_C.person == visible.person, _C.what == "issued")
        parts.append(_U.source.in_(had))
        parts.append(_U.source.in_(select(_T.source).where(_T.person == visible.person)))
        organs.append(select(p.organ).where(p.id == visible.person))
    stations = or_(*(_D.organ.in_(of) for of in organs))
    return or_(*parts, and_(_D.carrier == "station", stations)) if not visible.nothing else false()


def _may_see(visible: Visible, said: Attribution) -> bool:
    return (
        visible.everything
        or said.organ in visible.organs
        or said.unit in visible.units
        or (visible.person is not None and visible.person == said.person)
        or (visible.unowned and not (said.organ or said.unit or said.person))
    )


def _said(
    conn: Connection, rows: Sequence[Any], rules: AttributionPolicy, now_ms: int
) -> list[Attribution]:
    """What the registers say of these uploads, all at once."""
    sources = known_facts.sources(conn, {row.source for row in rows})
    facts = [
        ItemFacts(
            row.id, sources[row.source], row.name, row.mime or "", now_ms,
            device_times=json.loads(row.device_times or "[]"), manifest=_object(row.manifest),
        )
        for row in rows
    ]  # fmt: skip
    devices = known_facts.devices_of(conn, facts)
    ids = [device.id for device in devices]
    bare = register(devices)
    raw = [attribute(one, bare, rules) for one in facts]
    since = min(
        max(min(one.start_ms or row.opened_ms, row.opened_ms), row.opened_ms - BACK_MS)
        for one, row in zip(raw, rows, strict=True)
    )
    codes = known_facts.user_codes(conn, facts)
    custody = known_facts.custody_within(conn, ids, since - NEAR_MS, now_ms)
    people = {row.person for row in custody if row.person} | {code.person for code in codes}
    people |= {source.person for source in sources.values() if source.person}
    people |= known_facts.named_by_uploaders(facts)
    known = register(
        devices, custody=custody, codes=codes, offsets=known_facts.offsets_since(conn, ids, since),
        units=known_facts.units(conn, people),
    )  # fmt: skip
    return [attribute(one, known, rules) for one in facts]


def _object(text: str | None) -> Mapping[str, object] | None:
    value = json.loads(text) if text else None
    return value if isinstance(value, dict) else None


def _clocks(
    conn: Connection, said: Sequence[Attribution], policy: Policy, zone: str
) -> list[Clock]:
    """When each had to be in: the duties of all their people at once."""
    timed = [one for one in said if one.person is not None and one.start_ms is not None]
    duties: dict[str, list[Shift]] = {}
    if timed:
        low = min(one.start_ms or 0 for one in timed)
        high = max(one.end_ms or one.start_ms or 0 for one in timed)
        for shift in known_facts.shifts(conn, {one.person or "" for one in timed}, low, high):
            duties.setdefault(shift.person, []).append(shift)
    return [
        numbers.upload_due(
            one.start_ms, one.end_ms, _near(one, duties.get(one.person or "", ())), policy, zone
        )
        for one in said
    ]


def _near(said: Attribution, shifts: Iterable[Shift]) -> list[Shift]:
    start, end = said.start_ms, said.end_ms
    if start is None:
        return []
    return [s for s in shifts if start - NEAR_MS <= s.start_ms <= (end or start) + NEAR_MS]
