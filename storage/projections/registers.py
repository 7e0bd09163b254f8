"""What a case is judged by and who is who: organs, units, people, devices, rosters, rule lists,
procedures.  Each entry holds the whole state of its subject, so the newest is the row.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table

from storage import bulk
from storage.acts import Event
from storage.projections.attributions import maybe_ms
from storage.projections.values import listed, maybe_json, maybe_text, text
from storage.tables import (
    custody,
    device,
    device_offset,
    device_user,
    organ,
    person,
    procedure,
    roster,
    rule_list,
    shift,
    unit,
)
from verify.entries import parse_time


def _renew(
    connection: Connection, table: Table, key: str, rows: Mapping[str, Mapping[str, Any]]
) -> None:
    """These rows in the place of those with the same key."""
    bulk.delete(connection, table, (key,), [(id_,) for id_ in rows])
    for row in rows.values():
        bulk.insert(connection, table, tuple(row), [tuple(row.values())])


def organ_set(connection: Connection, events: Sequence[Event]) -> None:
    rows = {
        e.fields["organ"]: {
            "id": e.fields["organ"], "name": text(e, "name"), "code": maybe_text(e, "code"),
            "parent": e.fields.get("parent"), "index": e.index,
        }
        for e in events
    }  # fmt: skip
    _renew(connection, organ, "id", rows)


def unit_set(connection: Connection, events: Sequence[Event]) -> None:
    rows = {
        e.fields["unit"]: {
            "id": e.fields["unit"], "organ": e.fields["organ"], "name": text(e, "name"),
            "parent": e.fields.get("parent"), "ended": e.fields["ended"], "index": e.index,
        }
        for e in events
    }  # fmt: skip
    _renew(connection, unit, "id", rows)


def user_changed(connection: Connection, events: Sequence[Event]) -> None:
    for e in events:  # one after another: two may exchange their accounts
        row = {
            "id": e.fields["person"], "account": maybe_text(e, "account"), "name": text(e, "name"),
            "organ": e.fields.get("organ"), "unit": e.fields.get("unit"),
            "roles": listed(e, "roles"), "certificate": maybe_text(e, "certificate"),
            "certificate_from_ms": maybe_ms(e, "certificate_from"),
            "certificate_until_ms": maybe_ms(e, "certificate_until"),
            "ended_ms": maybe_ms(e, "ended"), "subject": maybe_text(e, "subject"),
            "index": e.index,
        }  # fmt: skip
        _renew(connection, person, "id", {e.fields["person"]: row})


def rules_set(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, rule_list,
        ("id", "name", "version", "organ", "valid_from_ms", "valid_until_ms", "rows", "index"),
        [
            (
                e.fields["list"], text(e, "name"), text(e, "version"), e.fields.get("organ"),
                parse_time(e.fields["valid_from"]), maybe_ms(e, "valid_until"), listed(e, "rows"),
                e.index,
            )
            for e in events
        ],
    )  # fmt: skip


def procedure_set(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, procedure, ("name", "version", "digest", "text", "organ", "index"),
        [
            (
                text(e, "procedure"), text(e, "version"), e.fields["digest"], text(e, "text"),
                e.fields.get("organ"), e.index,
            )
            for e in events
        ],
    )  # fmt: skip


def roster_set(connection: Connection, events: Sequence[Event]) -> None:
    """An element of `shifts` is `{"person", "start", "end"}` and `"remote": true` where it is."""
    bulk.insert(
        connection, roster, ("id", "organ", "name", "set_index"),
        [(e.fields["roster"], e.fields.get("organ"), text(e, "name"), e.index) for e in events],
    )  # fmt: skip
    bulk.insert(
        connection, shift, ("roster", "position", "person", "start_ms", "end_ms", "remote"),
        [
            (
                e.fields["roster"], position, one["person"], parse_time(one["start"]),
                parse_time(one["end"]), one.get("remote", False),
            )
            for e in events
            for position, one in enumerate(e.fields["shifts"])
        ],
    )  # fmt: skip


def roster_withdrawn(connection: Connection, events: Sequence[Event]) -> None:
    ids = [(e.fields["roster"],) for e in events]
    bulk.delete(connection, shift, ("roster",), ids)
    bulk.update(
        connection, roster, ("withdrawn_index",), ("id",),
        [(e.index, e.fields["roster"]) for e in events],
    )  # fmt: skip


def device_set(connection: Connection, events: Sequence[Event]) -> None:
    rows = {
        e.fields["device"]: {
            "id": e.fields["device"], "serial": maybe_text(e, "serial"),
            "model": maybe_text(e, "model"), "carrier": text(e, "carrier"),
            "organ": e.fields.get("organ"), "unit": e.fields.get("unit"),
            "zone": maybe_text(e, "zone"), "ended_ms": maybe_ms(e, "ended"), "index": e.index,
        }
        for e in events
    }  # fmt: skip
    _renew(connection, device, "id", rows)


def device_custody(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, custody, ("index", "device", "what", "at_ms", "person", "check"),
        [
            (
                e.index, e.fields["device"], text(e, "what"), parse_time(e.fields["at"]),
                e.fields.get("person"), maybe_json(e, "check"),
            )
            for e in events
        ],
    )  # fmt: skip


def device_user_set(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, device_user,
        ("index", "device", "code", "person", "valid_from_ms", "valid_until_ms"),
        [
            (
                e.index, e.fields.get("device"), text(e, "code"), e.fields["person"],
                parse_time(e.fields["valid_from"]), maybe_ms(e, "valid_until"),
            )
            for e in events
        ],
    )  # fmt: skip


def device_clock(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, device_offset,
        ("index", "device", "at_ms", "offset_ms", "uncertainty_ms", "way", "marks"),
        [
            (
                e.index, e.fields["device"], parse_time(e.fields["at"]), e.fields["offset_ms"],
                e.fields["uncertainty_ms"], text(e, "way"), listed(e, "marks"),
            )
            for e in events
        ],
    )  # fmt: skip
