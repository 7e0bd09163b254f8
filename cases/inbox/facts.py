"""Rows into what attribution is told: items, the ledgers that concern them, duties.

Guarantee: narrow queries along indexes, a fixed number of them however many items are asked for;
what is read here decides nothing.
Not covered: items whose device or person can only be told from rows that no index leads to.

Rows of ledgers come in the order of their entries, so of two at the same time the later said
counts.
"""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, or_, select

from cases.inbox import sql
from cases.inbox.kept import Kept
from cases.links.clock import Measurement
from cases.links.custody import CustodyRow, UserCode, code_key
from cases.links.facts import Device, ItemFacts, Shift, Source
from cases.links.names import named
from cases.links.register import Register, register
from cases.registers.rules import MAKER_END
from storage import tables

_ID = re.compile(r"[0-9a-f]{32}")
DAY_MS = 86_400_000
NEAR_MS = 8 * DAY_MS  # a duty further away than this from a recording says nothing about it
FIXED = ("room", "surveillance", "station")  # issued to nobody
_PADDED = 8  # places to which devices fill up codes with zeros
_D = tables.device.c


@dataclass(frozen=True, slots=True)
class Known:
    """An item as the rules need it, and what the uploader wished."""

    facts: ItemFacts
    wish: str | None
    probed: bool
    sealed_index: int


def items(conn: Connection, ids: Sequence[str]) -> dict[str, Known]:
    """These items with what the probe found of them."""
    rows = sql.rows(
        conn,
        "SELECT i.id, i.source, i.name, i.mime, i.sealed_ms, i.sealed_index, i.device_times, "
        "i.manifest, u.case_number, m.probe, m.duration_ms FROM item i "
        "LEFT JOIN upload u ON u.id = i.upload LEFT JOIN media m ON m.item = i.id "
        "WHERE i.id IN (?*)",
        ids,
    )
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


def _people_of_sources(conn: Connection, ids: set[str]) -> dict[str, str]:
    """Sources whose token is a person's."""
    rows = sql.rows(
        conn,
        "SELECT source, person FROM token WHERE person IS NOT NULL AND source IN (?*) "
        "ORDER BY issued_index",
        ids,
    )
    return dict(map(tuple, rows))


def _units_of_devices(conn: Connection, ids: set[str]) -> dict[str, str | None]:
    return dict(map(tuple, sql.rows(conn, "SELECT id, unit FROM device WHERE id IN (?*)", ids)))


# --- the ledgers ----------------------------------------------------------------------------


def ledgers(conn: Connection, known: Known, kept: Kept | None = None) -> Register:
    """What the registers say about an item's device and people, whole; duties apart.

    What is `kept` is not read again.
    """
    devices = _devices(conn, known.facts)
    ids, codes = [device.id for device in devices], user_codes(conn, [known.facts])
    custody, measured = (kept or Kept.now(conn)).ledgers(conn, ids)
    people = {row.person for row in custody if row.person}
    people |= {code.person for code in codes}
    if known.facts.source.person:
        people.add(known.facts.source.person)
    people |= named_by_uploaders([known.facts])
    return register(
        devices, custody=custody, codes=codes, offsets=measured, units=units(conn, people),
    )  # fmt: skip


def shifts(conn: Connection, people: Collection[str], start_ms: int, end_ms: int) -> list[Shift]:
    """The duties of these people around this time."""
    rows = sql.rows(
        conn,
        "SELECT person, start_ms, end_ms, remote FROM shift WHERE person IN (?*) "
        "AND start_ms >= ? AND start_ms <= ? ORDER BY person, start_ms, end_ms",
        people, start_ms - NEAR_MS, end_ms + NEAR_MS,
    )  # fmt: skip
    return [Shift(person, start, end, bool(far)) for person, start, end, far in rows]


def units(conn: Connection, people: Collection[str]) -> dict[str, tuple[str | None, str | None]]:
    """Unit and organ of each person."""
    rows = sql.rows(conn, "SELECT id, unit, organ FROM person WHERE id IN (?*)", people)
    return {id_: (unit, organ) for id_, unit, organ in rows}


def spellings(code: str) -> set[str]:
    """How a code may stand in a register: with and without the zeros that devices add."""
    key = code_key(code)
    forms = {code.strip(), key, *(key.zfill(n) for n in range(len(key), _PADDED + 1))}
    return forms | {form.lower() for form in forms}


def device_of(row: Any) -> Device:
    """A row of `device` as the rules take it."""
    maker, _, serial = (row.serial or "").rpartition(MAKER_END)
    return Device(
        row.id, serial, unit=row.unit, organ=row.organ, carrier=row.carrier, zone=row.zone,
        maker=maker or None, fixed=row.carrier in FIXED,
    )  # fmt: skip


