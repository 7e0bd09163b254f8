"""What people do and may do: `view.*`, `token.*`."""

from collections.abc import Sequence

from sqlalchemy import Connection

from storage import bulk
from storage.acts import Event
from storage.projections.values import listed, maybe_json, text
from storage.tables import token, view
from verify.entries import parse_time


def granted(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, view,
        ("id", "item", "person", "purpose", "what", "case", "granted_index", "granted_ms", "until_ms", "clip"),
        [
            (
                e.fields["view"], e.fields["item"], text(e, "person"), text(e, "purpose"),
                text(e, "what"), e.fields.get("case"), e.index, e.at_ms,
                parse_time(e.fields["until"]), e.fields.get("clip"),
            )
            for e in events
        ],
    )  # fmt: skip


def closed(connection: Connection, events: Sequence[Event]) -> None:
    bulk.update(
        connection, view, ("closed_index", "served", "unconfirmed"), ("id",),
        [
            (e.index, listed(e, "served"), maybe_json(e, "unconfirmed"), e.fields["view"])
            for e in events
        ],
    )  # fmt: skip


def issued(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, token,
        (
            "id", "name", "rights", "actor", "source", "issued_index", "issued_ms", "person",
            "organ",
        ),
        [
            (
                e.fields["token"], text(e, "name"), listed(e, "rights"), text(e, "actor"),
                e.fields.get("source"), e.index, e.at_ms, e.fields.get("person"),
                e.fields.get("organ"),
            )
            for e in events
        ],
    )  # fmt: skip


def revoked(connection: Connection, events: Sequence[Event]) -> None:
    bulk.update(
        connection, token, ("revoked_index",), ("id",),
        [(e.index, e.fields["token"]) for e in events],
    )  # fmt: skip
