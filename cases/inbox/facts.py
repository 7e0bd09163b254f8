"""Rows into what attribution is told: items, the ledgers that concern them, duties.

Guarantee: narrow queries along indexes, a fixed number of them however many items are asked for;
what is read here decides nothing.
Not covered: items whose device or person can only be told from rows that no index leads to.

Rows of ledgers come in the order of their entries, so of two at the same time the later said
counts.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select

from cases.links.clock import Measurement
from cases.links.custody import CustodyRow, UserCode, code_key
from cases.links.facts import Device, ItemFacts, Shift, Source
from cases.links.names import named
from cases.links.register import Register, register
from cases.registers.rules import MAKER_END
from storage import tables

DAY_MS = 86_400_000
NEAR_MS = 8 * DAY_MS  # a duty further away than this from a recording says nothing about it
MEASURED_MS = 45 * DAY_MS  # measurements before that are not read for a page
FIXED = ("room", "surveillance", "station")  # issued to nobody
_PADDED = 12  # the longest code that devices fill up with zeros
_I, _U, _M, _D, _T = (
    tables.item.c, tables.upload.c, tables.media.c, tables.device.c, tables.token.c,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """An item as the rules need it, and what the uploader wished."""

    facts: ItemFacts
    wish: str | None
    probed: bool
    sealed_index: int


def items(conn: Connection, ids: Sequence[str]) -> dict[str, Known]:
    """These items with what the probe found of them."""
    rows = conn.execute(
        select(
            _I.id, _I.source, _I.name, _I.mime, _I.sealed_ms, _I.sealed_index, _I.device_times,
            _I.manifest, _U.case_number, _M.probe, _M.duration_ms,
        )
        .select_from(
            tables.item.outerjoin(tables.upload, _U.id == _I.upload)
            .outerjoin(tables.media, _M.item == _I.id)
        )
        .where(_I.id.in_(ids))
    ).all()  # fmt: skip
    handed = sources(conn, {row.source for row in rows})
    return {row.id: _known(row, handed[row.source]) for row in rows}


def sources(conn: Connection, ids: set[str]) -> dict[str, Source]:
    """Who handed over: a registered device, or a person by his token, or neither."""
    people, devices = _people_of_sources(conn, ids), _units_of_devices(conn, ids)
    return {
        id_: Source(
            id_, device=id_ if id_ in devices else None, person=people.get(id_),
            unit=devices.get(id_),
        )
        for id_ in ids
    }  # fmt: skip


def _known(row: Any, source: Source) -> Known:
    probe = json.loads(row.probe) if row.probe else {}
    found = probe.get("facts") or {}
    times = json.loads(row.device_times or "[]")
    embedded = found.get("tags", {}).get("creation_time")
    if embedded and not any(isinstance(t, dict) and t.get("source") == "embedded" for t in times):
        times.append({"source": "embedded", "time": embedded})
    manifest = json.loads(row.manifest) if row.manifest else None
    facts = ItemFacts(
        row.id, source, row.name, row.mime, row.sealed_ms, device_times=times,
        manifest=manifest if isinstance(manifest, dict) else None,
        duration_ms=row.duration_ms, sound=bool(found["audio"]) if "audio" in found else None,
    )  # fmt: skip
    return Known(facts, row.case_number or None, row.probe is not None, row.sealed_index)


def _people_of_sources(conn: Connection, sources: set[str]) -> dict[str, str]:
    """Sources whose token is a person's."""
    if not sources:
        return {}
    rows = conn.execute(
        select(_T.source, _T.person)
        .where(_T.source.in_(sources), _T.person.is_not(None))
        .order_by(_T.issued_index)
    )
    return {row.source: row.person for row in rows}


def _units_of_devices(conn: Connection, sources: set[str]) -> dict[str, str | None]:
    rows = conn.execute(select(_D.id, _D.unit).where(_D.id.in_(sources)))
    return {row.id: row.unit for row in rows}


# --- the ledgers ----------------------------------------------------------------------------


def ledgers(
    conn: Connection,
    known: Iterable[Known],
    *,
    also: Iterable[str] = (),
    span: tuple[int, int] | None = None,
) -> Register:
    """What the registers say about these items' devices and people.

    `also` are further devices (claimed ones); `span` bounds the time that is asked about, where
    it is known.  Duties are read where it is: without it there are none in the answer.
    """
    facts = [one.facts for one in known]
    devices = _devices(conn, facts, also)
    ids = [device.id for device in devices]
    codes = _codes(conn, facts)
    custody = _custody(conn, ids, span)
    people = {row.person for row in custody if row.person}
    people |= {code.person for code in codes}
    people |= {one.source.person for one in facts if one.source.person}
    handed = [one.sealed_ms for one in facts]
    around = (min(handed), max(handed)) if span and handed else None
    return register(
        devices, custody=custody, codes=codes, offsets=_offsets(conn, ids, around),
        shifts=shifts(conn, people, *span) if span else (), units=units(conn, people),
    )  # fmt: skip


