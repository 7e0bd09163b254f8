"""Whose recording, from when to when, how late, who may see it: `item.attributed`, `item.late`,
`item.flagged`, `proposal.refused`.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from storage import bulk
from storage.acts import Event
from storage.projections.values import listed, maybe_json, maybe_text, text
from storage.tables import attribution, flag, late, refusal, waiting
from verify.entries import parse_time

UNKNOWN_USER = "unknown-user"  # a mark: the device's user code means nobody
_ATTRIBUTED = (
    "item", "device", "person", "unit", "organ", "start_ms", "end_ms", "kind", "carrier", "sound",
    "time_source", "offset_ms", "uncertainty_ms", "place", "marks", "due_ms", "due_basis",
    "policy", "why", "index",
)  # fmt: skip


def maybe_ms(event: Event, name: str) -> int | None:
    """A time that may be absent, in milliseconds."""
    value = event.fields.get(name)
    return None if value is None else parse_time(value)


def attributed(connection: Connection, events: Sequence[Event]) -> None:
    """The newest word about an item takes the place of the one before; the entries keep all."""
    newest = {e.fields["item"]: e for e in events}
    bulk.delete(connection, attribution, ("item",), [(item,) for item in newest])
    rows: list[bulk.Row] = []
    for item, e in newest.items():
        f = e.fields
        rows.append((
            item, f.get("device"), f.get("person"), f.get("unit"), f.get("organ"),
            maybe_ms(e, "start"), maybe_ms(e, "end"), text(e, "kind"), text(e, "carrier"),
            f["sound"], maybe_text(e, "time_source"), f.get("offset_ms"),
            f.get("uncertainty_ms", 0), maybe_json(e, "place"), listed(e, "marks"),
            maybe_ms(e, "due"), maybe_text(e, "due_basis"), text(e, "policy"), text(e, "why"),
            e.index,
        ))  # fmt: skip
    bulk.insert(connection, attribution, _ATTRIBUTED, rows)
    bulk.update(
        connection, waiting, ("person", "unit", "organ", "due_ms", "doubted"), ("item",),
        [
            (
                e.fields.get("person"), e.fields.get("unit"), e.fields.get("organ"),
                maybe_ms(e, "due"), True if UNKNOWN_USER in e.fields.get("marks", ()) else None,
                item,
            )
            for item, e in newest.items()
        ],
    )  # fmt: skip


def marked_late(connection: Connection, events: Sequence[Event]) -> None:
    """The first mark stays for ever; a second changes nothing."""
    bulk.insert(
        connection, late, ("item", "ended_ms", "due_ms", "sealed_ms", "basis", "policy", "index"),
        [
            (
                e.fields["item"], parse_time(e.fields["ended"]), parse_time(e.fields["due"]),
                parse_time(e.fields["sealed"]), text(e, "basis"), text(e, "policy"), e.index,
            )
            for e in events
        ],
        ignore=True,
    )  # fmt: skip


def flagged(connection: Connection, events: Sequence[Event]) -> None:
    newest = {e.fields["item"]: e for e in events}
    bulk.delete(connection, flag, ("item",), [(item,) for item in newest])
    bulk.insert(
        connection, flag, ("item", "private", "viewers", "index"),
        [
            (item, e.fields["private"], listed(e, "viewers"), e.index)
            for item, e in newest.items()
        ],
    )  # fmt: skip


def refused(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, refusal, ("case", "item", "index"),
        [(e.fields["case"], e.fields["item"], e.index) for e in events],
        ignore=True,
    )  # fmt: skip