def _named_by(facts: ItemFacts) -> tuple[set[str], set[str]]:
    """Ids and spellings of serials of the source's own device, and of those the file may name."""
    manifest, said = facts.manifest or {}, named(facts.name)
    ids, serials = {facts.source.id, facts.source.device or ""}, set[str]()
    for text in (manifest.get("serial"), manifest.get("device"), said and said.serial):
        if isinstance(text, str) and text:
            ids.add(text)
            serials |= spellings(text)
    return ids, serials


def _devices(conn: Connection, facts: ItemFacts) -> list[Device]:
    ids, serials = _named_by(facts)
    tests = [_D.id.in_(ids), _D.serial.in_(serials)]
    # With the maker's code before it no index leads there, but devices are few.
    tests += [_D.serial.like(f"%{MAKER_END}{_literal(s)}", escape="\\") for s in sorted(serials)]
    return [device_of(row) for row in conn.execute(select(tables.device).where(or_(*tests)))]


def devices_of(conn: Connection, facts: Iterable[ItemFacts]) -> list[Device]:
    """The same devices for many items, in one statement."""
    ids, serials = set[str](), set[str]()
    for one in facts:
        more, texts = _named_by(one)
        ids, serials = ids | more, serials | texts
    tests = [_D.id.in_(ids), _D.serial.in_(serials)]
    if serials:
        tests.append(_D.serial.like(f"%{MAKER_END}%"))
    rows = conn.execute(select(tables.device).where(or_(*tests)))
    found = [device_of(row) for row in rows]
    return [one for one in found if one.id in ids or one.serial in serials]


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def devices(conn: Connection, ids: Collection[str]) -> list[Device]:
    """These devices."""
    rows = sql.rows(
        conn, "SELECT id, serial, carrier, organ, unit, zone FROM device WHERE id IN (?*)", ids
    )
    return [device_of(row) for row in rows]


def user_codes(conn: Connection, facts: Iterable[ItemFacts]) -> list[UserCode]:
    """What the user codes in these files mean."""
    wanted = set[str]()
    for one in facts:
        said = named(one.name)
        for text in ((one.manifest or {}).get("user"), said and said.user):
            if isinstance(text, str) and text:
                wanted |= spellings(text)
    rows = sql.rows(
        conn,
        "SELECT code, person, valid_from_ms, valid_until_ms, device FROM device_user "
        'WHERE code IN (?*) ORDER BY "index"',
        wanted,
    )
    return [UserCode(*row) for row in rows]


def named_by_uploaders(facts: Iterable[ItemFacts]) -> set[str]:
    """Whom those who handed over named, as they wrote it; perhaps nobody's id."""
    said = ((one.manifest or {}).get("person") for one in facts)
    return {person for person in said if isinstance(person, str) and _ID.fullmatch(person)}


def custody_within(
    conn: Connection, ids: Collection[str], start_ms: int, end_ms: int
) -> list[CustodyRow]:
    """The ledgers of these devices within a time, from the last line before it on."""
    low, high = start_ms - DAY_MS, end_ms + DAY_MS
    last = sql.rows(
        conn,
        'SELECT s.id, (SELECT b."index" FROM custody b WHERE b.device = s.id AND b.at_ms < ? '
        "AND b.what <> 'checked' ORDER BY b.at_ms DESC, b.\"index\" DESC LIMIT 1) "
        "FROM source s WHERE s.id IN (?*)",
        low, ids,
    )  # fmt: skip
    before = sql.rows(
        conn,
        'SELECT device, what, at_ms, person FROM custody WHERE "index" IN (?*)',
        [index for _, index in last if index is not None],
    )
    rows = sql.rows(
        conn,
        "SELECT device, what, at_ms, person FROM custody WHERE device IN (?*) "
        'AND at_ms >= ? AND at_ms <= ? ORDER BY device, at_ms, "index"',
        ids, low, high,
    )  # fmt: skip
    return [CustodyRow(*row) for row in (*before, *rows)]


def offsets_since(
    conn: Connection, ids: Collection[str], since_ms: int
) -> dict[str, list[Measurement]]:
    """The measurements of these devices' clocks from the last before a time on."""
    found: dict[str, list[Measurement]] = {}
    for device, *measured in sql.rows(
        conn,
        "SELECT o.device, o.at_ms, o.offset_ms, o.uncertainty_ms FROM device_offset o "
        "WHERE o.at_ms >= COALESCE((SELECT MAX(b.at_ms) FROM device_offset b "
        "WHERE b.device = o.device AND b.at_ms < ?), 0) AND o.device IN (?*) "
        'ORDER BY o.device, o.at_ms, o."index"',
        since_ms, ids,
    ):  # fmt: skip
        found.setdefault(device, []).append(Measurement(*measured))
    return found