def shifts(conn: Connection, people: Iterable[str], start_ms: int, end_ms: int) -> list[Shift]:
    """The duties of these people around this time."""
    s = tables.shift.c
    rows = conn.execute(
        select(s.person, s.start_ms, s.end_ms, s.remote)
        .where(
            s.person.in_(list(people)), s.start_ms >= start_ms - NEAR_MS,
            s.start_ms <= end_ms + NEAR_MS,
        )
        .order_by(s.person, s.start_ms, s.end_ms)
    ).all()  # fmt: skip
    return [Shift(row.person, row.start_ms, row.end_ms, row.remote) for row in rows]


def units(conn: Connection, people: Iterable[str]) -> dict[str, tuple[str | None, str | None]]:
    """Unit and organ of each person."""
    p = tables.person.c
    rows = conn.execute(select(p.id, p.unit, p.organ).where(p.id.in_(list(people))))
    return {row.id: (row.unit, row.organ) for row in rows}


def spellings(code: str) -> set[str]:
    """How a code may stand in a register: with and without the zeros that devices add."""
    key = code_key(code)
    forms = {code.strip(), key, *(key.zfill(n) for n in range(len(key), _PADDED + 1))}
    return forms | {form.lower() for form in forms} | {form.upper() for form in forms}


def device_of(row: Any) -> Device:
    """A row of `device` as the rules take it."""
    maker, _, serial = (row.serial or "").rpartition(MAKER_END)
    return Device(
        row.id, serial, unit=row.unit, organ=row.organ, carrier=row.carrier, zone=row.zone,
        maker=maker or None, fixed=row.carrier in FIXED,
    )  # fmt: skip


def _devices(conn: Connection, facts: Sequence[ItemFacts], also: Iterable[str]) -> list[Device]:
    """The sources' own devices, and those that the files name."""
    ids, serials = set(also), set[str]()
    for one in facts:
        ids.add(one.source.id)
        said = named(one.name)
        manifest = one.manifest or {}
        for text in (manifest.get("serial"), manifest.get("device"), said and said.serial):
            if isinstance(text, str) and text:
                ids.add(text)
                serials |= spellings(text)
    tests = [_D.id.in_(ids), _D.serial.in_(serials)]
    if serials:  # with the maker's code before it no index leads there, but devices are few
        tests += [
            _D.serial.like(f"%{MAKER_END}{_literal(s)}", escape="\\") for s in sorted(serials)[:400]
        ]
    return [device_of(row) for row in conn.execute(select(tables.device).where(or_(*tests)))]


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _codes(conn: Connection, facts: Sequence[ItemFacts]) -> list[UserCode]:
    """What the user codes in these files mean."""
    wanted = set[str]()
    for one in facts:
        said = named(one.name)
        for text in ((one.manifest or {}).get("user"), said and said.user):
            if isinstance(text, str) and text:
                wanted |= spellings(text)
    u = tables.device_user.c
    rows = conn.execute(
        select(u.code, u.person, u.valid_from_ms, u.valid_until_ms, u.device)
        .where(u.code.in_(wanted))
        .order_by(u.index)
    ).all()
    return [UserCode(*row) for row in rows]


def _custody(
    conn: Connection, devices: Sequence[str], span: tuple[int, int] | None
) -> list[CustodyRow]:
    """The ledgers of these devices: all of them, or what reaches into the span."""
    c = tables.custody.c
    query = select(c.device, c.what, c.at_ms, c.person).where(c.device.in_(devices))
    if span is not None:
        low, high = span[0] - DAY_MS, span[1] + DAY_MS
        last = conn.execute(
            select(c.device, func.max(c.at_ms).label("at"))
            .where(c.device.in_(devices), c.at_ms < low)
            .group_by(c.device)
        )
        begins = {row.device: row.at for row in last}
        low = min([low, *begins.values()])
        rows = conn.execute(
            query.where(c.at_ms.between(low, high)).order_by(c.device, c.at_ms, c.index)
        )
        return [CustodyRow(*r) for r in rows if r.at_ms >= begins.get(r.device, low)]
    return [CustodyRow(*row) for row in conn.execute(query.order_by(c.device, c.at_ms, c.index))]


def _offsets(
    conn: Connection, devices: Sequence[str], span: tuple[int, int] | None
) -> dict[str, list[Measurement]]:
    """The measurements of these devices' clocks: all, or those around the time of handing over."""
    o = tables.device_offset.c
    query = select(o.device, o.at_ms, o.offset_ms, o.uncertainty_ms).where(o.device.in_(devices))
    if span is not None:
        query = query.where(o.at_ms.between(span[0] - MEASURED_MS, span[1] + MEASURED_MS))
    found: dict[str, list[Measurement]] = {}
    for row in conn.execute(query.order_by(o.device, o.at_ms, o.index)):
        measured = Measurement(row.at_ms, row.offset_ms, row.uncertainty_ms)
        found.setdefault(row.device, []).append(measured)
    return found
