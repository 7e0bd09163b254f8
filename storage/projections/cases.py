"""Cases and their links: `case.opened`, `item.linked`, `item.unlinked`."""

from collections.abc import Sequence

from sqlalchemy import Connection

from storage import bulk
from storage.acts import Event
from storage.projections.values import listed, maybe_text, text
from storage.tables import case, link


def opened(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, case,
        ("id", "number", "kind", "title", "officers", "opened_index", "opened_ms"),
        [
            (
                e.fields["case"], text(e, "number"), text(e, "kind"), text(e, "title"),
                listed(e, "officers"), e.index, e.at_ms,
            )
            for e in events
        ],
    )  # fmt: skip


def linked(connection: Connection, events: Sequence[Event]) -> None:
    bulk.insert(
        connection, link, ("linked_index", "case", "item", "stage", "reason", "linked_leaf"),
        [
            (
                e.index, e.fields["case"], e.fields["item"], maybe_text(e, "stage"),
                text(e, "reason"), e.leaf.hex(),
            )
            for e in events
        ],
    )  # fmt: skip


def unlinked(connection: Connection, events: Sequence[Event]) -> None:
    bulk.update(
        connection, link, ("unlinked_index", "unlink_reason"), ("item", "linked_leaf"),
        [(e.index, text(e, "reason"), e.fields["item"], e.fields["link"]) for e in events],
    )  # fmt: skip
